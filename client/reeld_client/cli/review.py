"""Looking at recordings in a browser: `reelctl review`."""

import sys
import webbrowser
from typing import Annotated

import typer

from reeld_client.cli import values
from reeld_client.cli.command import command
from reeld_client.cli.completion import session_ids
from reeld_client.cli.invocation import Answer, Invocation


def has_terminal() -> bool:
    """Whether a person sits there."""
    return sys.stdout.isatty()


def review(
    invocation: Invocation,
    *,
    session: Annotated[
        str,
        typer.Argument(metavar="[ID]", help="The session to show; the list without it.", autocompletion=session_ids),
    ] = "",
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="S", help="At this moment, in playback time: 90 or 7m20s.", show_default=False),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the address in the browser, on a terminal.")
    ] = True,
) -> Answer:
    """Look at recordings in a browser of this machine. The address lets one browser in, once, within a minute."""
    at_s = 0.0 if at is None else values.parse_seconds("--at", at)
    with invocation.client() as client:
        opened = client.open_review(session, at_s=at_s)
    if browser and has_terminal():
        webbrowser.open(opened.url)
    return Answer(opened)


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    command(app)(review)
