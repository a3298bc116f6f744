"""Long work as jobs: begun with an answer at once, followed, awaited, cancelled.

Every long command is a job, whether it was sent by itself, so that its reply comes at its end, or in a `StartJob`.
A job goes on when whoever began it leaves.
"""

from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta

from reeld_proto.base import Command, Name, Reply
from reeld_proto.records import Record

TIMEOUT_S_MAX = 7 * 24 * 3600.0


class JobState(StrEnum):
    """Where a job is. The last three are final."""

    QUEUED = "queued"
    """Others have their turn first."""
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """It was cancelled, or its time was up; nothing of what it wrote is left."""


class JobInfo(Record, frozen=True, kw_only=True):
    """A job. command: the type of the command it carries out. progress: 0 to 1, nil while nobody can tell.

    session, path: what it is about and where it writes, if so. who: as in `AuditLine`. started_at, ended_at: ISO 8601
    in UTC. code, message: of the error, if it failed or was cancelled.
    """

    id: str
    command: str
    state: JobState
    progress: float | None = None
    session: str = ""
    path: str = ""
    who: str = ""
    started_at: str = ""
    ended_at: str = ""
    code: str = ""
    message: str = ""


class ListJobs(Command, tag="jobs.list", frozen=True, kw_only=True):
    """List the jobs that are under way and those that ended within the last hour. Answered by `JobList`."""


class ShowJob(Command, tag="jobs.show", frozen=True, kw_only=True):
    """Ask for one job with its result. Answered by `JobDetail`."""

    id: Name


class CancelJob(Command, tag="jobs.cancel", frozen=True, kw_only=True):
    """Cancel a job and wait until nothing of it is left, which takes less than a second; one that ended stays as it is.

    Needs the scope of the job's own command. Answered by `JobDetail`.
    """

    id: Name


class WaitJob(Command, tag="jobs.wait", frozen=True, kw_only=True):
    """Wait for the end of a job. Answered as its command is: by the command's own reply, or the error that ended it."""

    id: Name


class JobDetail(Reply, tag="jobs.job", frozen=True, kw_only=True):
    """Answer to `StartJob`, `ShowJob` and `CancelJob`. result: of a completed job, the reply to its command."""

    job: JobInfo
    result: dict[str, Any] | None = None


class JobList(Reply, tag="jobs.list.reply", frozen=True, kw_only=True):
    """Answer to `ListJobs`; the newest last."""

    jobs: list[JobInfo]


TimeoutS = Annotated[float, Meta(gt=0, le=TIMEOUT_S_MAX)]
