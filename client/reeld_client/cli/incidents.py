"""Reports of processes that crashed or stalled: `reelctl incidents`."""

from typing import Annotated

import typer

from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_proto.incidents import Incident

_IncidentArgument = Annotated[
    str, typer.Argument(metavar="INCIDENT", help="As `reelctl incidents list` names it.", show_default=False)
]


class IncidentLines(list[Incident]):
    """A list that is printed as incidents, not as sessions."""


def listed(invocation: Invocation) -> Answer:
    """List what went wrong with reeld's own processes, the newest last."""
    with invocation.client() as client:
        return Answer(IncidentLines(client.incidents()))


def show(invocation: Invocation, *, incident: _IncidentArgument) -> Answer:
    """Show one report, with where the process was when it ended."""
    with invocation.client() as client:
        return Answer(client.incident(incident))


def clear(invocation: Invocation) -> Answer:
    """Remove all reports; what was removed."""
    with invocation.client() as client:
        return Answer(IncidentLines(client.clear_incidents()))


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    about = typer.Typer(help="What went wrong with reeld's own processes.")
    command(about, name="list")(listed)
    command(about)(show)
    command(about)(clear)
    app.add_typer(about, name="incidents")
