"""How long enrichment will take, by what it took on this machine before. Pure."""

from collections.abc import Iterable

from reeld_proto.enrich import EnrichJob, EnrichState, StageStatus
from reeld_proto.findings import Stage

JOBS_LOOKED_AT = 20
LOCAL_S = 0.2
"""What quick stages take."""
QUICK = frozenset({Stage.CHAPTERS, Stage.SUMMARY, Stage.EMBEDDINGS})
"""Stages that take a session at once."""


def remaining_s(job: EnrichJob, jobs: Iterable[EnrichJob]) -> float | None:
    """Seconds until a job is done; None if one of its stages was never run on this machine."""
    known = list(jobs)
    total = 0.0
    for status in job.stages:
        if status.state is EnrichState.COMPLETED:
            continue
        if status.stage in QUICK:
            total += LOCAL_S
            continue
        rate = _rate([status]) or speed(status.stage, known)
        if rate is None or (status.state is EnrichState.PENDING and not status.total):
            return None
        total += rate * max(0.0, status.total - status.done)
    return round(total, 1)


def speed(stage: Stage, jobs: Iterable[EnrichJob], engine: str = "") -> float | None:
    """Seconds an item (a still, a second of sound) of a stage, by the newest jobs that have run it."""
    return _rate(status for status in _newest(stage, jobs) if engine in ("", status.engine))


def paces(jobs: Iterable[EnrichJob]) -> dict[str, float]:
    """Seconds that a second of sound took with each model of speech, by the newest jobs."""
    seen: dict[str, list[StageStatus]] = {}
    for status in _newest(Stage.SPEECH, jobs):
        if status.version:
            seen.setdefault(status.version.rpartition("/")[2], []).append(status)
    return {model: rate for model, statuses in seen.items() if (rate := _rate(statuses)) is not None}


def _newest(stage: Stage, jobs: Iterable[EnrichJob]) -> list[StageStatus]:
    """How a stage went in the newest jobs."""
    return [status for job in list(jobs)[-JOBS_LOOKED_AT:] for status in job.stages if status.stage is stage]


def _rate(statuses: Iterable[StageStatus]) -> float | None:
    items = seconds = 0.0
    for status in statuses:
        if status.seconds > 0 and status.done > status.cached:
            items += status.done - status.cached
            seconds += status.seconds
    return seconds / items if items else None
