"""What sync, bundle and import say to a person."""

from rich.console import Console
from rich.text import Text

from reeld_client.cli.human import plural, printable, seconds, size
from reeld_proto.commands import Bundled, Imported, Synced


def print_synced(console: Console, done: Synced) -> None:
    """`reelctl sync`."""
    line = Text("✓ ", style="green")
    line.append(printable(done.target), style="bold default")
    moved = "up to date"
    if done.copied_chunks:
        moved = f"{plural(done.copied_chunks, 'chunk')} ({size(done.copied_bytes)}) copied"
    line.append(f"  {moved}", style="default")
    if done.removed_chunks:
        line.append(f", {done.removed_chunks} removed", style="default")
    line.append(f"  {plural(done.sessions, 'session')}, {size(done.bytes)} in all", style="dim")
    console.print(line, soft_wrap=True)


def print_bundled(console: Console, done: Bundled) -> None:
    """`reelctl bundle`."""
    line = Text("✓ ", style="green")
    line.append(printable(done.path), style="bold default")
    line.append(f"  {seconds(done.duration_s)}  {size(done.bytes)}", style="default")
    console.print(line, soft_wrap=True)
    console.print(Text(f"  sha256 {done.sha256}", style="dim"), soft_wrap=True)


def print_imported(console: Console, done: Imported) -> None:
    """`reelctl import`."""
    for one in done.sessions:
        line = Text("✓ " if one.new else "= ", style="green" if one.new else "dim")
        line.append(printable(one.session), style="bold default")
        line.append(f"  {printable(one.name)}  {seconds(one.duration_s)}  {size(one.bytes)}", style="default")
        if not one.new:
            line.append("  there already", style="dim")
        console.print(line, soft_wrap=True)
    for file in done.refused:
        line = Text("✗ ", style="red")
        line.append(printable(file.path), style="bold default")
        line.append(f"  {printable(file.reason)}", style="default")
        console.print(line, soft_wrap=True)
    if not done.sessions and not done.refused:
        console.print("[dim]nothing to import[/]")
