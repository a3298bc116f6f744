"""Enrichment: `reelctl enrich`, and its jobs."""

from enum import StrEnum
from typing import Annotated

import typer

from reeld_client.cli import values
from reeld_client.cli.command import command
from reeld_client.cli.completion import session_ids
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.progress import working
from reeld_proto.enrich import EnrichAction, EnrichJob, EnrichState
from reeld_proto.errors import EXIT_CODES, EXIT_OK, ErrorCode

_EXIT = {
    EnrichState.FAILED: EXIT_CODES[ErrorCode.INTERNAL],
    EnrichState.CANCELLED: EXIT_CODES[ErrorCode.CANCELLED],
}


class EnrichLines(list[EnrichJob]):
    """A list that is printed as jobs of enrichment, not as sessions."""


class Verb(StrEnum):
    """First words that are no session."""

    LIST = "list"
    PLAN = "plan"
    SHOW = "show"
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"


def enrich(
    invocation: Invocation,
    *,
    what: Annotated[
        str,
        typer.Argument(
            metavar="ID|list|plan|show|cancel|pause|resume",
            help="A session, or what to do with jobs.",
            autocompletion=session_ids,
            show_default=False,
        ),
    ],
    which: Annotated[
        str,
        typer.Argument(metavar="[JOB|ID]", help="The job or session it is about; all jobs if left out."),
    ] = "",
    plan: Annotated[
        str,
        typer.Option("--plan", metavar="P", help="off, basic, standard, full or your own.", show_default=False),
    ] = "",
    priority: Annotated[
        int, typer.Option("--priority", metavar="N", min=-100, max=100, help="Higher ones go first.")
    ] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, how long it takes and what leaves this machine.")
    ] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Begin, print the job, and do not wait.")] = False,
) -> Answer:
    """Find out what was on the screen, what was said, and what mattered. The job goes on when this command is left."""
    if what not in set(Verb):
        if which:
            raise values.invalid([f"{which!r} follows a session; only one is enriched at a time"])
        return _begin(invocation, what, plan, priority, dry_run=dry_run, no_wait=no_wait)
    verb = Verb(what)
    if verb in (Verb.PLAN, Verb.SHOW) and not which:
        raise values.invalid([f"say which session: `reelctl enrich {verb} ID`"])
    with invocation.client() as client:
        match verb:
            case Verb.LIST:
                return Answer(EnrichLines(client.enrichment(which)))
            case Verb.PLAN:
                return Answer(client.plan_enrichment(which, plan=plan))
            case Verb.SHOW:
                return Answer(client.findings(which))
            case _:
                return Answer(EnrichLines(client.steer_enrichment(EnrichAction(verb.value), which)))


def _begin(invocation: Invocation, session: str, plan: str, priority: int, *, dry_run: bool, no_wait: bool) -> Answer:
    with invocation.client() as client:
        if dry_run:
            return Answer(client.plan_enrichment(session, plan=plan))
        job = client.enrich(session, plan=plan, priority=priority)
        if not no_wait:
            with working("enriching"):
                job = client.wait_enrichment(job.id)
    return Answer(job, EXIT_OK if no_wait else _EXIT.get(job.state, EXIT_OK))


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    command(app)(enrich)
