"""What status, sources, start, pause, resume, stop and mark say to a person."""

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reeld_client.cli.human import clock, count, milliseconds, printable, seconds, size
from reeld_proto.commands import (
    PictureArranged,
    PrivacyChanged,
    SessionChanged,
    SessionStarted,
    SessionStopped,
    Sources,
    Status,
)
from reeld_proto.records import AudioSource, GapInfo, GapReason, SessionBrief, SessionState, TrackInfo, WorkerState

STATE_STYLES: dict[SessionState, str] = {
    SessionState.ACTIVE: "bold red",
    SessionState.PAUSED: "bold yellow",
    SessionState.PARTIAL: "bold yellow",
    SessionState.COMPLETED: "green",
    SessionState.INTERRUPTED: "yellow",
    SessionState.ERROR: "bold red",
}
STATE_WORDS: dict[SessionState, str] = {
    SessionState.ACTIVE: "● recording",
    SessionState.PAUSED: "‖ paused",
    SessionState.PARTIAL: "◐ partial",
    SessionState.COMPLETED: "✓ completed",
    SessionState.INTERRUPTED: "! interrupted",
    SessionState.ERROR: "✗ error",
}
WORKER_STYLES: dict[WorkerState, str] = {
    WorkerState.STARTING: "yellow",
    WorkerState.READY: "dim",
    WorkerState.RUNNING: "green",
    WorkerState.STOPPING: "yellow",
    WorkerState.FAILED: "bold red",
}


_WRAPPED = {"fields", "meaning", "name", "tags", "what"}
"""Columns whose text may take several lines; ids and numbers must stay whole to be read and copied."""


def state_text(state: SessionState) -> Text:
    """A session's state as a word with its colour and sign."""
    return Text.assemble((STATE_WORDS.get(state, state.value), STATE_STYLES.get(state, "cyan")))


def words(text: str, style: str = "") -> Text:
    """Text of others as it is: neither markup nor control characters take effect."""
    return Text.assemble((printable(text), style))


def table(*columns: str, right: Iterable[str] = ()) -> Table:
    """A table without frame; the columns in `right` are flush right."""
    made = Table(
        box=SIMPLE_HEAD,
        header_style="dim",
        border_style="bright_black",
        pad_edge=False,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    aligned = set(right)
    for column in columns:
        made.add_column(column, justify="right" if column in aligned else "left", no_wrap=column not in _WRAPPED)
    return made


def print_status(console: Console, found: Status) -> None:
    """`reelctl status`."""
    daemon = found.daemon
    about = f" {printable(daemon.version)}  pid {daemon.pid}  up {clock(daemon.uptime_s)}"
    console.print(Text.assemble(("reeld", "bold"), about))
    console.print(_session_line(found.session))
    if found.private:
        console.print(words("private mode: nothing is recorded until `reelctl private off`", "yellow"))
    if found.buffer is not None:
        mark, style = ("●", "red") if found.buffer.recording else ("○", "dim")
        held = f" rolling buffer  {clock(found.buffer.held_s)} of {clock(found.buffer.minutes * 60)}"
        console.print(Text.assemble((mark, style), held))
    if found.workers:
        workers = table("worker", "state", "pid", right=["pid"])
        for worker in found.workers:
            state = words(worker.state.value, WORKER_STYLES[worker.state])
            workers.add_row(words(worker.name), state, str(worker.pid))
        console.print()
        console.print(workers)


def _session_line(session: SessionBrief | None) -> Text:
    if session is None:
        return Text("○ not recording", style="dim")
    line = Text()
    line.append_text(state_text(session.state))
    line.append(f"  {clock(session.elapsed_s)}  ")
    line.append(printable(session.name), style="bold")
    line.append(f"  {printable(session.id)}", style="dim")
    return line


def print_sources(console: Console, found: Sources) -> None:
    """`reelctl sources`."""
    rows = table("kind", "id", "name", "place")
    for display in found.displays:
        place = f"{display.width}x{display.height} at {display.x},{display.y}"
        rows.add_row("display", words(display.id), words(display.name), place + (" primary" * display.primary))
    for window in found.windows:
        place = f"{window.width}x{window.height} at {window.x},{window.y}"
        rows.add_row("window", words(window.id), words(f"{window.title} ({window.app})"), place)
    for camera in found.cameras:
        rows.add_row("camera", words(camera.id), words(camera.name), "")
    for kind, sounds in (("microphone", found.microphones), ("computer sound", found.system_audio)):
        for sound in sounds:
            rows.add_row(kind, *_sound(sound))
    if rows.row_count:
        console.print(rows)
    else:
        console.print("[dim]nothing to record was found[/]")


def _sound(sound: AudioSource) -> tuple[Text, Text, str]:
    return words(sound.id), words(sound.name), "default" if sound.default else ""


def print_started(console: Console, started: SessionStarted) -> None:
    """`reelctl start`."""
    line = state_text(started.state)
    line.append(f"  {printable(started.name or started.session)}", style="bold")
    if started.name:
        line.append(f"  {printable(started.session)}", style="dim")
    if started.first_frame_ms is not None:
        line.append(f"  first frame after {milliseconds(started.first_frame_ms)}", style="dim")
    console.print(line)


def print_changed(console: Console, changed: SessionChanged) -> None:
    """`reelctl pause`, `resume` and `mark`."""
    if changed.marker_at_s is not None:
        about = f" marked at {seconds(changed.marker_at_s)}  "
        console.print(Text.assemble(("⚑", "cyan"), about, (printable(changed.session), "dim")))
        return
    line = state_text(changed.state)
    line.append(f"  {clock(changed.elapsed_s)}  ")
    line.append(printable(changed.session), style="dim")
    console.print(line)


def print_arranged(console: Console, arranged: PictureArranged) -> None:
    """`reelctl layout`."""
    line = state_text(arranged.state)
    line.append(f"  {arranged.layout.value}: ")
    line.append(printable(", ".join(arranged.sources)))
    console.print(line)


def print_private(console: Console, changed: PrivacyChanged) -> None:
    """`reelctl private`."""
    if changed.private:
        console.print(words("private mode is on: nothing is recorded until `reelctl private off`", "yellow"))
    else:
        console.print(words("private mode is off", "green"))


def print_stopped(console: Console, stopped: SessionStopped) -> None:
    """`reelctl stop`."""
    line = state_text(stopped.state)
    line.append(f"  {seconds(stopped.duration_s)}  ")
    line.append(f"{size(sum(track.bytes for track in stopped.tracks))}  ")
    line.append(printable(stopped.session), style="dim")
    console.print(line)
    console.print(tracks_table(stopped.tracks))
    print_gaps(console, stopped.gaps, stopped.tracks)


def tracks_table(tracks: list[TrackInfo]) -> Table:
    """What each track of a session holds."""
    heard = any(track.silence_ratio is not None for track in tracks)
    numbers = ["size", "frames", "unchanged", "dropped", *(["silent"] if heard else [])]
    rows = table("track", "codec", "what", *numbers, right=numbers)
    for track in tracks:
        dropped = words(count(track.dropped), "red" if track.dropped else "")
        unchanged = count(track.unchanged) if track.unchanged else ""
        rows.add_row(
            words(track.id),
            words(track.codec),
            words(track.label),
            size(track.bytes),
            count(track.frames),
            unchanged,
            dropped,
            *([] if not heard else ["" if track.silence_ratio is None else f"{track.silence_ratio:.0%}"]),
        )
    return rows


def print_gaps(console: Console, gaps: list[GapInfo], tracks: list[TrackInfo]) -> None:
    """The stretches without media, one line for all tracks that share one; pauses are dim, the rest stands out."""
    shared: dict[tuple[float, float, GapReason, str], list[str]] = {}
    for gap in gaps:
        shared.setdefault((gap.start_s, gap.end_s, gap.reason, gap.detail), []).append(gap.track)
    for (start_s, end_s, reason, detail), names in sorted(shared.items()):
        style = "dim" if reason is GapReason.PAUSED else "yellow"
        where = "all tracks" if len(names) == len(tracks) > 1 else ", ".join(names)
        why = f"{reason.value} ({printable(detail)})" if detail else reason.value
        text = f"gap at {seconds(start_s)} for {seconds(end_s - start_s)}: {why}, {where}"
        console.print(words(text, style))
