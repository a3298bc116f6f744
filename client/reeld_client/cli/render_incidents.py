"""What `reelctl incidents` says to a person."""

from rich.console import Console

from reeld_client.cli.incidents import IncidentLines
from reeld_client.cli.render_live import table, words
from reeld_proto.incidents import Incident


def print_incidents(console: Console, found: IncidentLines) -> None:
    """`reelctl incidents list` and `clear`."""
    if not found:
        console.print("[dim]no incidents[/]")
        return
    rows = table("incident", "kind", "what happened")
    for one in found:
        rows.add_row(words(one.id), words(one.kind, "red"), words(f"{one.worker}: {one.reason}"))
    console.print(rows)


def print_incident(console: Console, one: Incident) -> None:
    """`reelctl incidents show`."""
    console.print(words(one.kind, "red"), words(f"{one.worker}: {one.reason}"), soft_wrap=True)
    during = "while recording" if one.recording else "while nothing was recorded"
    console.print(words(f"{one.at}, {during}, reeld {one.version}"), soft_wrap=True)
    for line in one.trace:
        console.print(words(line), soft_wrap=True)
