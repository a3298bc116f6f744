"""Commands about room: what takes it, and what the budget drops."""

from enum import StrEnum
from typing import Annotated

import typer

from reeld_client.cli import values
from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.progress import working


class Action(StrEnum):
    """What `storage` can do."""

    SHOW = "show"
    APPLY = "apply"


def storage(
    invocation: Invocation,
    *,
    action: Annotated[Action, typer.Argument(metavar="show|apply")] = Action.SHOW,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="With `apply`: say what would go and why, and do nothing.")
    ] = False,
) -> Answer:
    """Show what takes how much room and for how long it suffices, or `apply` quota and retention now."""
    if action is Action.SHOW:
        if dry_run:
            raise values.invalid(["--dry-run goes with `storage apply`"])
        with invocation.client() as client, working("measuring"):
            return Answer(client.storage())
    with invocation.client() as client, working("planning" if dry_run else "making room"):
        return Answer(client.apply_budget(dry_run=dry_run))


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    command(app)(storage)
