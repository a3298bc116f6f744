"""Counters in Prometheus' text exposition format 0.0.4, as `reelctl stats --prometheus` prints them. Pure.

What only rises while a session lasts is a counter; a new session begins at 0 under another label `session`. A worker
that was restarted keeps its name. Values that are not known are left out.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reeld_proto.stats import QueueStats, Stats, TrackStats, WorkerStats

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""For whoever serves this over HTTP."""

Labels = tuple[tuple[str, str], ...]
Sample = tuple[Labels, float]

COUNTER, GAUGE = "counter", "gauge"


@dataclass(frozen=True)
class Family:
    """One metric with all its samples; without any it is not printed."""

    name: str
    kind: str
    help: str
    samples: list[Sample]


def exposition(stats: Stats) -> str:
    """The whole text; ends with a line end."""
    return "".join(line + "\n" for family in families(stats) for line in _lines(family))


def families(stats: Stats) -> Iterator[Family]:
    """Every metric that there is of a snapshot, in a fixed order."""
    session = stats.session.id if stats.session is not None else ""
    yield Family("reeld_up", GAUGE, "1 while the daemon answers.", [((), 1)])
    yield Family("reeld_store_bytes", GAUGE, "Size of the store's file.", [((), stats.store_bytes)])
    yield Family("reeld_disk_free_bytes", GAUGE, "Free disk where the store is.", [((), stats.disk_free_bytes)])
    yield from _session(stats)
    yield from _tracks(stats.tracks, session)
    yield from _workers(stats.workers)
    yield from _queues(stats.workers)
    running = [((("work", task.kind),), float(task.state == "running")) for task in stats.upkeep]
    yield Family("reeld_upkeep_running", GAUGE, "1 while this background work is done.", list(running))


def _session(stats: Stats) -> Iterator[Family]:
    brief = stats.session
    labels: list[Labels] = [] if brief is None else [(("session", brief.id), ("state", brief.state.value))]
    active: list[Sample] = [(label, 1) for label in labels]
    yield Family("reeld_session_active", GAUGE, "1 for the session that there is, by its state.", active)
    elapsed: list[Sample] = [] if brief is None else [((("session", brief.id),), brief.elapsed_s)]
    yield Family("reeld_session_recorded_seconds", GAUGE, "Recorded time without pauses.", elapsed)


def _tracks(tracks: list[TrackStats], session: str) -> Iterator[Family]:
    def rows(values: Iterable[float | None]) -> list[Sample]:
        return [
            ((("session", session), ("track", track.id)), value)
            for track, value in zip(tracks, values, strict=True)
            if value is not None
        ]

    counters: tuple[tuple[str, str, Iterable[float]], ...] = (
        ("frames", "Encoded frames, or packets of sound.", (track.frames for track in tracks)),
        ("unchanged", "Frames that were not encoded because nothing had changed.", (t.unchanged for t in tracks)),
        ("dropped", "Frames or packets that were lost.", (track.dropped for track in tracks)),
        ("bytes", "Encoded bytes.", (track.bytes for track in tracks)),
        ("chunks", "Chunks handed to the store.", (track.chunks for track in tracks)),
        ("media_seconds", "Recorded time of the track.", (track.media_s for track in tracks)),
        ("silence_seconds", "Silence put where no sound came.", (track.silence_s for track in tracks)),
    )
    for name, about, values in counters:
        yield Family(f"reeld_track_{name}_total", COUNTER, about, rows(values))
    lags = rows(track.lag_ms / 1000 for track in tracks)
    yield Family("reeld_track_lag_seconds", GAUGE, "Age of the newest media that is durable.", lags)
    peaks = rows(track.peak_db for track in tracks)
    yield Family("reeld_track_peak_dbfs", GAUGE, "Highest level since the last report, dB of full scale.", peaks)
    ppm = rows(None if track.clock is None else track.clock.ppm for track in tracks)
    yield Family("reeld_track_clock_ppm", GAUGE, "How much the device's clock is fast, in millionths.", ppm)
    stages = [
        ((("session", session), ("track", track.id), ("stage", stage)), seconds)
        for track in tracks
        for stage, seconds in track.cpu_s.items()
    ]
    yield Family("reeld_track_cpu_seconds_total", COUNTER, "CPU time by stage of the picture.", list(stages))


def _workers(workers: list[WorkerStats]) -> Iterator[Family]:
    def rows(values: Iterable[float]) -> list[Sample]:
        return [((("worker", worker.name),), value) for worker, value in zip(workers, values, strict=True)]

    yield Family("reeld_worker_cpu_cores", GAUGE, "Cores used since the last report.", rows(w.cpu for w in workers))
    resident = rows(worker.rss_bytes for worker in workers)
    yield Family("reeld_worker_resident_bytes", GAUGE, "Resident memory.", resident)
    restarts = rows(worker.restarts for worker in workers)
    yield Family("reeld_worker_restarts_total", COUNTER, "How often the role had to be started anew.", restarts)


def _queues(workers: list[WorkerStats]) -> Iterator[Family]:
    queues = [(worker.name, queue) for worker in workers for queue in worker.queues]

    def rows(values: Iterable[float]) -> list[Sample]:
        return [(_queue_labels(worker, queue), value) for (worker, queue), value in zip(queues, values, strict=True)]

    gauges: tuple[tuple[str, str, Iterable[float]], ...] = (
        ("depth", "What is in the queue, in its unit.", (queue.depth for _, queue in queues)),
        ("limit", "What may be in the queue, in its unit.", (queue.limit for _, queue in queues)),
        ("peak", "The most that was in the queue, in its unit.", (queue.peak for _, queue in queues)),
    )
    for name, about, values in gauges:
        yield Family(f"reeld_queue_{name}", GAUGE, about, rows(values))
    dropped = rows(queue.dropped for _, queue in queues)
    yield Family("reeld_queue_dropped_total", COUNTER, "What the queue had no room for.", dropped)
    retries = rows(queue.retries for _, queue in queues)
    yield Family("reeld_queue_retries_total", COUNTER, "How often something in it was tried again.", retries)


def _queue_labels(worker: str, queue: QueueStats) -> Labels:
    return (("worker", worker), ("queue", queue.name), ("unit", queue.unit))


def _lines(family: Family) -> Iterator[str]:
    # A scrape with two samples of one name and labels is refused as a whole; the last of them is the newest.
    samples = dict(family.samples)
    if not samples:
        return
    yield f"# HELP {family.name} {_escaped(family.help)}"
    yield f"# TYPE {family.name} {family.kind}"
    for labels, value in samples.items():
        inner = ",".join(f'{name}="{_escaped(text, quotes=True)}"' for name, text in labels)
        yield f"{family.name}{'{' + inner + '}' if inner else ''} {number(value)}"


def _escaped(text: str, *, quotes: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quotes else text


def number(value: float) -> str:
    """A value as the format has it; whole numbers exactly, the others so that they are read back the same."""
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)
