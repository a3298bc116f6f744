"""Commands about what was recorded: sessions, show, export, verify."""

from typing import Annotated

import typer

from reeld_client.cli import values
from reeld_client.cli.command import command
from reeld_client.cli.completion import session_ids
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.progress import working
from reeld_proto.errors import EXIT_CODES, EXIT_OK, ErrorCode
from reeld_proto.records import SessionState

_Seconds = float | None


def sessions(
    invocation: Invocation,
    *,
    status: Annotated[
        SessionState | None, typer.Option("--status", metavar="STATE", help="Only of this state.")
    ] = None,
    tag: Annotated[
        str | None, typer.Option("--tag", metavar="T", help="Only with this tag.", show_default=False)
    ] = None,
    text: Annotated[
        str | None,
        typer.Option("--text", metavar="Q", help="Only with these words in name or markers.", show_default=False),
    ] = None,
) -> Answer:
    """List the sessions in the store, newest first."""
    with invocation.client() as client, working("searching"):
        found = client.sessions(status=status, tag=tag, text=text)
    return Answer(found)


def show(invocation: Invocation, *, session: values.SessionArgument) -> Answer:
    """Describe one session: tracks, gaps, markers."""
    with invocation.client() as client:
        found = client.show(session)
    return Answer(found)


def export(
    invocation: Invocation,
    *,
    session: values.SessionArgument,
    output: values.OutputOption,
    from_s: Annotated[_Seconds, typer.Option("--from", metavar="S", help="Begin here, in playback seconds.")] = None,
    to_s: Annotated[_Seconds, typer.Option("--to", metavar="S", help="End here, in playback seconds.")] = None,
    track: Annotated[
        list[str] | None, typer.Option("--track", metavar="T", help="Only this track; repeatable. Default: all.")
    ] = None,
) -> Answer:
    """Write a session as an MP4 file that any player opens; nothing is encoded again."""
    values.check_range(from_s, to_s)
    path = values.check_output(output)
    with invocation.client() as client, working(f"exporting to {path.name}") as on_progress:
        done = client.export(session, path, from_s=from_s, to_s=to_s, tracks=track, on_progress=on_progress)
    return Answer(done)


def verify(
    invocation: Invocation,
    *,
    session: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Only this session.", autocompletion=session_ids)
    ] = None,
) -> Answer:
    """Check that every chunk is there and intact, and that every second is explained. Exit code 7 if not."""
    with invocation.client() as client, working("verifying") as on_progress:
        found = client.verify(session, on_progress=on_progress)
    exit_code = EXIT_OK if found.ok else EXIT_CODES[ErrorCode.CORRUPT]
    return Answer(found, exit_code)


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for function in (sessions, show, export, verify):
        command(app)(function)
