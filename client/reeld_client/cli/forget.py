"""Commands that take a range out: `redact` into a new session, `forget` everywhere."""

import sys
from typing import Annotated

import typer

from reeld_client.cli import values
from reeld_client.cli.command import command
from reeld_client.cli.edits import EXIT_DECLINED
from reeld_client.cli.human import printable, seconds
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.progress import working

_TIME = "in playback time: 90, 7m20s or 1:02:03."
_FromOption = Annotated[str, typer.Option("--from", metavar="S", help=f"Begins here, {_TIME}", show_default=False)]
_ToOption = Annotated[str, typer.Option("--to", metavar="S", help=f"Ends here, {_TIME}", show_default=False)]


def redact(
    invocation: Invocation,
    *,
    session: values.SessionArgument,
    from_s: _FromOption,
    to_s: _ToOption,
    name: Annotated[
        str | None, typer.Option("--name", metavar="N", help="Name of the new session.", show_default=False)
    ] = None,
) -> Answer:
    """Make a session without a range of another, which stays as it is."""
    start, end = values.parse_range(from_s, to_s)
    with invocation.client() as client, working("redacting"):
        made = client.redact(session, from_s=start or 0.0, to_s=end or 0.0, name=(name or "").strip())
    return Answer(made)


def forget(
    invocation: Invocation,
    *,
    session: values.SessionArgument,
    from_s: _FromOption,
    to_s: _ToOption,
    yes: Annotated[bool, typer.Option("--yes", "-y", metavar="", help="Do not ask.")] = False,
) -> Answer:
    """Remove a range from a session and from everything made of it; print what went and what stayed."""
    start, end = values.parse_range(from_s, to_s)
    with invocation.client() as client:
        if not yes and sys.stdin.isatty():
            what = f"{seconds(start or 0.0)} to {seconds(end or 0.0)} of {printable(client.show(session).name)}"
            if not _agreed(f"Forget {what}, here and in everything made of it, for good?"):
                raise typer.Exit(invocation.complain("declined", "nothing was forgotten", exit_code=EXIT_DECLINED))
        with working("forgetting"):
            receipt = client.forget(session, from_s=start or 0.0, to_s=end or 0.0)
    return Answer(receipt)


def _agreed(question: str) -> bool:
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:  # Ctrl-C or Ctrl-D is a no
        return False


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for function in (redact, forget):
        command(app)(function)
