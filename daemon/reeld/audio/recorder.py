"""A recording of sound: devices, graph and tracks of one session, and the thread that pumps between them.

        keeper ──opens──► device ─► ring ─► feed ─► source ─► ... the graph ... ─► sink ─► track

Threads: a callback thread of each device fills its ring; the keeper opens and closes; the pump does the rest, every
`PUMP_S`; orders come from the main thread and exclude the pump through `_lock`.
"""

import threading
from collections import deque
from collections.abc import Mapping, Sequence

from msgspec import structs

from reeld.audio.api import OpenSource
from reeld.audio.changes import Score
from reeld.audio.feed import HOLD_NS
from reeld.audio.graph.building import Workshop
from reeld.audio.graph.engine import TIMES_KEPT, Graph, NodeTimes, percentiles_ms
from reeld.audio.health import DeviceHealth
from reeld.audio.keeper import Complain, DeviceKeeper, KeptDevice
from reeld.audio.samples import frames_to_ns, ns_to_frames
from reeld.audio.studio import Ahead, Studio, device_nodes, track_of
from reeld.audio.telling import LevelBoard
from reeld.audio.track import Send
from reeld.audio.watch import MakeWatch, NoWatch
from reeld.audio.world import SYSTEM
from reeld.runtime.clock import SessionClock, monotonic_ns
from reeld.runtime.logs import get_logger
from reeld_proto.errors import ReeldError
from reeld_proto.sound import NodeStats, Pressure, SoundLatency
from reeld_proto.sound_graph import SoundChange, SoundGraph, SystemAudioNode
from reeld_proto.stats import QueueStats, TrackStats
from reeld_proto.units import NS_PER_MS, NS_PER_S
from reeld_proto.workers import SoundDescribed, StartAudio

PUMP_S = 0.15
"""Pace of the pump. Blocks come every 100 ms; each turn costs the interpreter 0.5 ms beside the encoders."""
WATCHED_PUMP_S = 0.1
"""The same while somebody watches levels."""
STOP_WAIT_NS = NS_PER_S
"""Longest wait for samples from before the stop that a device still owes."""
FIRST_SOUND_WAIT_NS = 300 * NS_PER_MS
"""The same for a device that never delivered any."""
STOP_POLL_S = 0.01
FOLLOWED = "default"
"""The device of a node that goes on with whichever is the default."""
SPANS_EVERY_NS = 5 * NS_PER_S
"""How often a span that lasts is told again: a crash may cost so much of it."""


class Recorder:
    """Records from its making until `stop`; all methods belong to the main thread.

    order: what to record; the first worker of a session (epoch 1) begins at media time 0, with counted silence until
    the devices sound; a restarted one begins now, and so does one that was hidden before (`anew`). board: where levels
    are gathered. make_watch: sees devices come and go. Raises RequestRejected for a graph that makes no sense or whose
    files cannot be opened.
    """

    def __init__(
        self,
        order: StartAudio,
        *,
        open_source: OpenSource,
        send: Send,
        complain: Complain,
        make_watch: MakeWatch = NoWatch,
        board: LevelBoard | None = None,
        anew: bool = False,
    ) -> None:
        self.session = order.session
        self._clock = SessionClock.from_data(order.clock)
        now_ns = monotonic_ns()
        self.first_ns = 0 if order.epoch <= 1 and not anew else max(0, self._clock.media_ns(now_ns))
        first_frame = ns_to_frames(self.first_ns)
        self._complain = complain
        self._board = board or LevelBoard()
        self._studio = Studio(order, self._clock, send, self._board, Ahead(now_ns), frames_to_ns(first_frame))
        self._workshop = Workshop(self._studio, self._recover)
        self._lock = threading.Lock()
        self._devices: dict[str, KeptDevice] = {}
        self._keeper: DeviceKeeper | None = None
        try:
            self._score = Score(order.graph, first_frame, self._build, self._switched)
            self._studio.attribute(order.graph)
        except BaseException:
            self._studio.close()
            raise
        self._failed = False
        self._ages_ns: deque[int] = deque(maxlen=TIMES_KEPT)
        self._stopping = threading.Event()
        self._keeper = DeviceKeeper(list(self._devices.values()), open_source, complain, make_watch=make_watch)
        self._pump = threading.Thread(target=self._run, name="audio-pump", daemon=True)
        self._pump.start()

    @property
    def failed(self) -> bool:
        """Whether the pump broke; nothing more is recorded and the supervisor should replace this process."""
        return self._failed

    @property
    def graph(self) -> SoundGraph:
        """The graph with all changes asked for so far."""
        return self._score.newest

    def wait_open(self, timeout_s: float) -> list[tuple[str, ReeldError]]:
        """Wait until every device was opened or failed to; the failures."""
        return [] if self._keeper is None else self._keeper.wait_tried(timeout_s)

    def pause(self, at_ns: int) -> None:
        """Sound from monotonic `at_ns` on is not wanted."""
        with self._lock:
            self._clock.pause(at_ns)

    def resume(self, at_ns: int) -> None:
        """Sound from monotonic `at_ns` on is wanted again."""
        with self._lock:
            self._clock.resume(at_ns)

    def adjust(self, at_ns: int, changes: Sequence[SoundChange]) -> None:
        """Change settings from monotonic `at_ns` on."""
        with self._lock:
            self._score.adjust(self._frame_at(at_ns), changes)

    def edit(self, at_ns: int, graph: SoundGraph, devices: Mapping[str, str]) -> None:
        """Another graph from monotonic `at_ns` on, its devices by their nodes.

        Raises RequestRejected, and then nothing has changed.
        """
        with self._lock:
            self._studio.devices = dict(devices)
            self._score.switch(self._frame_at(at_ns), graph)

    def cut(self) -> None:
        """Send what has sounded so far; a device may still owe its last block."""
        with self._lock:
            if self._stopping.is_set():
                return
            self._turn()
            for track in self._studio.tracks.values():
                track.cut()

    def stop(self, at_ns: int) -> None:
        """Record everything up to monotonic `at_ns`, send the last chunks and close the devices; up to 1 s, 3 at worst.

        Afterwards each track ends exactly at the media time of `at_ns`.
        """
        end_ns = max(self.first_ns, self._clock.media_ns(at_ns))
        end_frame = max(ns_to_frames(end_ns), ns_to_frames(self.first_ns))
        self._halt_pump()
        self._await_sound(end_frame, at_ns)
        self._studio.ahead.end = end_frame
        self._score.finish(end_frame)
        self._studio.finish(end_ns)
        self.close()

    def close(self) -> None:
        """Give up at once: what was not sent is lost. May be called twice, also after `stop`."""
        self._halt_pump()
        if self._keeper is not None:
            self._keeper.stop()
        self._studio.close()

    def statistics(self) -> tuple[list[TrackStats], list[QueueStats]]:
        """Counters of every track and every queue."""
        with self._lock:
            now_ns = self._clock.media_ns(monotonic_ns())
            rings = [ring for feed in self._studio.feeds.values() if (ring := feed.statistics()) is not None]
            heard = {device.track: device for device in self._devices.values()}
            tracks = [_with_device(track.statistics(now_ns), heard) for track in self._studio.in_order()]
            return tracks, rings + self._score.graph.queues()

    def describe(self) -> SoundDescribed:
        """What every node of the graph at work has done, its queues, the newest levels, and how late sound is."""
        with self._lock:
            graph = self._score.graph
            p50, p95, p99 = percentiles_ms(self._ages_ns)
            return SoundDescribed(
                session=self.session,
                nodes=[_node_stats(times) for times in graph.times()],
                edges=graph.queues(),
                levels=self._board.newest(),
                latency=SoundLatency(p50_ms=p50, p95_ms=p95, p99_ms=p99),
            )

    # -- the graph and its devices ----------------------------------------------------------------------------------

    def _build(self, graph: SoundGraph, frame: int) -> Graph:
        fresh = self._studio.admit(graph, frame)
        try:
            made = self._workshop.build(graph)
        except BaseException:
            self._studio.forget(fresh)
            raise
        for node in device_nodes(graph):
            if node.name in fresh:
                feed = self._studio.feeds[node.name]
                kept = KeptDevice(
                    track_of(node.name, graph),
                    feed.name,
                    feed,
                    DeviceHealth(monotonic_ns()),
                    role=SYSTEM if isinstance(node, SystemAudioNode) else "mic",
                    follows=node.device == FOLLOWED,
                )
                self._devices[node.name] = kept
                if self._keeper is not None:
                    self._keeper.keep(kept)
        return made

    def _switched(self, graph: SoundGraph, frame: int) -> None:
        self._studio.graph_ns = frames_to_ns(frame)
        for track in self._studio.tracks.values():
            track.cut()
        for name in self._studio.dismiss(graph):
            gone = self._devices.pop(name)
            if self._keeper is not None:
                self._keeper.drop(gone)
        self._studio.attribute(graph)

    def _recover(self, node: str, error: Exception) -> bool:
        """A processor broke: people are told, and the sound goes on without it."""
        get_logger().error("audio.node_failed", node=node, reason=f"{type(error).__name__}: {error}")
        self._complain("node-failed", f"{node} broke and is left out: {error}", "")
        return True

    def _frame_at(self, at_ns: int) -> int:
        return ns_to_frames(max(0, self._clock.media_ns(at_ns)))

    # -- the pump ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping.wait(WATCHED_PUMP_S if self._board.wanted else PUMP_S):
                with self._lock:
                    self._turn()
        except Exception as error:  # noqa: BLE001 - whatever it is, people are told and the supervisor replaces us
            get_logger().exception("audio.pump_failed")
            self._complain("internal", f"recording of sound broke: {type(error).__name__}: {error}", "")
            self._failed = True

    def _turn(self) -> None:
        now_ns = self._studio.ahead.now_ns = monotonic_ns()
        for device in self._devices.values():
            if device.feed.advance(now_ns):
                device.last_sound_ns = now_ns
        until = self._frame_at(now_ns - HOLD_NS)
        self._score.pull(until)
        self._ages_ns.append(max(0, self._clock.media_ns(now_ns) - frames_to_ns(self._score.position)))
        self._studio.spans.grow(frames_to_ns(self._score.position), SPANS_EVERY_NS)
        sent = min((ns_to_frames(track.sent_ns) for track in self._studio.tracks.values()), default=until)
        for feed in self._studio.feeds.values():
            feed.silences.drop_before(sent)

    def _halt_pump(self) -> None:
        self._stopping.set()
        if self._pump.is_alive():
            self._pump.join()

    def _await_sound(self, end_frame: int, at_ns: int) -> None:
        pause = threading.Event()
        while True:
            owing = False
            for feed in self._studio.feeds.values():
                feed.advance(monotonic_ns())
                until_ns = at_ns + (STOP_WAIT_NS if feed.expects_sound else FIRST_SOUND_WAIT_NS)
                owing |= not feed.covers(end_frame) and monotonic_ns() < until_ns
            if not owing:
                return
            pause.wait(STOP_POLL_S)


def _with_device(track: TrackStats, heard: Mapping[str, KeptDevice]) -> TrackStats:
    """The counters of a track with those of the device that it is of, if it is of one."""
    device = heard.get(track.id)
    return track if device is None else structs.replace(track, device=device.device)


def _node_stats(times: NodeTimes) -> NodeStats:
    p50, p95, p99 = percentiles_ms(times.newest_ns)
    return NodeStats(
        name=times.node,
        type=times.type,
        blocks=times.pulls,
        frames=times.frames,
        busy_ms=round(times.busy_ns / NS_PER_MS, 3),
        fullness=round(times.fullness, 4),
        latency_ms=round(times.latency_ms, 3),
        took_p50_ms=p50,
        took_p95_ms=p95,
        took_p99_ms=p99,
        overruns=times.presses,
        errors=times.errors,
        pressure=Pressure.HELD if times.is_pressed else Pressure.FREE,
    )
