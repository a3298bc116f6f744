"""Completion of session ids in the shell: from a daemon that answers at once, or not at all."""

from pathlib import Path

import typer

from reeld_client.client import Client
from reeld_client.core import Call
from reeld_proto.errors import ReeldError

_PATIENCE_S = 0.3
_SHOWN_MAX = 50


def session_ids(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids that begin with what is typed, newest first, each with its session's name. Empty without a daemon."""
    from reeld_client import calls  # noqa: PLC0415

    question = calls.sessions({})
    try:
        with Client(_runtime(context)) as client:
            found = client.call(Call(question.command, question.read, _PATIENCE_S))
    except ReeldError:
        return []  # a person pressing TAB has not asked for an error message
    return [(one.session, one.name) for one in found.sessions if one.session.startswith(incomplete)][:_SHOWN_MAX]


def _runtime(context: typer.Context) -> Path | None:
    for level in (context, context.parent):
        chosen = level.params.get("runtime") if level is not None else None
        if chosen is not None:
            return Path(chosen)
    return None
