"""What gc says to a person."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from reeld_client.cli.human import plural, printable, size
from reeld_client.cli.render_live import table, words
from reeld_proto.edits import Collected, GarbageItem

_GROUPS_SHOWN_MAX = 20


def print_collected(console: Console, found: Collected) -> None:
    """`reelctl gc`."""
    line = Text("" if found.dry_run else "✓ ", style="green")
    if found.chunks:
        verb = "would go" if found.dry_run else "removed"
        line.append(f"{plural(found.chunks, 'chunk')}, {size(found.bytes)} {verb}", style="default")
    else:
        line.append("nothing to remove", style="default")
    if found.erased_bytes:
        line.append(f"  {size(found.erased_bytes)} overwritten in the file", style="dim default")
    console.print(line, soft_wrap=True)
    _print_groups(console, found.items)
    listed = sum(item.bytes for item in found.items)
    if listed < found.bytes:
        console.print(words(f"  and {size(found.bytes - listed)} more", "dim"))
    if found.kept:
        kept_bytes = sum(item.bytes for item in found.kept)
        text = f"{plural(len(found.kept), 'chunk')}, {size(kept_bytes)} kept: a running job may still read them"
        console.print(words(text, "yellow"))
    if not found.complete:
        text = "! a process still reads an old state of the store, so not all of it is overwritten yet; run gc again"
        console.print(words(text, "yellow"))


def _print_groups(console: Console, items: Sequence[GarbageItem]) -> None:
    """What went, by reason, the largest first."""
    groups: dict[str, list[int]] = {}
    for item in items:
        groups.setdefault(item.reason, []).append(item.bytes)
    if not groups:
        return
    rows = table("why", "chunks", "size", right=["chunks", "size"])
    ranked = sorted(groups.items(), key=lambda group: sum(group[1]), reverse=True)
    for reason, sizes in ranked[:_GROUPS_SHOWN_MAX]:
        rows.add_row(words(printable(reason)), words(str(len(sizes))), words(size(sum(sizes))))
    console.print(rows)
    if len(ranked) > _GROUPS_SHOWN_MAX:
        console.print(words(f"  and {plural(len(ranked) - _GROUPS_SHOWN_MAX, 'other reason')}", "dim"))
