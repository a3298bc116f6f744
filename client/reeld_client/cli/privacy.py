"""Private mode: while it is on, nothing is recorded."""

from enum import StrEnum
from typing import Annotated

import typer

from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation


class Switch(StrEnum):
    """What `private` can do."""

    ON = "on"
    OFF = "off"


def private(invocation: Invocation, *, switch: Annotated[Switch, typer.Argument(metavar="on|off")]) -> Answer:
    """Record nothing, neither picture nor sound, from now on until it is switched off."""
    with invocation.client() as client:
        return Answer(client.set_private(switch is Switch.ON))


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    command(app)(private)
