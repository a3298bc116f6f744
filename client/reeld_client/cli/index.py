"""The text index: `index`."""

from typing import Annotated

import typer

from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.progress import working
from reeld_proto.errors import EXIT_CODES, EXIT_OK, ErrorCode


def index(
    invocation: Invocation,
    *,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make it anew.")] = False,
) -> Answer:
    """Compare the text index with the store. Exit code 7 if they differ and it was not made anew."""
    with invocation.client() as client, working("comparing"):
        found = client.check_index(rebuild=rebuild)
    sound = found.ok or found.rebuilt
    return Answer(found, EXIT_OK if sound else EXIT_CODES[ErrorCode.CORRUPT])


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    command(app)(index)
