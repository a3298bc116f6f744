"""What a person reads after a range was forgotten."""

from rich.console import Console
from rich.text import Text

from reeld_client.cli.human import count, plural, printable, seconds, size
from reeld_proto.edits import Forgotten

_LISTED_MAX = 12
_DIGEST_CHARS = 16


def print_forgotten(console: Console, receipt: Forgotten) -> None:
    """`reelctl forget`: the receipt."""
    line = Text("✓ ", style="green")
    line.append(f"forgotten: {seconds(receipt.from_s)} to {seconds(receipt.to_s)}", style="bold default")
    line.append(f" of {printable(receipt.session)}", style="default")
    line.append(f"  {printable(receipt.at)}", style="dim default")
    console.print(line, soft_wrap=True)
    for session in receipt.sessions:
        console.print(Text(f"  taken out of {printable(session)}"), soft_wrap=True)
    if receipt.markers:
        console.print(f"  {plural(receipt.markers, 'marker')} removed")
    gone = f"  {plural(len(receipt.gone), 'chunk')} gone, {size(receipt.gone_bytes)}"
    console.print(gone + (f"; {size(receipt.new_bytes)} made anew at the ends" if receipt.new_bytes else ""))
    _listed(console, [(each.chunk, size(each.bytes)) for each in receipt.gone])
    if receipt.kept:
        console.print(Text(f"  {plural(len(receipt.kept), 'chunk')} kept, because others hold them", style="yellow"))
        _listed(console, [(each.chunk, "held by " + ", ".join(each.held_by)) for each in receipt.kept])
    if receipt.gone:
        console.print("  `reelctl gc` removes their bytes from the file")


def _listed(console: Console, chunks: list[tuple[str, str]]) -> None:
    for digest, about in chunks[:_LISTED_MAX]:
        console.print(Text(f"    {digest[:_DIGEST_CHARS]}  {printable(about)}", style="dim"), soft_wrap=True)
    hidden = len(chunks) - _LISTED_MAX
    if hidden > 0:
        console.print(f"    [dim]and {count(hidden)} more; --json lists all[/]")
