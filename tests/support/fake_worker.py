"""A worker without devices: the real loop and protocol of `reeld.runtime.worker`, invented media, bad habits.

The environment chooses its habits: FAKE_CAPTURE, FAKE_AUDIO, FAKE_STORE, FAKE_EXPORT each hold a comma-separated list
out of

    exit            leave with status 9 at once
    hang            never become ready
    corrupt         say that the store is damaged, and leave
    mute            become ready, never answer an order
    ignore-sigterm  stay when asked to leave, by order or signal
    stall           record without progress
    slow            take 0.5 s for each order
    endless         work on a job until SIGTERM, and tell how far it is
    absent          have no display, no sound
    broken          list sources, but fail to start

A habit followed by `:N` holds for the first N processes of the role only. Each order to the store is written as a line
of JSON to `orders.jsonl` in the store's folder, each to change the sound to `sound.jsonl`.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import zmq

from reeld.runtime.clock import monotonic_ns
from reeld.runtime.worker import WorkerContext, main
from reeld_proto import codec
from reeld_proto.commands import Exported, Sources, Verified
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.records import AudioSource, DisplaySource
from reeld_proto.sound import NodeLevels, NodeStats
from reeld_proto.stats import TrackStats
from reeld_proto.workers import (
    AdjustTracks,
    AnyOrder,
    AnyReport,
    AnyTelemetry,
    DescribeSound,
    Done,
    EditGraph,
    JobProgress,
    LevelMoment,
    LevelsTold,
    ListWorkerSources,
    PauseTracks,
    Progress,
    ResumeTracks,
    RunExport,
    RunVerify,
    SoundDescribed,
    StartAudio,
    StartVideo,
    StopTracks,
    TracksStarted,
    WatchLevels,
)

DISPLAYS = [
    DisplaySource(id="LEFT", name="LEFT", x=0, y=0, width=1920, height=1080, primary=True),
    DisplaySource(id="RIGHT", name="RIGHT", x=1920, y=0, width=1920, height=1080, primary=False),
]
MICROPHONES = [AudioSource(id="virtual_mic", name="Virtual microphone", default=True)]
LEVELS = [NodeLevels(node="mic-meter", peak_db=[-6.0, -6.5], rms_db=[-20.0, -21.0])]
OUTPUTS = [AudioSource(id="speakers.monitor", name="Speakers", default=True)]


def habits_of(name: str) -> set[str]:
    """The habits that the process with this worker name has."""
    role, number = name.split("-", maxsplit=1)[0], int(name.rsplit("-", maxsplit=1)[-1])
    found = set()
    for word in filter(None, os.environ.get(f"FAKE_{role.upper()}", "").split(",")):
        habit, _, count = word.partition(":")
        if not count or number <= int(count):
            found.add(habit)
    return found


class FakeWorker:
    """Plays whichever role its name says."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._role = context.name.split("-")[0]
        self._habits = habits_of(context.name)
        if "corrupt" in self._habits:
            raise StoreCorrupt("nothing can be read of the store", remedy="Bring it back.")
        self._session = ""
        self._tracks: list[str] = []
        self._paused = False
        self._ticks = 0
        self._watched = False

    def handle(self, order: AnyOrder) -> AnyReport:
        if "mute" in self._habits:
            while True:
                signal.pause()
        if "slow" in self._habits:
            time.sleep(0.5)
        if self._role == "store":
            return self._keep(order)
        match order:
            case ListWorkerSources():
                return self._sources()
            case StartVideo() | StartAudio():
                return self._start(order)
            case PauseTracks() | ResumeTracks():
                self._paused = isinstance(order, PauseTracks)
            case StopTracks():
                self._tracks = []
            case RunExport() | RunVerify():
                return self._job(order)
            case WatchLevels() | AdjustTracks() | EditGraph() | DescribeSound():
                return self._steer(order)
        return Done()

    def _start(self, order: StartVideo | StartAudio) -> AnyReport:
        if "broken" in self._habits:
            raise RequestRejected("the device fell apart", code=ErrorCode.DEVICE_FAILED, remedy="Glue it.")
        self._session, self._tracks = order.session, [spec.track for spec in order.tracks]
        if isinstance(order, StartAudio):
            self._watched = order.levels
            self._note(order)
        return TracksStarted(first_ns=monotonic_ns() if isinstance(order, StartVideo) else None)

    def _job(self, order: RunExport | RunVerify) -> AnyReport:
        if "endless" in self._habits:
            self._work_on(order)
        if isinstance(order, RunVerify):
            return Verified(ok=True, checked_chunks=3, checked_bytes=4, faults=[])
        progress = JobProgress(worker=self._context.name, session=order.session, path=order.path, done_s=1, total_s=2)
        self._context.report(progress)
        return Exported(path=order.path, duration_s=2.0, bytes=1000)

    def _work_on(self, order: RunExport | RunVerify) -> None:
        asked = threading.Event()
        if "ignore-sigterm" not in self._habits:
            signal.signal(signal.SIGTERM, lambda _number, _frame: asked.set())
        path = order.path if isinstance(order, RunExport) else ""
        if path:
            part = Path(path).with_name(f".{Path(path).name}.{os.getpid()}.0123abcd.reeld-part")
            part.write_bytes(b"half")
        # The worker's loop is busy with this order, so the progress goes out on a socket of its own, as the real one's.
        name = self._context.name
        with self._context.zmq.socket(zmq.PUSH) as telemetry:
            telemetry.connect(self._context.endpoints.telemetry)
            done = 0
            while not asked.wait(0.02):
                done += 1
                report = JobProgress(worker=name, session="", path=path, done_s=done, total_s=1000)
                telemetry.send(codec.pack(report, seq=done, sender=name))
        sys.exit(0)

    def _steer(self, order: AnyOrder) -> AnyReport:
        if isinstance(order, DescribeSound):
            nodes = [NodeStats(name="mic-in", type="microphone", blocks=self._ticks)]
            return SoundDescribed(session=self._session, nodes=nodes, levels=LEVELS)
        if isinstance(order, WatchLevels):
            self._watched = order.on
        else:
            self._note(order)
        return Done()

    def _sources(self) -> Sources:
        if "absent" in self._habits:
            code = ErrorCode.NO_DISPLAY if self._role == "capture" else ErrorCode.NO_AUDIO
            raise RequestRejected(f"no {self._role} here", code=code, remedy="Set DISPLAY.")
        if self._role == "capture":
            return Sources(displays=DISPLAYS)
        return Sources(microphones=MICROPHONES, system_audio=OUTPUTS)

    def _note(self, order: AnyOrder) -> None:
        with (self._context.store / "sound.jsonl").open("a") as journal:
            journal.write(json.dumps({"worker": self._context.name, **msgspec.to_builtins(order)}) + "\n")

    def _keep(self, order: AnyOrder) -> AnyReport:
        line = {"worker": self._context.name, "live": os.environ.get("REELD_LIVE_SESSION", "")}
        line |= msgspec.to_builtins(order)
        with (self._context.store / "orders.jsonl").open("a") as journal:
            journal.write(json.dumps(line) + "\n")
        return Done()

    def readers(self) -> Mapping[Any, Callable[[], None]]:
        return {}

    def tick(self) -> list[AnyTelemetry]:
        if not self._tracks:
            return []
        if not self._paused and "stall" not in self._habits:
            self._ticks += 1
        tracks = [TrackStats(id=track, frames=self._ticks, media_s=self._ticks / 2) for track in self._tracks]
        progress = Progress(worker=self._context.name, session=self._session, tracks=tracks)
        if not self._watched:
            return [progress]
        moments = [LevelMoment(at_ns=self._ticks * 500_000_000, levels=LEVELS)]
        return [progress, LevelsTold(worker=self._context.name, session=self._session, moments=moments)]

    def close(self) -> None:
        if "ignore-sigterm" in self._habits:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                signal.pause()


def run() -> None:
    habits = habits_of(sys.argv[sys.argv.index("--name") + 1])
    if "exit" in habits:
        sys.exit(9)
    if "hang" in habits:
        while True:
            signal.pause()
    main("fake", FakeWorker)


if __name__ == "__main__":
    run()
