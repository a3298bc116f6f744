"""Long work as jobs: the options of the commands that begin it, and `jobs` and `job`, which follow it."""

from collections.abc import Mapping
from typing import Annotated, Any, TypedDict

import typer

from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.cli.progress import working
from reeld_client.core import Call
from reeld_proto.commands import Imported, Verified
from reeld_proto.errors import EXIT_CODES, ErrorCode
from reeld_proto.jobs import TIMEOUT_S_MAX, JobInfo

_JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="As `reelctl jobs` lists it.", show_default=False)]

OPTIONS: Mapping[str, tuple[Any, Any]] = {
    "no_wait": (
        Annotated[bool, typer.Option("--no-wait", help="Begin, print the job, and do not wait for its end.")],
        False,
    ),
    "timeout": (
        Annotated[
            float | None,
            typer.Option(
                "--timeout",
                metavar="S",
                min=0.001,
                max=TIMEOUT_S_MAX,
                help="Cancel it if it takes longer.",
                show_default=False,
            ),
        ],
        None,
    ),
}
"""For `command`: what every command takes that is carried out as a job."""


class JobOptions(TypedDict):
    """What these options give to a command's function."""

    no_wait: bool
    timeout: float | None


class JobLines(list[JobInfo]):
    """A list that is printed as jobs, not as sessions."""


def carried_out(invocation: Invocation, call: Call[Any], label: str, *, no_wait: bool, timeout: float | None) -> Answer:
    """The result of a long question, or the job that was begun. Ctrl-C cancels the job."""
    with invocation.client() as client:
        job = client.jobs.begin(call, timeout_s=timeout)
        if no_wait:
            return Answer(job.info)
        with job, working(label) as on_progress:
            return answer(job.wait(on_progress=on_progress))


def answer(found: Any) -> Answer:
    """The result of a long question with its exit code: 7 for damage that was found, 2 for files that were refused."""
    if isinstance(found, Verified) and not found.ok:
        return Answer(found, EXIT_CODES[ErrorCode.CORRUPT])
    if isinstance(found, Imported) and found.refused:
        return Answer(found, EXIT_CODES[ErrorCode.INVALID_REQUEST])
    return Answer(found)


def jobs(invocation: Invocation) -> Answer:
    """List the jobs that are under way and those that ended within the last hour."""
    with invocation.client() as client:
        return Answer(JobLines(client.jobs.list()))


def show(invocation: Invocation, *, job: _JobArgument) -> Answer:
    """Show a job: how far it is, or how it ended."""
    with invocation.client() as client:
        return Answer(client.jobs.get(job).info)


def cancel(invocation: Invocation, *, job: _JobArgument) -> Answer:
    """End a job; nothing of what it wrote is left. One that ended already stays as it is."""
    with invocation.client() as client:
        return Answer(client.jobs.get(job).cancel())


def wait(
    invocation: Invocation,
    *,
    job: _JobArgument,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="S", min=0.0, help="Wait no longer; the job goes on.", show_default=False),
    ] = None,
) -> Answer:
    """Wait for the end of a job and print what its command would have printed. Ctrl-C leaves it alone."""
    with invocation.client() as client, working("waiting") as on_progress:
        return answer(client.jobs.get(job).wait(timeout, on_progress=on_progress))


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    command(app)(jobs)
    one = typer.Typer(help="One job: a long command that is carried out.")
    for function in (show, cancel, wait):
        command(one)(function)
    app.add_typer(one, name="job")
