"""What clip, trim, merge, redact and delete say to a person."""

from rich.console import Console
from rich.text import Text

from reeld_client.cli.human import printable, seconds, size
from reeld_proto.edits import Deleted, Derived


def print_derived(console: Console, made: Derived) -> None:
    """`reelctl clip`, `trim`, `merge` and `redact`."""
    line = Text("✓ ", style="green")
    line.append(printable(made.name), style="bold default")
    line.append(f"  {printable(made.session)}", style="default")
    line.append(f"  {seconds(made.duration_s)}  {size(made.bytes)}", style="default")
    line.append(f"  {size(made.new_bytes)} made anew" if made.new_bytes else "  nothing copied", style="dim default")
    console.print(line, soft_wrap=True)


def print_deleted(console: Console, done: Deleted) -> None:
    """`reelctl delete`."""
    line = Text("✓ ", style="green")
    line.append(f"deleted {printable(done.session)}", style="default")
    line.append(f"  {size(done.freed_bytes)} for `reelctl gc` to remove", style="default")
    if done.shared_bytes:
        line.append(f"  {size(done.shared_bytes)} stay in other sessions", style="dim default")
    console.print(line, soft_wrap=True)
