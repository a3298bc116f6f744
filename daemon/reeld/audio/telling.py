"""What the graph says about the sound: levels to whoever listens, spans to the timeline. Used by the pump thread."""

import threading
from collections.abc import Callable, Sequence

from reeld.audio.dsp.observations import Heard, Level
from reeld.audio.graph.nodes import Noted
from reeld.audio.samples import frames_to_ns
from reeld_proto.sound import NodeLevels, SpanKind
from reeld_proto.sound_graph import SpanFeedNode
from reeld_proto.units import NS_PER_MS
from reeld_proto.workers import AnyIngest, LevelMoment, SpansHeard

DECIMALS = 1
PATIENCE_NS = 300 * NS_PER_MS
"""Longest wait for the level of a meter that is late."""
SPANS_MAX = 256
"""Spans in one message; more come in the next."""


class LevelBoard:
    """Gathers levels of all meters by their end, and keeps the newest of each.

    `wanted` is set by the main thread, `take` and `newest` are called by it; the rest belongs to the pump.
    """

    def __init__(self) -> None:
        self.wanted = False
        self._lock = threading.Lock()
        self._moments: dict[int, dict[str, NodeLevels]] = {}
        self._newest: dict[str, NodeLevels] = {}
        self._reached_ns: dict[str, int] = {}
        self._told_ns = -1
        self._expected: set[str] = set()

    def expect(self, meters: set[str]) -> None:
        """Whose levels make an instant complete."""
        with self._lock:
            self._expected = meters
            self._reached_ns.clear()
            self._told_ns = -1
            self._newest = {node: levels for node, levels in self._newest.items() if node in meters}

    def add(self, noted: Sequence[Noted], start_ns: int) -> None:
        """Levels of one feed; start_ns: media time at which the graph began."""
        with self._lock:
            for each in noted:
                if not isinstance(each.what, Level):
                    continue
                end_ns = start_ns + frames_to_ns(each.first_frame + each.what.end_frame, each.rate)
                levels = NodeLevels(
                    node=each.node,
                    peak_db=[round(value, DECIMALS) for value in each.what.peak_db],
                    rms_db=[round(value, DECIMALS) for value in each.what.rms_db],
                )
                if end_ns > self._told_ns:
                    self._moments.setdefault(end_ns, {})[each.node] = levels
                self._newest[each.node] = levels
                self._reached_ns[each.node] = end_ns

    def take(self) -> list[LevelMoment]:
        """What came since the last call, oldest first.

        An instant of which a meter still owes its level (its sound may have taken longer through the graph) waits for
        it, until it is `PATIENCE_NS` older than the newest. A meter that went past an instant owes nothing for it: it
        began to measure in between. So no instant is told after a later one.
        """
        with self._lock:
            newest_ns = max(self._moments, default=0)
            all_ns = min((self._reached_ns.get(node, 0) for node in self._expected), default=newest_ns)
            ready = sorted(at for at in self._moments if at <= all_ns or newest_ns - at >= PATIENCE_NS)
            self._told_ns = max([self._told_ns, *ready])
            return [LevelMoment(at_ns=at, levels=list(self._moments.pop(at).values())) for at in ready]

    def newest(self) -> list[NodeLevels]:
        """The last levels of each meter."""
        with self._lock:
            return list(self._newest.values())


class SpanTeller:
    """Tells spans of one session to the store. An open one is told as far as its sound went, and again as it grows."""

    def __init__(self, session: str, epoch: int, send: Callable[[AnyIngest, bytes, bytes], bool]) -> None:
        self._session = session
        self._epoch = epoch
        self._send = send
        self._open: dict[tuple[str, str, SpanKind], int] = {}
        self._told: dict[tuple[str, str, SpanKind], int] = {}

    def add(self, feed: SpanFeedNode, noted: Sequence[Noted], start_ns: int) -> None:
        """Spans about the feed's track; start_ns: media time at which the graph began."""
        found: dict[SpanKind, list[tuple[int, int]]] = {}
        for each in noted:
            if not isinstance(each.what, Heard):
                continue
            kind = SpanKind(each.what.kind.value)
            begin_ns = start_ns + frames_to_ns(each.first_frame + each.what.start_frame, each.rate)
            key = feed.track, each.node, kind
            if each.what.end_frame is None:
                self._open[key] = begin_ns
                continue
            self._open.pop(key, None)
            self._told.pop(key, None)
            end_ns = start_ns + frames_to_ns(each.first_frame + each.what.end_frame, each.rate)
            if end_ns > begin_ns:
                found.setdefault(kind, []).append((begin_ns, end_ns))
        for kind, spans in found.items():
            for index in range(0, len(spans), SPANS_MAX):
                self._tell(feed.track, kind, spans[index : index + SPANS_MAX])

    def grow(self, media_ns: int, every_ns: int) -> None:
        """Tell spans that are still open up to `media_ns`, if they were not told for `every_ns`."""
        for (track, node, kind), begin_ns in self._open.items():
            key = track, node, kind
            if media_ns - self._told.get(key, begin_ns) >= every_ns:
                self._told[key] = media_ns
                self._tell(track, kind, [(begin_ns, media_ns)])

    def _tell(self, track: str, kind: SpanKind, spans: list[tuple[int, int]]) -> None:
        message = SpansHeard(session=self._session, track=track, epoch=self._epoch, kind=kind, spans=spans)
        self._send(message, b"", b"")
