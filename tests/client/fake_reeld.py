"""A daemon that only talks: a scripted answer to every command. In memory or behind real sockets.

`FakeReeld` is a function from an envelope to its answers; `memory(fake)` puts it behind a `MemoryTransport`,
`serving(fake, runtime)` behind a ROUTER and an XPUB in a thread of its own.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zmq

from reeld_client.memory import MemoryTransport
from reeld_proto import codec, commands
from reeld_proto.commands import AnyCommand
from reeld_proto.endpoints import Endpoints
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected
from reeld_proto.events import UNNUMBERED, Event, ExportProgress, JobChanged, topic_of
from reeld_proto.jobs import JobInfo, JobState
from reeld_proto.records import (
    AudioSource,
    DaemonInfo,
    DisplaySource,
    Fault,
    GapInfo,
    GapReason,
    MarkerInfo,
    SessionBrief,
    SessionInfo,
    SessionState,
    TrackInfo,
    TrackKind,
    WorkerInfo,
    WorkerState,
)
from reeld_proto.reloading import ConfigReloaded
from reeld_proto.settings import FeatureInfo, FeatureList, Profile, ProfileInfo, ProfileList
from reeld_proto.sound import AutomationPoint, HeardSpan, NodeLevels, NodeStats
from reeld_proto.sound_graph import (
    LevelFeedNode,
    MeterNode,
    MicrophoneNode,
    MixerNode,
    SoundGraph,
    SystemAudioNode,
    TrackNode,
    VolumeNode,
)
from reeld_proto.stats import QueueStats, Stats, TrackStats, WorkerStats

SESSION = "20261122-170509-k3fa"
TRACK = TrackInfo(
    id="video-1", kind=TrackKind.VIDEO, codec="avc1.42c01f", label="LEFT", chunks=3, bytes=400_000, frames=90, dropped=0
)
GAP = GapInfo(track="video-1", start_s=2.0, end_s=3.0, reason=GapReason.PAUSED)
INFO = SessionInfo(
    session=SESSION,
    name="stand-up [daily]",
    state=SessionState.COMPLETED,
    started_at="2026-11-22T17:05:09+00:00",
    duration_s=7.4,
    bytes=400_000,
    tags=["work"],
    tracks=[TRACK],
    gaps=[GAP],
    markers=[MarkerInfo(at_s=1.5, text="decided")],
    warnings=["no microphone"],
)
SOUND = SoundGraph(
    nodes=[
        MicrophoneNode(name="mic-in"),
        SystemAudioNode(name="system-in"),
        VolumeNode(name="mic-volume", inputs=["mic-in"], gain_db=-6.0, muted=True),
        MeterNode(name="mic-meter", inputs=["mic-volume"]),
        MixerNode(name="mix-bus", inputs=["mic-meter", "system-in"]),
        TrackNode(name="mix", inputs=["mix-bus"]),
        LevelFeedNode(name="levels", inputs=["mic-meter.levels"]),
    ]
)
NODE = NodeStats(name="mix-bus", type="mixer", blocks=7, frames=3360, busy_ms=1.5, fullness=0.75)
LEVELS = NodeLevels(node="mic-meter", peak_db=[-6.0, -9.0], rms_db=[-30.0, -33.0])
TIMELINE = commands.SessionTimeline(
    session=SESSION,
    duration_s=7.4,
    gaps=[GAP],
    markers=[MarkerInfo(at_s=1.5, text="decided")],
    voice=[HeardSpan(track="mic", start_s=0.5, end_s=2.0)],
    silence=[HeardSpan(track="system", start_s=3.0, end_s=4.0)],
    automation=[AutomationPoint(at_s=1.0, node="mic-volume", setting="muted", value=True)],
)
STATS = Stats(
    at_mono_ns=10**9,
    session=SessionBrief(id=SESSION, name="stand-up", state=SessionState.ACTIVE, elapsed_s=65.0),
    workers=[
        WorkerStats(
            name="capture-1",
            pid=11,
            cpu=0.12,
            rss_bytes=90_000_000,
            restarts=1,
            queues=[QueueStats(name="outbox", unit="bytes", depth=2_000_000, limit=64_000_000, dropped=2)],
        )
    ],
    tracks=[
        TrackStats(id="video-1", frames=900, unchanged=50, bytes=2_000_000, chunks=30, lag_ms=800.0),
        TrackStats(id="mix", frames=400, bytes=300_000, lag_ms=900.0, peak_db=-14.0, dropped=1),
    ],
    disk_free_bytes=10**12,
    store_bytes=3 * 10**9,
)


def silence(_command: AnyCommand) -> None:
    """As an answer: none."""


class FakeReeld:
    """Answers commands as a recorder would, without recording.

    answers: by command type, what to answer instead of the usual: a reply, an error, or a function to either;
    `silence` answers nothing.
    """

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.heard: list[AnyCommand] = []
        self.tokens: set[str] = set()
        self.state: SessionState | None = None
        self.elapsed_s = 0.0
        self.private = False
        self.event_seq = 0
        self.warnings: list[str] = []
        self.jobs: dict[str, commands.LongCommand] = {}
        self.awaited: list[str] = []

    def __call__(self, data: bytes) -> list[bytes]:
        """The answers to one envelope."""
        try:
            envelope = codec.unpack(data, AnyCommand)
            # What a job is about is heard when it is begun, and answered when somebody waits for it.
            heard = envelope.body.command if isinstance(envelope.body, commands.StartJob) else envelope.body
            self.heard += [] if isinstance(heard, commands.WaitJob) else [heard]
            self.tokens.add(envelope.token)
            reply = self._reply(envelope.body)
        except ReeldError as error:
            reply = commands.ErrorReply(
                code=error.code, message=str(error), remedy=error.remedy, faults=list(error.faults)
            )
        return [] if reply is None else [codec.pack(reply, id=codec.request_id_of(data))]

    def _reply(self, command: AnyCommand) -> Any:
        name = str(type(command).__struct_config__.tag).replace(".", "_").replace("-", "_")
        if name in self.answers:
            answer = self.answers[name]
            answer = answer(command) if callable(answer) else answer
            if isinstance(answer, ReeldError):
                raise answer
            return answer
        return getattr(self, f"_{name}")(command)

    def of(self, kind: type[Any]) -> list[Any]:
        """The commands of one type that were heard."""
        return [command for command in self.heard if isinstance(command, kind)]

    def _brief(self) -> SessionBrief | None:
        if self.state is None:
            return None
        return SessionBrief(id=SESSION, name="stand-up", state=self.state, elapsed_s=self.elapsed_s)

    def _need(self, *states: SessionState | None) -> None:
        if self.state not in states:
            raise RequestRejected(
                "there is no session to do this with", code=ErrorCode.WRONG_STATE, remedy="Start one."
            )

    def _job(self, id: str, state: JobState = JobState.RUNNING) -> commands.JobDetail:
        tag = str(type(self.jobs[id]).__struct_config__.tag)
        return commands.JobDetail(job=JobInfo(id=id, command=tag, state=state, progress=0.25))

    def _jobs_start(self, command: commands.StartJob) -> Any:
        name = f"j{len(self.jobs) + 1}"
        self.jobs[name] = command.command
        return self._job(name)

    def _jobs_list(self, _command: Any) -> Any:
        return commands.JobList(jobs=[self._job(name).job for name in self.jobs])

    def _jobs_show(self, command: commands.ShowJob) -> Any:
        if command.id not in self.jobs:
            raise RequestRejected(f"there is no job {command.id}", code=ErrorCode.NOT_FOUND)
        return self._job(command.id)

    def _jobs_cancel(self, command: commands.CancelJob) -> Any:
        return self._job(command.id, JobState.CANCELLED)

    def _jobs_wait(self, command: commands.WaitJob) -> Any:
        self.awaited.append(command.id)
        return self._reply(self.jobs[command.id])

    def _ping(self, _command: Any) -> Any:
        return commands.Pong()

    def _status(self, _command: Any) -> commands.Status:
        if self.state is SessionState.ACTIVE:
            self.elapsed_s += 0.5
        return commands.Status(
            daemon=DaemonInfo(pid=7, version="0.1.0", uptime_s=61.0),
            workers=[WorkerInfo(name="capture-1", pid=11, state=WorkerState.RUNNING)],
            session=self._brief(),
            private=self.private,
        )

    def _privacy_set(self, command: commands.SetPrivate) -> Any:
        self.private = command.private
        return commands.PrivacyChanged(session=None if self.state is None else SESSION, private=self.private)

    def _config_reload(self, _command: Any) -> Any:
        return ConfigReloaded(path="/home/somebody/.config/reeld/config.toml", live=["record.fps"], restart=[])

    def _profiles_list(self, _command: Any) -> Any:
        return ProfileList(profiles=[ProfileInfo(profile="meeting", settings=Profile(fps=5))])

    def _features_list(self, _command: Any) -> Any:
        info = FeatureInfo(feature="compress-av1", description="", stage="on", enabled=True, source="built-in")
        return FeatureList(features=[info])

    def _sources(self, _command: Any) -> Any:
        sound = AudioSource(id="virtual_mic", name="Virtual [mic]", default=True)
        left = DisplaySource(id="LEFT", name="LEFT", x=0, y=0, width=1920, height=1080, primary=True)
        return commands.Sources(displays=[left], microphones=[sound], warnings=["no cameras"])

    def _session_start(self, command: commands.StartSession) -> Any:
        self._need(None)
        self.state = SessionState.ACTIVE
        return commands.SessionStarted(
            session=SESSION, state=self.state, first_frame_ms=84.2, name=command.name, warnings=self.warnings
        )

    def _changed(self, state: SessionState | None, marker_at_s: float | None = None) -> Any:
        self.state = state
        assert state is not None
        return commands.SessionChanged(session=SESSION, state=state, elapsed_s=self.elapsed_s, marker_at_s=marker_at_s)

    def _session_pause(self, _command: Any) -> Any:
        self._need(SessionState.ACTIVE)
        return self._changed(SessionState.PAUSED)

    def _session_resume(self, _command: Any) -> Any:
        self._need(SessionState.PAUSED)
        return self._changed(SessionState.ACTIVE)

    def _session_set_paused(self, command: commands.SetPaused) -> Any:
        self._need(SessionState.ACTIVE, SessionState.PAUSED)
        return self._changed(SessionState.PAUSED if command.paused else SessionState.ACTIVE)

    def _session_mark(self, _command: Any) -> Any:
        self._need(SessionState.ACTIVE, SessionState.PAUSED)
        return self._changed(self.state, marker_at_s=1.5)

    def _session_sound(self, _command: Any) -> Any:
        if self.state is None:
            return commands.SoundGraphReply(session=None, graph=SOUND)
        return commands.SoundGraphReply(session=SESSION, graph=SOUND, nodes=[NODE], levels=[LEVELS])

    def _session_sound_adjust(self, command: commands.AdjustSound) -> Any:
        self._need(SessionState.ACTIVE)
        return commands.SoundAdjusted(
            session=SESSION, state=SessionState.ACTIVE, at_s=1.5, changes=list(command.changes)
        )

    def _session_sound_edit(self, _command: Any) -> Any:
        self._need(SessionState.ACTIVE)
        return commands.SoundAdjusted(session=SESSION, state=SessionState.ACTIVE, at_s=1.5)

    def _sessions_timeline(self, command: commands.GetTimeline) -> Any:
        if command.session != SESSION:
            raise RequestRejected(f"there is no session {command.session}", code=ErrorCode.NOT_FOUND)
        return TIMELINE

    def _session_stop(self, _command: Any) -> Any:
        self._need(SessionState.ACTIVE, SessionState.PAUSED)
        self.state = None
        return commands.SessionStopped(
            session=SESSION, state=SessionState.COMPLETED, duration_s=7.4, tracks=[TRACK], gaps=[GAP]
        )

    def _sessions_list(self, _command: Any) -> Any:
        return commands.SessionList(sessions=[INFO], warnings=self.warnings)

    def _sessions_show(self, command: commands.ShowSession) -> Any:
        if command.session != SESSION:
            raise RequestRejected(f"there is no session {command.session}", code=ErrorCode.NOT_FOUND)
        return commands.SessionDetail(session=INFO)

    def _sessions_export(self, command: commands.ExportSession) -> Any:
        Path(command.path).write_bytes(b"mp4")
        return commands.Exported(path=command.path, duration_s=7.4, bytes=3)

    def _store_verify(self, _command: Any) -> Any:
        return commands.Verified(ok=True, checked_chunks=3, checked_bytes=400_000, faults=[])

    def _stats(self, _command: Any) -> Any:
        return commands.StatsReply(stats=STATS)

    def _snapshot(self, command: Any) -> Any:
        return commands.Snapshot(event_seq=self.event_seq, status=self._status(command), stats=STATS)

    def event(self, event: Event) -> tuple[bytes, bytes]:
        """Number an event; its topic and envelope."""
        topic = topic_of(event)
        numbered = topic not in UNNUMBERED
        self.event_seq += numbered
        return topic, codec.pack(event, seq=self.event_seq if numbered else 0)


def faulty() -> commands.Verified:
    """What `verify` says of a damaged store."""
    fault = Fault(kind="digest", session=SESSION, track="video-1", chunk="ab" * 32, detail="one bit differs")
    return commands.Verified(ok=False, checked_chunks=3, checked_bytes=400_000, faults=[fault])


def progress(path: str, done_s: float) -> ExportProgress:
    """How far something that is no job is."""
    return ExportProgress(session=SESSION, path=path, done_s=done_s, total_s=4.0)


def job_progress(id: str, progress: float | None) -> JobChanged:
    """How far a job is."""
    return JobChanged(job=JobInfo(id=id, command="sessions.export", state=JobState.RUNNING, progress=progress))


def memory(fake: FakeReeld) -> MemoryTransport:
    """The fake without sockets."""
    return MemoryTransport(fake)


class Server:
    """The fake behind sockets. `publish` sends an event; `subscribers` counts those who listen."""

    def __init__(self, fake: FakeReeld, runtime: Path) -> None:
        runtime.mkdir(mode=0o700, exist_ok=True)
        endpoints = Endpoints(runtime)
        self._fake = fake
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._router = self._bind(zmq.ROUTER, endpoints.control)
        self._events = self._bind(zmq.XPUB, endpoints.events)
        self._orders = self._bind(zmq.PAIR, "inproc://orders")
        self._owner = self._context.socket(zmq.PAIR)
        self._owner.connect("inproc://orders")
        self._thread = threading.Thread(target=self._run, name="fake-reeld")
        self.topics: list[bytes] = []

    def _bind(self, kind: int, address: str) -> "zmq.Socket[bytes]":
        made = self._context.socket(kind)
        made.setsockopt(zmq.LINGER, 500)
        made.bind(address)
        return made

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        poller = zmq.Poller()
        for one in (self._router, self._events, self._orders):
            poller.register(one, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if self._orders in ready:
                order = self._orders.recv_multipart()
                if order == [b"stop"]:
                    return
                self._events.send_multipart(order)
            if self._events in ready:
                frame = self._events.recv()
                (self.topics.append if frame[:1] == b"\x01" else self.topics.remove)(frame[1:])
            if self._router in ready:
                who, data = self._router.recv_multipart()
                for answer in self._fake(data):
                    self._router.send_multipart([who, answer])

    def publish(self, event: Event) -> None:
        self._owner.send_multipart(list(self._fake.event(event)))

    def stop(self) -> None:
        self._owner.send(b"stop")
        self._thread.join()
        for one in (self._router, self._events, self._orders, self._owner):
            one.close()
        self._context.term()


@contextmanager
def serving(fake: FakeReeld | Callable[[bytes], list[bytes]], runtime: Path) -> Iterator[Server]:
    """The fake at `runtime` while the block runs; as a daemon leaves them, its sockets stay behind."""
    server = Server(fake, runtime)  # type: ignore[arg-type]
    server.start()
    try:
        yield server
    finally:
        server.stop()
