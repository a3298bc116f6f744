"""Commands that make sessions of sessions, and change what is written about them."""

import sys
from typing import Annotated

import typer

from reeld_client.cli import values
from reeld_client.cli.command import command
from reeld_client.cli.completion import session_ids
from reeld_client.cli.human import printable
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.progress import working
from reeld_proto.records import SessionInfo

EXIT_DECLINED = 1
"""A person was asked and said no."""

_TIME = "in playback time: 90, 7m20s or 1:02:03."
_FromOption = Annotated[str, typer.Option("--from", metavar="S", help=f"Begin here, {_TIME}", show_default=False)]
_ToOption = Annotated[str, typer.Option("--to", metavar="S", help=f"End here, {_TIME}", show_default=False)]
_FromEither = Annotated[str | None, typer.Option("--from", metavar="S", help=f"Begin here, {_TIME}")]
_ToEither = Annotated[str | None, typer.Option("--to", metavar="S", help=f"End here, {_TIME}")]
_NameOption = Annotated[
    str | None, typer.Option("--name", metavar="N", help="Name of the new session.", show_default=False)
]
_SessionsArgument = Annotated[
    list[str],
    typer.Argument(metavar="ID ID...", help="Sessions, in order.", autocompletion=session_ids, show_default=False),
]


def clip(
    invocation: Invocation,
    *,
    session: values.SessionArgument,
    from_s: _FromOption,
    to_s: _ToOption,
    name: _NameOption = None,
) -> Answer:
    """Make a session of a part of another; no media is copied."""
    start, end = values.parse_range(from_s, to_s)
    with invocation.client() as client, working("clipping"):
        made = client.clip(session, from_s=start or 0.0, to_s=end or 0.0, name=_name(name))
    return Answer(made)


def trim(
    invocation: Invocation,
    *,
    session: values.SessionArgument,
    from_s: _FromEither = None,
    to_s: _ToEither = None,
) -> Answer:
    """Make a session without the beginning or the end of another, which stays; no media is copied."""
    start, end = values.parse_range(from_s, to_s)
    if start is None and end is None:
        raise values.invalid(["say where to trim: --from, --to or both"])
    with invocation.client() as client, working("trimming"):
        made = client.trim(session, from_s=start, to_s=end)
    return Answer(made)


def merge(invocation: Invocation, *, sessions: _SessionsArgument, name: _NameOption = None) -> Answer:
    """Make a session of several, one after the other; no media is copied."""
    if len(sessions) < 2:
        raise values.invalid(["name at least two sessions to merge"])
    with invocation.client() as client, working("merging"):
        made = client.merge(sessions, name=_name(name))
    return Answer(made)


def rename(
    invocation: Invocation,
    *,
    session: values.SessionArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.", show_default=False)],
) -> Answer:
    """Give a session another name."""
    with invocation.client() as client:
        return Answer(client.edit(session, name=name))


def tag(
    invocation: Invocation,
    *,
    session: values.SessionArgument,
    tags: Annotated[list[str] | None, typer.Argument(metavar="[T...]", help="Tags to add.", show_default=False)] = None,
    add: Annotated[list[str] | None, typer.Option("--add", metavar="T", help="Tag to add; repeatable.")] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="T", help="Tag to take away; repeatable.")
    ] = None,
) -> Answer:
    """Add tags to a session, or take some away."""
    added, removed = [*(tags or []), *(add or [])], remove or []
    if not added and not removed:
        raise values.invalid(["name a tag to add, or one to take away with --remove"])
    with invocation.client() as client:
        return Answer(client.edit(session, add_tags=added, remove_tags=removed))


def note(
    invocation: Invocation,
    *,
    session: values.SessionArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The note; '' removes it.", show_default=False)],
) -> Answer:
    """Write a note about a session, in place of the one before."""
    with invocation.client() as client:
        return Answer(client.edit(session, note=text))


def pin(invocation: Invocation, *, session: values.SessionArgument) -> Answer:
    """Keep a session whatever the budget says."""
    return Answer(_pin(invocation, session, pinned=True))


def unpin(invocation: Invocation, *, session: values.SessionArgument) -> Answer:
    """Let the budget decide about a session again."""
    return Answer(_pin(invocation, session, pinned=False))


def delete(
    invocation: Invocation,
    *,
    session: values.SessionArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", metavar="", help="Do not ask.")] = False,
) -> Answer | None:
    """Delete a session. What other sessions hold of it stays; `gc` removes the rest from the disk."""
    with invocation.client() as client:
        if not yes and sys.stdin.isatty():
            name = printable(client.show(session).name)
            if not _agreed(f"Delete {name} ({printable(session)}) for good?"):
                raise typer.Exit(invocation.complain("declined", "nothing was deleted", exit_code=EXIT_DECLINED))
        return Answer(client.delete(session))


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for function in (clip, trim, merge, rename, tag, note, pin, unpin, delete):
        command(app)(function)


def _name(name: str | None) -> str:
    if name is not None and not name.strip():
        raise values.invalid(["--name is empty"])
    return name or ""


def _agreed(question: str) -> bool:
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:  # Ctrl-C or Ctrl-D is a no
        return False


def _pin(invocation: Invocation, session: str, *, pinned: bool) -> SessionInfo:
    with invocation.client() as client:
        return client.edit(session, pinned=pinned)
