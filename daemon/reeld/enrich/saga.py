"""What becomes of a job of enrichment: every change of its state, as a function of the job. Pure.

DESIGN: a job is a value that the store keeps; whoever changes it writes it back. Stages are steps in order, each either
completed or not; what was found in one stays when a later one fails, unless the plan undoes it. Final states are never
left.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from reeld_proto.enrich import FINAL_STATES, EnrichJob, EnrichState, StageStatus
from reeld_proto.enrich_orders import SliceDone, StageOpened
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected
from reeld_proto.findings import Stage
from reeld_proto.units import NS_PER_S

TRANSIENT = frozenset(
    {
        ErrorCode.WORKER_LOST,
        ErrorCode.TIMEOUT,
        ErrorCode.INTERNAL,
        ErrorCode.DISK_FULL,
        ErrorCode.DISK_FAILED,
        ErrorCode.DISK_SLOW,
        ErrorCode.RATE_LIMITED,
    }
)
"""Faults that may be gone the next time; any other is the job's end."""

FRUITLESS_MAX = 4
"""So many attempts in a row that found nothing at all end a job."""
FIRST_RETRY_S, RETRY_FACTOR = 0.5, 4.0


def new_job(id: str, session: str, plan: str, stages: Sequence[Stage], priority: int, wall_ns: int) -> EnrichJob:
    """A job that waits for its turn."""
    return EnrichJob(
        id=id,
        session=session,
        plan=plan,
        priority=priority,
        created_at=instant(wall_ns),
        stages=[StageStatus(stage=stage) for stage in stages],
    )


def recovered(job: EnrichJob) -> EnrichJob:
    """A job as it is after a restart of the daemon: what was running waits for its turn again."""
    return replace(job, state=EnrichState.PENDING, waiting="") if job.state is EnrichState.RUNNING else job


def begun(job: EnrichJob) -> EnrichJob:
    """Its turn came."""
    _check(job, EnrichState.PENDING)
    return replace(job, state=EnrichState.RUNNING, attempts=job.attempts + 1, waiting="")


def next_stage(job: EnrichJob) -> Stage | None:
    """The first stage that is not completed."""
    return next((each.stage for each in job.stages if each.state is not EnrichState.COMPLETED), None)


def stage_opened(job: EnrichJob, stage: Stage, opened: StageOpened) -> EnrichJob:
    """The worker said how much there is to do. What earlier attempts did counts as done."""
    former = _status(job, stage)
    same = (former.engine, former.version) == (opened.engine, opened.version)
    first = former.state is EnrichState.PENDING or not same
    status = replace(
        former if same else StageStatus(stage=stage, calls=former.calls, seconds=former.seconds),
        state=EnrichState.RUNNING,
        engine=opened.engine,
        version=opened.version,
        total=opened.total,
        done=opened.cached,
        cached=opened.cached if first else former.cached,
    )
    return _with(replace(job, stage=stage.value), status)


def slice_done(job: EnrichJob, stage: Stage, opened: StageOpened, found: SliceDone, cost: float = 0.0) -> EnrichJob:
    """A slice was taken, which cost so much money. If it was the last one the stage is completed."""
    former = _status(job, stage)
    status = replace(
        former,
        state=EnrichState.COMPLETED if found.finished else EnrichState.RUNNING,
        done=min(former.total, opened.cached + found.done),
        calls=former.calls + found.calls,
        seconds=round(former.seconds + found.seconds, 4),
    )
    error = job.error
    if found.faults:
        error = f"{len(found.faults)} could not be read: {next(iter(found.faults.values()))}"
    job = replace(job, cost_s=round(job.cost_s + found.seconds, 4), cost=round(job.cost + cost, 6), error=error)
    return _with(job, status)


def ended(job: EnrichJob, state: EnrichState, wall_ns: int, error: str = "") -> EnrichJob:
    """It has come to a final state. Raises RequestRejected (WRONG_STATE) for one that had before."""
    if job.state in FINAL_STATES:
        raise _refused(job, state.value)
    progress = 1.0 if state is EnrichState.COMPLETED else job.progress
    return replace(
        job,
        state=state,
        stage="" if state is EnrichState.COMPLETED else job.stage,
        progress=progress,
        remaining_s=None,
        waiting="",
        error=error or job.error,
        ended_at=instant(wall_ns),
    )


def paused(job: EnrichJob) -> EnrichJob:
    """A person stopped it; it keeps its place. Raises RequestRejected (WRONG_STATE)."""
    if job.state in FINAL_STATES:
        raise _refused(job, "paused")
    return replace(job, state=EnrichState.PAUSED, waiting="", remaining_s=None)


def resumed(job: EnrichJob) -> EnrichJob:
    """A person lets it go on; it waits for its turn. Raises RequestRejected (WRONG_STATE)."""
    if job.state in FINAL_STATES:
        raise _refused(job, "resumed")
    return replace(job, state=EnrichState.PENDING) if job.state is EnrichState.PAUSED else job


def put_off(job: EnrichJob, error: str) -> EnrichJob:
    """An attempt failed for a reason that may pass: it waits for the next."""
    _check(job, EnrichState.RUNNING)
    return replace(job, state=EnrichState.PENDING, error=error, remaining_s=None)


def is_transient(error: ReeldError) -> bool:
    """Whether the next attempt may do better."""
    return error.code in TRANSIENT


def retry_s(fruitless: int) -> float:
    """Seconds until the next attempt, after so many in a row that found nothing."""
    return FIRST_RETRY_S * RETRY_FACTOR ** max(0, fruitless - 1)


def _status(job: EnrichJob, stage: Stage) -> StageStatus:
    return next(each for each in job.stages if each.stage is stage)


def _with(job: EnrichJob, status: StageStatus) -> EnrichJob:
    stages = [status if each.stage is status.stage else each for each in job.stages]
    shares = [1.0 if each.state is EnrichState.COMPLETED else _share(each) for each in stages]
    # Progress never falls, though an estimate may.
    progress = max(job.progress, round(sum(shares) / max(1, len(shares)), 4))
    return replace(job, stages=stages, progress=min(progress, 0.9999))


def _share(status: StageStatus) -> float:
    return min(1.0, status.done / status.total) if status.total > 0 else 0.0


def _check(job: EnrichJob, state: EnrichState) -> None:
    if job.state is not state:
        raise _refused(job, state.value)


def _refused(job: EnrichJob, wanted: str) -> RequestRejected:
    return RequestRejected(f"job {job.id} is {job.state.value} and cannot become {wanted}", code=ErrorCode.WRONG_STATE)


def instant(wall_ns: int) -> str:
    """ISO 8601 in UTC."""
    return datetime.fromtimestamp(wall_ns / NS_PER_S, UTC).isoformat(timespec="milliseconds")
