"""What index says to a person."""

from rich.console import Console
from rich.text import Text

from reeld_client.cli.human import count, plural, printable
from reeld_proto.commands import IndexChecked

_FAULTS_SHOWN_MAX = 20


def print_index(console: Console, found: IndexChecked) -> None:
    """`reelctl index`."""
    compared = plural(found.sessions, "session")
    if found.ok:
        console.print(f"[green]✓ {'made anew' if found.rebuilt else 'all is well'}[/]  {compared}")
        return
    faults = plural(len(found.faults), "fault")
    console.print(f"[green]✓ made anew[/]  {compared}; had {faults}" if found.rebuilt else f"[bold red]✗ {faults}[/]")
    for fault in found.faults[:_FAULTS_SHOWN_MAX]:
        console.print(Text(f"  {printable(fault)}"))
    hidden = len(found.faults) - _FAULTS_SHOWN_MAX
    if hidden > 0:
        console.print(f"  [dim]and {count(hidden)} more; --json lists all[/]")
    if not found.rebuilt:
        console.print("[dim]`reelctl index --rebuild` makes it anew[/]")
