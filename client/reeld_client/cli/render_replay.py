"""What `replay save` says to a person."""

from rich.console import Console

from reeld_client.cli.human import printable, seconds, size
from reeld_client.cli.render_live import words
from reeld_proto.commands import ReplaySaved


def print_replay(console: Console, done: ReplaySaved) -> None:
    """`reelctl replay save`."""
    line = words("✓ ", "green")
    line.append(printable(done.name), style="bold default")
    line.append(f"  {printable(done.session)}", style="dim")
    line.append(f"  {seconds(done.duration_s)}  {size(done.bytes)}", style="default")
    console.print(line, soft_wrap=True)
    for warning in done.warnings:
        console.print(words(f"! {warning}", "yellow"))
