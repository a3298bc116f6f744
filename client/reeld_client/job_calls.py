"""What can be asked about jobs: one function a question, for both clients."""

from typing import Any, TypedDict, TypeVar

from reeld_client.core import Call, expect, tag
from reeld_proto import commands as c
from reeld_proto.errors import InternalError
from reeld_proto.jobs import JobInfo, JobState
from reeld_proto.sound_graph import SampleFormat, SoundChange

R = TypeVar("R")

QUICK_S = 5.0
CANCEL_S = 15.0
"""A job is gone within a second, when the machine does nothing else."""
TOPICS = ("job",)
ENDED = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})


class ExportOptions(TypedDict, total=False):
    """What an export may be asked for; see `Client.export`."""

    from_s: float | None
    to_s: float | None
    tracks: list[str] | None
    samples: SampleFormat | None
    remix: list[SoundChange] | None


def is_long(call: Call[Any]) -> bool:
    """Whether a question can be begun as a job, and is worth it."""
    return isinstance(call.command, c.LongCommand) and call.timeout_s is None


def start(call: Call[R], timeout_s: float | None) -> Call[c.JobDetail]:
    """Begin what `call` asks for. Raises InternalError for a question that is no job."""
    if not isinstance(call.command, c.LongCommand):
        raise InternalError(f"{type(call.command).__name__} is not carried out as a job")
    return Call(c.StartJob(command=call.command, timeout_s=timeout_s), expect(c.JobDetail), QUICK_S)


def listed() -> Call[list[JobInfo]]:
    """All jobs."""
    return Call(c.ListJobs(), lambda reply: expect(c.JobList)(reply).jobs, QUICK_S)


def show(id: str) -> Call[c.JobDetail]:
    """One job."""
    return Call(c.ShowJob(id=id), expect(c.JobDetail), QUICK_S)


def cancel(id: str) -> Call[c.JobDetail]:
    """End one."""
    return Call(c.CancelJob(id=id), expect(c.JobDetail), CANCEL_S)


def wait(id: str, call: Call[R], timeout_s: float | None) -> Call[R]:
    """The answer to `call`, which began the job."""
    return Call(c.WaitJob(id=id), call.read, timeout_s, name=tag(call.command))
