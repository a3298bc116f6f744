"""What the commands about sound say to a person."""

import msgspec
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from reeld_client.cli.audio_view import CheckedGraph, SoundView
from reeld_client.cli.human import plural, printable, seconds
from reeld_client.cli.render_live import print_gaps, state_text, words
from reeld_proto.commands import SoundAdjusted
from reeld_proto.sound import HeardSpan, NodeLevels, SessionTimeline
from reeld_proto.sound_reading import NODE_TYPES

BAR_CELLS = 24
_FLOOR_DB = -60.0
_LOUD_DB, _CLIP_DB = -12.0, -3.0
_BLOCKS = " ▏▎▍▌▋▊▉█"


def print_sound(console: Console, found: SoundView) -> None:
    """`reelctl audio graph`."""
    console.print(sound_tree(found))


def sound_tree(found: SoundView) -> Tree:
    """The graph from its sources on; a node that several lead to is drawn below the first of them."""
    title = f"session {printable(found.session)}" if found.session else "not recording; the next session's graph"
    tree = Tree(Text(title, style="dim"), guide_style="bright_black")
    levels = {each.node: each for each in found.levels}
    takers: dict[str, list[dict[str, object]]] = {}
    for node in found.nodes:
        for port in node["inputs"]:
            takers.setdefault(port.partition(".")[0], []).append(node)
    drawn: set[str] = set()
    for node in found.nodes:
        if not node["inputs"]:
            _draw(tree, node, takers, levels, drawn)
    return tree


def _draw(
    above: Tree,
    node: dict[str, object],
    takers: dict[str, list[dict[str, object]]],
    levels: dict[str, NodeLevels],
    drawn: set[str],
) -> None:
    name = str(node["name"])
    if name in drawn:
        above.add(Text.assemble("↳ ", (printable(name), "dim")))
        return
    drawn.add(name)
    here = above.add(_line(node, levels.get(name)))
    for taker in takers.get(name, ()):
        _draw(here, taker, takers, levels, drawn)


def _line(node: dict[str, object], levels: NodeLevels | None) -> Text:
    line = Text.assemble((printable(str(node["name"])), "bold"), "  ", (printable(str(node["type"])), "cyan"))
    for setting, value in _told(node).items():
        line.append(f"  {printable(setting)} {printable(str(value))}", style="yellow" if setting == "muted" else "")
    fullness = node.get("fullness")
    if isinstance(fullness, float) and fullness >= 0.5:
        line.append(f"  queue {fullness:.0%}", style="bold red")
    if levels is not None and levels.rms_db:
        line.append("  ")
        line.append_text(bar(max(levels.rms_db), max(levels.peak_db, default=_FLOOR_DB)))
    return line


def _told(node: dict[str, object]) -> dict[str, object]:
    """Settings that are not as they are by themselves."""
    kind, settings = NODE_TYPES.get(str(node["type"])), node["settings"]
    if kind is None or not isinstance(settings, dict):
        return {}
    usual = {each.name: each.default for each in msgspec.structs.fields(kind)}
    return {key: value for key, value in settings.items() if value != usual[key] and value not in ("", [])}


def bar(rms_db: float, peak_db: float) -> Text:
    """Loudness as a bar from -60 dB on, with the peak in figures."""
    share = min(1.0, max(0.0, (rms_db - _FLOOR_DB) / -_FLOOR_DB))
    eighths = round(share * BAR_CELLS * 8)
    full, rest = divmod(eighths, 8)
    drawn = "█" * full + (_BLOCKS[rest] if rest else "")
    style = "red" if peak_db > _CLIP_DB else "yellow" if peak_db > _LOUD_DB else "green"
    shown = "silent" if peak_db <= -120 else f"{peak_db:6.1f} dB"
    return Text.assemble((drawn.ljust(BAR_CELLS, "·"), style), f" {shown}")


def print_adjusted(console: Console, adjusted: SoundAdjusted) -> None:
    """`reelctl audio set`, `gain`, `mute`, `unmute`, `balance` and `edit`."""
    line = state_text(adjusted.state)
    line.append(f"  from {seconds(adjusted.at_s)} on: ")
    told = [f"{change.node} {change.setting} {change.value}" for change in adjusted.changes]
    line.append(printable(", ".join(told) or "another graph of sounds"))
    console.print(line)


def print_checked(console: Console, found: CheckedGraph) -> None:
    """`reelctl audio check`."""
    about = f"  {plural(found.nodes, 'node')}, tracks {', '.join(found.tracks)}" if found.whole else ""
    line = Text.assemble(("✓ ", "green"), (printable(found.path), "bold"), printable(about))
    console.print(line, soft_wrap=True)
    if not found.whole:
        console.print(words("it can be read; how its nodes fit together is known where the daemon is installed", "dim"))


def print_timeline(console: Console, found: SessionTimeline) -> None:
    """`reelctl timeline`."""
    console.print(words(f"{found.session}  {seconds(found.duration_s)}", "bold"))
    heard = (("voice", found.voice, "green"), ("silence", found.silence, "dim"))
    rows = [
        *((one.at_s, Text.assemble(("⚑", "cyan"), f" {printable(one.text)}")) for one in found.markers),
        *((span.start_s, _span(what, span, style)) for what, spans, style in heard for span in spans),
        *((one.at_s, words(f"{one.node} {one.setting} {one.value}", "yellow")) for one in found.automation),
    ]
    for at_s, text in sorted(rows, key=lambda row: row[0]):
        console.print(Text.assemble((f"{seconds(at_s):>10}  ", "dim"), text))
    print_gaps(console, found.gaps, [])


def _span(what: str, span: HeardSpan, style: str) -> Text:
    return words(f"{what} on {span.track} for {seconds(span.end_s - span.start_s)}", style)
