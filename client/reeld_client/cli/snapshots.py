"""`reelctl snapshots`: the stills of a session, listed or written as pictures."""

from pathlib import Path
from typing import Annotated

import typer

from reeld_client.cli import values
from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.progress import working
from reeld_proto.snapshots import SnapshotInfo


class Snapshots(list[SnapshotInfo]):
    """A list that is printed as snapshots, not as sessions."""


def snapshots(
    invocation: Invocation,
    *,
    session: values.SessionArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Write the pictures into this folder.", show_default=False
        ),
    ] = None,
) -> Answer:
    """List the snapshots of a session: when, how large, and which looks like one before."""
    with invocation.client() as client:
        if output is None:
            return Answer(Snapshots(client.snapshots(session)))
        with working(f"writing to {output.name}") as on_progress:
            return Answer(Snapshots(client.snapshots(session, output, on_progress=on_progress)))


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    command(app)(snapshots)
