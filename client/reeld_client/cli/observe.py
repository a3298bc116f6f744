"""Commands that look on: stats and watch."""

from typing import Annotated

import typer

from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation


def stats(invocation: Invocation) -> Answer:
    """Print one snapshot of all counters."""
    with invocation.client() as client:
        return Answer(client.stats())


def watch(
    invocation: Invocation,
    *,
    count: Annotated[
        int | None, typer.Option("--count", min=1, metavar="N", help="Leave after N looks.", show_default=False)
    ] = None,
) -> None:
    """Look on live, twice a second, until Ctrl-C. Without a terminal a line a look; with --json a document a line."""
    from reeld_client.cli.watch import watch as run  # noqa: PLC0415 - rich, for this command alone

    run(invocation, count)


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for function in (stats, watch):
        command(app)(function)
