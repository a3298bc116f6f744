"""Commands about what is going on now: status, sources, start, pause, resume, stop, mark."""

from typing import Annotated, Any

import typer

from reeld_client.cli import values
from reeld_client.cli.command import command
from reeld_client.cli.completion import session_ids
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.privacy import Switch
from reeld_client.cli.progress import working
from reeld_proto.records import MarkerInfo


def status(invocation: Invocation) -> Answer:
    """Show the daemon, its workers and the current session."""
    with invocation.client() as client:
        found = client.status()
    return Answer(found)


def sources(invocation: Invocation) -> Answer:
    """List what can be recorded: displays, windows, cameras, microphones, computer sound."""
    with invocation.client() as client, working("looking for sources"):
        found = client.sources()
    invocation.warn(found.warnings)
    return Answer(found)


def start(invocation: Invocation, **words: Any) -> Answer:
    """Start recording; returns once the first frame was captured."""
    options = values.start_options(**words)
    with invocation.client() as client, working("starting"):
        started = client.start(**options)
    invocation.warn(started.warnings)
    return Answer(started)


def pause(invocation: Invocation) -> Answer:
    """Pause the current session; the pause takes no time in the recording."""
    with invocation.client() as client:
        changed = client.pause()
    return Answer(changed)


def resume(invocation: Invocation) -> Answer:
    """Go on with the paused session."""
    with invocation.client() as client:
        changed = client.resume()
    return Answer(changed)


def set_paused(invocation: Invocation, *, switch: Annotated[Switch, typer.Argument(metavar="on|off")]) -> Answer:
    """Pause or go on, whichever is not so yet; no error when it is."""
    with invocation.client() as client:
        changed = client.set_paused(switch is Switch.ON)
    return Answer(changed)


def stop(invocation: Invocation) -> Answer:
    """End the current session; returns once everything is on disk."""
    with invocation.client() as client, working("writing what is left"):
        stopped = client.stop()
    invocation.warn(stopped.warnings)
    return Answer(stopped)


def mark(
    invocation: Invocation,
    *,
    text: Annotated[str, typer.Argument(metavar="TEXT", show_default=False)],
    session: Annotated[
        str | None,
        typer.Option("--session", metavar="ID", help="A stored session.", autocompletion=session_ids),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="S", help="Where in it, in playback time: 90, 7m20s or 1:02:03.")
    ] = None,
) -> Answer:
    """Put a note at this instant of the current session, or at an instant of a stored one."""
    if not text.strip():
        raise values.invalid(["the note is empty"])
    if (session is None) is not (at is None):
        raise values.invalid(["a stored session is marked with both --session and --at"])
    with invocation.client() as client:
        if session is None or at is None:
            return Answer(client.mark(text))
        marker = MarkerInfo(at_s=values.parse_seconds("--at", at), text=text)
        return Answer(client.edit(session, add_markers=[marker]))


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    command(app)(status)
    command(app)(sources)
    command(app, values.START_OPTIONS)(start)
    command(app, name="set-paused")(set_paused)
    for function in (pause, resume, stop, mark):
        command(app)(function)
