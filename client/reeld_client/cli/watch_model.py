"""What `watch` knows, built from a snapshot and the events after it. Pure: told the time, asks nobody."""

import math
from collections import deque
from dataclasses import dataclass, field

from reeld_proto.commands import Snapshot, Status
from reeld_proto.events import AnyEvent, MarkerAdded, SessionStateChanged, StatsPublished, TroubleReported
from reeld_proto.events import WorkerStateChanged as WorkerChanged
from reeld_proto.records import SessionBrief, SessionState, WorkerInfo, WorkerState
from reeld_proto.stats import Stats, TrackStats
from reeld_proto.units import NS_PER_S

NEWS_MAX = 5
HISTORY_MAX = 32
_RATE_REPORTS = 4
SILENT_AFTER_S = 3.0
"""Six reports missed: the daemon hangs or is overloaded, and the figures shown are old."""

_OVER = {SessionState.COMPLETED, SessionState.ERROR, SessionState.INTERRUPTED, SessionState.IDLE}


@dataclass(frozen=True, slots=True)
class Rates:
    """Of one track, per second."""

    frames: float = 0.0
    bytes: float = 0.0


@dataclass(slots=True)
class News:
    """One thing a person should know. at_s: seconds on the watcher's clock."""

    at_s: float
    text: str
    is_trouble: bool


@dataclass(slots=True)
class WatchModel:
    """State of the view. Times are seconds of one monotonic clock."""

    status: Status | None = None
    stats: Stats | None = None
    session: SessionBrief | None = None
    workers: dict[str, WorkerInfo] = field(default_factory=dict)
    rates: dict[str, Rates] = field(default_factory=dict)
    history: dict[str, deque[float]] = field(default_factory=dict)
    """Per track the last frame rates, per worker the last loads; oldest first."""
    recent: deque[Stats] = field(default_factory=lambda: deque(maxlen=_RATE_REPORTS))
    news: deque[News] = field(default_factory=lambda: deque(maxlen=NEWS_MAX))
    heard_s: float = 0.0
    now_s: float = 0.0
    is_connected: bool = True

    @property
    def is_silent(self) -> bool:
        """Whether the daemon should have been heard by now."""
        return self.is_connected and self.now_s - self.heard_s > SILENT_AFTER_S

    def see(self, item: Snapshot | AnyEvent, now_s: float) -> None:
        """Take over a snapshot or an event."""
        self.heard_s = self.now_s = now_s
        self.is_connected = True
        if isinstance(item, Snapshot):
            self.see_status(item.status)
            if item.stats is not None:
                self.see_stats(item.stats)
        elif isinstance(item, StatsPublished):
            self.see_stats(item.stats)
        elif isinstance(item, WorkerChanged):
            self._see_worker(item)
        elif isinstance(item, SessionStateChanged):
            self._see_session(item)
        elif isinstance(item, TroubleReported):
            self._tell(f"{item.track or item.worker}: {item.message}", is_trouble=True)
        elif isinstance(item, MarkerAdded):
            self._tell(f"marked: {item.text}", is_trouble=False)

    def see_status(self, status: Status) -> None:
        """Take over a whole status."""
        self.status = status
        self.session = status.session
        self.workers = {worker.name: worker for worker in status.workers}

    def see_stats(self, stats: Stats) -> None:
        """Take over new counters; rates are those of the last two seconds, for chunks come in bursts."""
        if self.recent and not _same_session(self.recent[-1], stats):
            self.recent.clear()
            self.rates.clear()
        if self.recent:
            first = self.recent[0]
            elapsed_s = (stats.at_mono_ns - first.at_mono_ns) / NS_PER_S
            before = {track.id: track for track in first.tracks}
            if elapsed_s > 0:
                self.rates = {track.id: _rates(track, before.get(track.id), elapsed_s) for track in stats.tracks}
        self.recent.append(stats)
        for track in stats.tracks:
            self._remember(track.id, self.rates.get(track.id, Rates()).frames)
        for worker in stats.workers:
            self._remember(worker.name, worker.cpu)
        self.stats = stats
        self.session = stats.session

    def lose(self, now_s: float) -> None:
        """The daemon went away: nothing of what was known still holds."""
        self.now_s = now_s
        if self.is_connected:
            self._tell("the daemon went away", is_trouble=True)
        self.is_connected = False
        self.status = self.stats = self.session = None
        self.workers.clear()
        self.history.clear()
        self.rates.clear()
        self.recent.clear()

    def _see_worker(self, event: WorkerChanged) -> None:
        known = self.workers.get(event.name)
        self.workers[event.name] = WorkerInfo(name=event.name, pid=event.pid, state=event.state)
        if event.state is WorkerState.FAILED:
            self._tell(f"{event.name} failed{_because(event.reason)}", is_trouble=True)
        elif event.reason and (known is None or known.state is not event.state):
            self._tell(f"{event.name} is {event.state.value}{_because(event.reason)}", is_trouble=False)

    def _see_session(self, event: SessionStateChanged) -> None:
        if event.state in _OVER:
            self.session = None
            self._tell(f"{event.name} {event.state.value}{_because(event.reason)}", is_trouble=bool(event.reason))
            return
        self.session = SessionBrief(id=event.session, name=event.name, state=event.state, elapsed_s=event.elapsed_s)
        if event.reason:
            self._tell(f"{event.name} is {event.state.value}{_because(event.reason)}", is_trouble=True)

    def _remember(self, key: str, value: float) -> None:
        self.history.setdefault(key, deque(maxlen=HISTORY_MAX)).append(value if math.isfinite(value) else 0.0)

    def _tell(self, text: str, *, is_trouble: bool) -> None:
        self.news.append(News(self.now_s, text, is_trouble))


def _same_session(one: Stats, other: Stats) -> bool:
    return (one.session and one.session.id) == (other.session and other.session.id)


def _rates(now: TrackStats, before: TrackStats | None, elapsed_s: float) -> Rates:
    if before is None or now.bytes < before.bytes:
        return Rates()
    frames = now.frames - before.frames
    return Rates(frames=max(0, frames) / elapsed_s, bytes=(now.bytes - before.bytes) / elapsed_s)


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
