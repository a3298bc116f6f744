"""Commands that keep a store sound: repair and upkeep."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.progress import working
from reeld_proto.errors import EXIT_CODES, EXIT_OK, ErrorCode


class Action(StrEnum):
    """What `upkeep` can do."""

    STATUS = "status"
    PAUSE = "pause"
    RESUME = "resume"
    RUN = "run"


def repair(
    invocation: Invocation,
    *,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="PATH", help="A second copy to heal from.", show_default=False),
    ] = None,
) -> Answer:
    """Set aside what is damaged, keep all that is good, and heal from a second copy. Exit code 7 if faults remain."""
    with invocation.client() as client, working("repairing") as on_progress:
        done = client.repair(source, on_progress=on_progress)
    return Answer(done, EXIT_CODES[ErrorCode.CORRUPT] if done.remaining else EXIT_OK)


def upkeep(
    invocation: Invocation,
    *,
    action: Annotated[Action, typer.Argument(metavar="[status|pause|resume|run]")] = Action.STATUS,
    kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help="scrub, compact, compress or budget; all if left out.")
    ] = None,
) -> Answer:
    """Show, pause, resume or run the background work on the store."""
    with invocation.client() as client:
        if action is Action.STATUS:
            return Answer(client.upkeep())
        with working("working"):
            return Answer(client.steer_upkeep(action.value, kind))


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for function in (repair, upkeep):
        command(app)(function)
