"""A recording of sound: devices, graph and tracks of one session, and the thread that pumps between them.

        keeper ──opens──► device ─► ring ─► feed mic ────┬─► track mic
                                                         └─► mixer ─► track mix
                          device ─► ring ─► feed system ─┬─► (mixer)
                                                         └─► track system

Threads: a callback thread of each device fills its ring; the keeper opens and closes; the pump does the rest, every
`PUMP_S`; orders come from the main thread and exclude the pump through `_lock`.
"""

import threading
from collections.abc import Callable, Sequence

from reeld.audio.api import OpenSource
from reeld.audio.feed import Feed
from reeld.audio.graph.engine import Graph
from reeld.audio.graph.nodes import Mixer, Node, Sink, Source
from reeld.audio.health import DeviceHealth
from reeld.audio.keeper import Complain, DeviceKeeper, KeptDevice
from reeld.audio.samples import Samples, ns_to_frames, silence
from reeld.audio.track import Send, TrackWriter
from reeld.runtime.clock import SessionClock, monotonic_ns
from reeld.runtime.logs import get_logger
from reeld_proto.errors import ReeldError, RequestRejected
from reeld_proto.stats import QueueStats, TrackStats
from reeld_proto.units import NS_PER_MS, NS_PER_S
from reeld_proto.workers import AudioTrackSpec, StartAudio

PUMP_S = 0.15
"""Pace of the pump. Blocks come every 100 ms; each turn costs the interpreter 0.5 ms beside the encoders."""
STOP_WAIT_NS = NS_PER_S
"""Longest wait for samples from before the stop that a device still owes."""
FIRST_SOUND_WAIT_NS = 300 * NS_PER_MS
"""The same for a device that never delivered any."""
STOP_POLL_S = 0.01
MIX = "mix"


class Recorder:
    """Records from its making until `stop`; all methods belong to the main thread.

    order: what to record; the first worker of a session (epoch 1) begins at media time 0, with counted silence until
    the devices sound; a restarted one begins now, and so does one that was hidden before (`anew`). Raises
    RequestRejected for tracks that make no sense.
    """

    def __init__(
        self, order: StartAudio, *, open_source: OpenSource, send: Send, complain: Complain, anew: bool = False
    ) -> None:
        _check(order.tracks)
        self.session = order.session
        self._clock = SessionClock.from_data(order.clock)
        now_ns = monotonic_ns()
        first_ns = 0 if order.epoch <= 1 and not anew else max(0, self._clock.media_ns(now_ns))
        self.first_ns = first_ns
        self._first_frame = ns_to_frames(first_ns)
        self._end_frame: int | None = None
        self._complain = complain
        self._lock = threading.Lock()
        self._feeds = {
            spec.track: Feed(spec.source, self._clock, self._first_frame) for spec in order.tracks if spec.role != MIX
        }
        self._tracks = {spec.track: self._writer(order, spec, send) for spec in order.tracks}
        self._graph = self._build(order.tracks)
        self._devices = [
            KeptDevice(track, feed.name, feed, DeviceHealth(now_ns)) for track, feed in self._feeds.items()
        ]
        self._failed = False
        self._turn_ns = now_ns
        self._stopping = threading.Event()
        self._keeper = DeviceKeeper(self._devices, open_source, complain)
        self._pump = threading.Thread(target=self._run, name="audio-pump", daemon=True)
        self._pump.start()

    @property
    def failed(self) -> bool:
        """Whether the pump broke; nothing more is recorded and the supervisor should replace this process."""
        return self._failed

    def wait_open(self, timeout_s: float) -> list[tuple[str, ReeldError]]:
        """Wait until every device was opened or failed to; the failures."""
        return self._keeper.wait_tried(timeout_s)

    def pause(self, at_ns: int) -> None:
        """Sound from monotonic `at_ns` on is not wanted."""
        with self._lock:
            self._clock.pause(at_ns)

    def resume(self, at_ns: int) -> None:
        """Sound from monotonic `at_ns` on is wanted again."""
        with self._lock:
            self._clock.resume(at_ns)

    def cut(self) -> None:
        """Send what has sounded so far; a device may still owe its last block."""
        with self._lock:
            if self._stopping.is_set():
                return
            self._turn()
            for track in self._tracks.values():
                track.cut()

    def stop(self, at_ns: int) -> None:
        """Record everything up to monotonic `at_ns`, send the last chunks and close the devices; up to 1 s, 3 at worst.

        Afterwards each track ends exactly at the media time of `at_ns`.
        """
        end_ns = max(0, self._clock.media_ns(at_ns))
        end_frame = max(ns_to_frames(end_ns), self._first_frame)
        self._halt_pump()
        self._await_sound(end_frame, at_ns)
        self._end_frame = end_frame
        while any(feed.media_frame < end_frame for feed in self._feeds.values()):
            self._graph.pull()
        self._graph.pull(last=True)
        for track in self._tracks.values():
            track.finish(end_frame, end_ns)
        self.close()

    def close(self) -> None:
        """Give up at once: what was not sent is lost. May be called twice, also after `stop`."""
        self._halt_pump()
        self._keeper.stop()
        for track in self._tracks.values():
            track.close()

    def statistics(self) -> tuple[list[TrackStats], list[QueueStats]]:
        """Counters of every track and every queue."""
        with self._lock:
            now_ns = self._clock.media_ns(monotonic_ns())
            rings = [ring for feed in self._feeds.values() if (ring := feed.statistics()) is not None]
            return [track.statistics(now_ns) for track in self._tracks.values()], rings + self._graph.statistics()

    def _writer(self, order: StartAudio, spec: AudioTrackSpec, send: Send) -> TrackWriter:
        heard = self._feeds.values() if spec.role == MIX else [self._feeds[spec.track]]
        return TrackWriter(
            session=order.session,
            track=spec.track,
            epoch=order.epoch,
            first_frame=self._first_frame,
            send=send,
            silences=[feed.silences for feed in heard],
            clock=None if spec.role == MIX else self._feeds[spec.track].sound_clock,
        )

    def _build(self, specs: Sequence[AudioTrackSpec]) -> Graph:
        nodes: list[Node] = [Source(f"source {track}", self._reader(feed)) for track, feed in self._feeds.items()]
        connections: list[tuple[str, str]] = []
        for spec in specs:
            nodes.append(Sink(f"track {spec.track}", self._tracks[spec.track].write))
            if spec.role == MIX:
                nodes.append(Mixer(MIX))
                connections += [(f"source {track}", MIX) for track in self._feeds]
                connections.append((MIX, f"track {spec.track}"))
            else:
                connections.append((f"source {spec.track}", f"track {spec.track}"))
        return Graph(nodes, connections)

    def _reader(self, feed: Feed) -> Callable[[], Samples]:
        def read() -> Samples:
            if self._end_frame is not None:
                return feed.take_until(self._end_frame) if feed.media_frame < self._end_frame else silence(0)
            return feed.take(self._turn_ns)

        return read

    def _run(self) -> None:
        try:
            while not self._stopping.wait(PUMP_S):
                with self._lock:
                    self._turn()
        except Exception as error:  # noqa: BLE001 - whatever it is, people are told and the supervisor replaces us
            get_logger().exception("audio.pump_failed")
            self._complain("internal", f"recording of sound broke: {type(error).__name__}: {error}", "")
            self._failed = True

    def _turn(self) -> None:
        self._turn_ns = monotonic_ns()
        for device in self._devices:
            if device.feed.advance(self._turn_ns):
                device.last_sound_ns = self._turn_ns
        before = -1
        # More than once only after this process was held up: a turn takes a bounded number of frames.
        while before != (before := sum(feed.media_frame for feed in self._feeds.values())):
            self._graph.pull()
        sent = min(ns_to_frames(track.sent_ns) for track in self._tracks.values())
        for feed in self._feeds.values():
            feed.silences.drop_before(sent)

    def _halt_pump(self) -> None:
        self._stopping.set()
        if self._pump.is_alive():
            self._pump.join()

    def _await_sound(self, end_frame: int, at_ns: int) -> None:
        pause = threading.Event()
        while True:
            owing = False
            for feed in self._feeds.values():
                feed.advance(monotonic_ns())
                until_ns = at_ns + (STOP_WAIT_NS if feed.expects_sound else FIRST_SOUND_WAIT_NS)
                owing |= not feed.covers(end_frame) and monotonic_ns() < until_ns
            if not owing:
                return
            pause.wait(STOP_POLL_S)


def _check(specs: Sequence[AudioTrackSpec]) -> None:
    faults = []
    names = [spec.track for spec in specs]
    if not any(spec.role != MIX for spec in specs):
        faults.append("there is no sound source to record")
    if len(set(names)) != len(names):
        faults.append("two tracks have the same name")
    if sum(spec.role == MIX for spec in specs) > 1:
        faults.append("there is more than one mix")
    if faults:
        raise RequestRejected("; ".join(faults), faults=tuple(faults))
