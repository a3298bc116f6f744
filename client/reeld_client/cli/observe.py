"""Commands that look on: stats and watch."""

from typing import Annotated

import typer

from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.values import invalid


def stats(
    invocation: Invocation,
    *,
    prometheus: Annotated[
        bool, typer.Option("--prometheus", metavar="", help="Print them in Prometheus' text format, version 0.0.4.")
    ] = False,
) -> Answer | None:
    """Print one snapshot of all counters."""
    if prometheus and invocation.json:
        raise invalid(["--prometheus and --json are two formats; choose one"])
    with invocation.client() as client:
        found = client.stats()
    if not prometheus:
        return Answer(found)
    from reeld_client.cli.prometheus import exposition  # noqa: PLC0415 - for this option alone

    typer.echo(exposition(found), nl=False)
    return None


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
