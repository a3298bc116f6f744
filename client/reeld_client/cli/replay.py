"""Commands about the rolling buffer."""

from typing import Annotated

import typer

from reeld_client.cli import values
from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation


def save(
    invocation: Invocation,
    *,
    last: Annotated[
        str, typer.Option("--last", metavar="T", help="How much: 90, 7m20s or 1:02:03.", show_default=False)
    ],
    name: values.NameOption = None,
) -> Answer:
    """Keep the last minutes of the clock as a session, recording or not; no media is copied."""
    last_s = values.parse_seconds("--last", last)
    values.check_seconds("--last", last_s, positive=True)
    if name is not None and not name.strip():
        raise values.invalid(["--name is empty"])
    with invocation.client() as client:
        return Answer(client.save_replay(last_s, name=name or ""))


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    group = typer.Typer(help="Keep what has just passed.")
    command(group)(save)
    app.add_typer(group, name="replay")
