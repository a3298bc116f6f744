"""What `reelctl snapshots` says to a person."""

from rich.console import Console

from reeld_client.cli.human import seconds, size
from reeld_client.cli.render_live import table, words
from reeld_client.cli.snapshots import Snapshots


def print_snapshots(console: Console, found: Snapshots) -> None:
    """The list; what looks like a picture before names its time instead of a size."""
    if not found:
        console.print("[dim]no snapshots[/]")
        return
    written = any(one.file for one in found)
    columns = ["at", "track", "pixels", "size", *(["file"] if written else [])]
    rows = table(*columns, right=["at", "size"])
    for one in found:
        cells = [
            words(seconds(one.at_s)),
            words(one.track),
            words(f"{one.width}x{one.height}"),
            words(size(one.bytes) if one.duplicate_of is None else f"as at {seconds(one.duplicate_of)}"),
        ]
        rows.add_row(*cells, *([words(one.file or "")] if written else []))
    console.print(rows)
