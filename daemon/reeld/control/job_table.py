"""The table of jobs: what is under way, what ended lately and how. Pure; the time is told."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from msgspec import structs

from reeld_proto.commands import ErrorReply, LongCommand, Reply
from reeld_proto.errors import ErrorCode
from reeld_proto.jobs import JobInfo, JobState
from reeld_proto.units import NS_PER_MS, NS_PER_S

KEPT_NS = 3600 * NS_PER_S
KEPT_MAX = 100
"""Jobs that ended; of more, or after so long, the oldest are forgotten."""
TELL_EVERY_NS = 250 * NS_PER_MS


@dataclass(slots=True)
class Job:
    """A job. reply: of its command, once it ended."""

    command: LongCommand
    info: JobInfo
    reply: Reply | None = None
    ended_ns: int = 0
    told_ns: int = 0


class JobTable:
    """All jobs by id. wall: the time of day as jobs tell it; prefix: makes ids of two daemons different."""

    def __init__(self, prefix: str, wall: Callable[[], str]) -> None:
        self._prefix = prefix
        self._wall = wall
        self._numbers = itertools.count(1)
        self._jobs: dict[str, Job] = {}

    def add(self, command: LongCommand, who: str) -> Job:
        """Enter a job that waits for its turn."""
        name = f"{self._prefix}{next(self._numbers)}"
        self._jobs[name] = job = Job(
            command,
            JobInfo(
                id=name,
                command=str(command.__struct_config__.tag),
                state=JobState.QUEUED,
                session=getattr(command, "session", None) or "",
                path=_where(command),
                who=who,
                started_at=self._wall(),
            ),
        )
        return job

    def begin(self, job: Job) -> bool:
        """Its turn came; whether that is news."""
        if job.info.state is not JobState.QUEUED:
            return False
        job.info = structs.replace(job.info, state=JobState.RUNNING)
        return True

    def advance(self, job: Job, done: float, total: float, now_ns: int) -> bool:
        """It went on; whether it is time to tell so. Progress never falls, however a worker estimates."""
        if job.reply is not None or total <= 0:
            return False
        progress = max(job.info.progress or 0.0, min(1.0, max(0.0, done / total)))
        job.info = structs.replace(job.info, state=JobState.RUNNING, progress=progress)
        if now_ns - job.told_ns < TELL_EVERY_NS:
            return False
        job.told_ns = now_ns
        return True

    def end(self, job: Job, reply: Reply, now_ns: int) -> None:
        """It ended with `reply`, which may be an error. What ended long ago is forgotten."""
        state, progress, code, message = JobState.COMPLETED, 1.0, "", ""
        if isinstance(reply, ErrorReply):
            state = JobState.CANCELLED if reply.code == ErrorCode.CANCELLED else JobState.FAILED
            code, message = reply.code, reply.message
        job.info = structs.replace(
            job.info,
            state=state,
            progress=progress if state is JobState.COMPLETED else job.info.progress,
            ended_at=self._wall(),
            code=code,
            message=message,
        )
        job.reply, job.ended_ns = reply, now_ns
        self._forget(now_ns)

    def find(self, id: str) -> Job | None:
        """The job of this id."""
        return self._jobs.get(id)

    def all(self, now_ns: int) -> list[JobInfo]:
        """Every job that is known, the newest last."""
        self._forget(now_ns)
        return [job.info for job in self._jobs.values()]

    def under_way(self) -> list[JobInfo]:
        """Jobs that have not ended."""
        return [job.info for job in self._jobs.values() if job.reply is None]

    def _forget(self, now_ns: int) -> None:
        ended = sorted(
            (job for job in self._jobs.values() if job.reply is not None), key=lambda job: job.ended_ns, reverse=True
        )
        for place, job in enumerate(ended):
            if place >= KEPT_MAX or now_ns - job.ended_ns > KEPT_NS:
                del self._jobs[job.info.id]


def _where(command: LongCommand) -> str:
    return next((str(found) for name in ("path", "target", "folder") if (found := getattr(command, name, None))), "")
