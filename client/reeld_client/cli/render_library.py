"""What sessions, show, export, verify and record say to a person."""

from datetime import datetime

from rich.console import Console
from rich.text import Text

from reeld_client.cli.human import count, plural, printable, seconds, size
from reeld_client.cli.record import Recorded
from reeld_client.cli.render_live import print_gaps, state_text, table, tracks_table, words
from reeld_proto.commands import Exported, Verified
from reeld_proto.records import SessionInfo

_FAULTS_SHOWN_MAX = 20
_WIDE = 100


def print_sessions(console: Console, found: list[SessionInfo]) -> None:
    """`reelctl sessions`."""
    if not found:
        console.print("[dim]no sessions[/]")
        return
    columns = ["session", "name", "state", "started", "length", "size", "tags"]
    if console.width < _WIDE:
        columns.remove("started")  # the id begins with it
    if not any(one.tags for one in found):
        columns.remove("tags")
    rows = table(*columns, right=["length", "size"])
    for one in found:
        cells = {
            "session": words(one.session),
            "name": words(one.name),
            "state": state_text(one.state),
            "started": words(started(one.started_at)),
            "length": words(seconds(one.duration_s)),
            "size": words(size(one.bytes)),
            "tags": words(" ".join(one.tags)),
        }
        rows.add_row(*(cells[column] for column in columns))
    console.print(rows)


def started(at: str) -> str:
    """An ISO 8601 instant as a person's own clock showed it, to the minute; unchanged if it is none."""
    try:
        return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return at


def print_session(console: Console, found: SessionInfo) -> None:
    """`reelctl show`."""
    line = state_text(found.state)
    line.append(f"  {printable(found.name)}", style="bold")
    line.append(f"  {printable(found.session)}", style="dim")
    console.print(line)
    about = words("  ".join([started(found.started_at), seconds(found.duration_s), size(found.bytes)]))
    for tag in found.tags:
        about.append(f"  #{printable(tag)}", style="cyan")
    if found.pinned:
        about.append("  pinned", style="cyan")
    if found.tier != "full":
        about.append(f"  {printable(found.tier)} only", style="yellow")
    console.print(about)
    for origin in found.origins:
        console.print(words(f"from {origin}", "dim"))
    if found.note:
        console.print()
        for written in found.note.splitlines():
            console.print(words(written))
    if found.tracks:
        console.print()
        console.print(tracks_table(found.tracks))
    for marker in found.markers:
        console.print(Text.assemble(("⚑", "cyan"), f" {seconds(marker.at_s)}  {printable(marker.text)}"))
    print_gaps(console, found.gaps, found.tracks)
    for warning in found.warnings:
        console.print(words(f"! {warning}", "yellow"))


def print_exported(console: Console, done: Exported | Recorded) -> None:
    """`reelctl export` and `record`."""
    line = Text("✓ ", style="green")
    line.append(printable(done.path), style="bold default")
    line.append(f"  {seconds(done.duration_s)}  {size(done.bytes)}", style="default")
    console.print(line, soft_wrap=True)


def print_verified(console: Console, found: Verified) -> None:
    """`reelctl verify`."""
    checked = f"{plural(found.checked_chunks, 'chunk')}, {size(found.checked_bytes)} checked"
    if found.ok:
        console.print(f"[green]✓ all is well[/]  {checked}")
        return
    console.print(f"[bold red]✗ {plural(len(found.faults), 'fault')}[/]  {checked}")
    for fault in found.faults[:_FAULTS_SHOWN_MAX]:
        where = " ".join(part for part in (fault.session, fault.track, fault.chunk[:12]) if part)
        about = f"  {printable(where)}  {printable(fault.detail)}"
        console.print(Text.assemble("  ", (printable(fault.kind), "red"), about))
    hidden = len(found.faults) - _FAULTS_SHOWN_MAX
    if hidden > 0:
        console.print(f"  [dim]and {count(hidden)} more; --json lists all[/]")
