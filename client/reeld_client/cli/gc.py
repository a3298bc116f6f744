"""The command that removes what nothing refers to any more."""

from typing import Annotated

import typer

from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.progress import working


def gc(
    invocation: Invocation,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", metavar="", help="Only say what would go, and why.")] = False,
) -> Answer:
    """Remove what no session holds any more, and overwrite it in the file."""
    with invocation.client() as client, working("looking" if dry_run else "collecting"):
        found = client.gc(dry_run=dry_run)
    return Answer(found)


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    command(app)(gc)
