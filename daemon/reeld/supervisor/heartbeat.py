"""Health by progress: a worker is well while the counters of every track it records advance. Pure."""

from collections.abc import Iterable

from reeld_proto.stats import TrackStats

_Counters = tuple[int, int, int, int, float, float]


def _counters(track: TrackStats) -> _Counters:
    # Any of them: a still screen adds unchanged frames and no bytes, a silent device adds counted silence.
    return (track.frames, track.unchanged, track.bytes, track.chunks, track.media_s, track.silence_s)


class Heartbeat:
    """When each track of one worker last advanced. Off until `start`, and again after `stop`."""

    def __init__(self, stall_ns: int) -> None:
        self._stall_ns = stall_ns
        self._running = False
        self._since_ns = 0
        self._seen: dict[str, tuple[_Counters, int]] = {}

    @property
    def running(self) -> bool:
        """Whether progress is expected."""
        return self._running

    def start(self, now_ns: int) -> None:
        """Progress is expected from now on; whatever was seen before counts from now."""
        self._running = True
        self._since_ns = now_ns
        self._seen = {track: (counters, now_ns) for track, (counters, _) in self._seen.items()}

    def stop(self) -> None:
        """No progress is expected: paused, or not recording."""
        self._running = False

    def note(self, tracks: Iterable[TrackStats], now_ns: int) -> None:
        """Counters arrived at `now_ns`."""
        for track in tracks:
            counters = _counters(track)
            known = self._seen.get(track.id)
            if known is None or known[0] != counters:
                self._seen[track.id] = (counters, now_ns)

    def deadline_ns(self) -> int | None:
        """When the track that advanced longest ago counts as stalled; None while no progress is expected."""
        if not self._running:
            return None
        return self._oldest()[1] + self._stall_ns

    def stalled(self, now_ns: int) -> str | None:
        """The track that has stalled (empty if none ever reported), or None."""
        deadline = self.deadline_ns()
        if deadline is None or now_ns < deadline:
            return None
        return self._oldest()[0]

    def _oldest(self) -> tuple[str, int]:
        if not self._seen:
            return "", self._since_ns
        track, (_, at_ns) = min(self._seen.items(), key=lambda item: item[1][1])
        return track, at_ns
