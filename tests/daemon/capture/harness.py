"""A real capture worker process with the daemon's and the store's ends of its sockets in the test's own hands."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
import zmq

from reeld_proto import codec
from reeld_proto.endpoints import Endpoints
from reeld_proto.records import Quality, SourceKind, VideoCodec
from reeld_proto.workers import (
    COMMITS_FOR_ALL,
    AnyIngest,
    AnyReport,
    AnyTelemetry,
    ChunkCaptured,
    Committed,
    GapFound,
    Progress,
    SessionClockData,
    ShutDown,
    SourceSpec,
    StartVideo,
    StoreStarted,
    Trouble,
    VideoTrackSpec,
    WorkerReady,
)
from tests.support.desk import Monitor
from tests.support.wait import until

REPLIES = AnyReport | WorkerReady

T = TypeVar("T")


def track_of(monitor: Monitor, track: str = "video-1") -> VideoTrackSpec:
    return VideoTrackSpec(
        track=track,
        label=monitor.name,
        sources=[source_of(monitor)],
        width=monitor.width,
        height=monitor.height,
    )


def source_of(monitor: Monitor) -> SourceSpec:
    return SourceSpec(
        kind=SourceKind.DISPLAY,
        id=monitor.name,
        label=monitor.name,
        x=monitor.x,
        y=monitor.y,
        width=monitor.width,
        height=monitor.height,
    )


def start_order(
    tracks: list[VideoTrackSpec],
    *,
    start_ns: int,
    fps: int = 30,
    epoch: int = 1,
    quality: Quality = Quality.MEDIUM,
    pointer: bool = True,
    codec: VideoCodec = VideoCodec.H264,
) -> StartVideo:
    clock = SessionClockData(start_ns=start_ns)
    return StartVideo(
        session="s",
        epoch=epoch,
        clock=clock,
        tracks=tracks,
        fps=fps,
        quality=quality,
        pointer=pointer,
        codec=codec,
    )


class CaptureHarness:
    """Context manager around one worker process. `chunks` and `gaps` fill while `pump` or `order` runs."""

    def __init__(self, runtime: Path, env: dict[str, str]) -> None:
        self._zmq = zmq.Context[Any]()
        endpoints = Endpoints(runtime)
        self._control = self._bind(zmq.ROUTER, endpoints.workers)
        self._telemetry = self._bind(zmq.PULL, endpoints.telemetry)
        self._ingest = self._bind(zmq.PULL, endpoints.ingest)
        self._commits = self._bind(zmq.XPUB, endpoints.commits)
        self._commits.setsockopt(zmq.XPUB_VERBOSE, 1)
        self._poller = zmq.Poller()
        for socket in (self._control, self._telemetry, self._ingest, self._commits):
            self._poller.register(socket, zmq.POLLIN)
        self._reply: Any = None
        self.messages: list[tuple[AnyIngest, bytes, bytes]] = []
        self.progress: list[Progress] = []
        self.trouble: list[Trouble] = []
        read_fd, self._parent_fd = os.pipe()
        command = [sys.executable, "-m", "reeld.runtime.launch", "reeld.capture.worker", "--name", "capture-1"]
        command += ["--runtime", str(runtime), "--store", str(runtime), "--parent-fd", str(read_fd)]
        root = Path(__file__).parents[3]
        paths = os.pathsep.join(str(root / part) for part in ("proto", "daemon"))
        self.process = subprocess.Popen(command, pass_fds=(read_fd,), env={**env, "PYTHONPATH": paths})
        os.close(read_fd)

    def _bind(self, kind: int, address: str) -> Any:
        socket = self._zmq.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.bind(address)
        return socket

    def __enter__(self) -> "CaptureHarness":
        try:
            self.until(lambda: self._reply, 20, what="a ready worker")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self._parent_fd)
        try:
            self.process.wait(10)
        finally:
            # A worker that does not leave fails the test, but must not outlive it.
            self.process.kill()
            self.process.wait()
            self._zmq.destroy(0)

    def pump(self, timeout_ms: int = 0) -> None:
        """Take what has arrived, acknowledging media."""
        for socket, _ in self._poller.poll(timeout_ms):
            if socket is self._control:
                self._identity, data = socket.recv_multipart()
                self._reply = codec.unpack(data, REPLIES).body
            elif socket is self._telemetry:
                body = codec.unpack(socket.recv(), AnyTelemetry).body
                if isinstance(body, Progress):
                    self.progress.append(body)
                elif isinstance(body, Trouble):
                    self.trouble.append(body)
            elif socket is self._ingest:
                self._take_media(socket.recv_multipart())
            else:
                socket.recv()
                self._publish(COMMITS_FOR_ALL, StoreStarted(instance="one"))

    def _take_media(self, frames: list[bytes]) -> None:
        envelope = codec.unpack(frames[0], AnyIngest)
        payload, init = (frames[1], frames[2]) if len(frames) == 3 else (b"", b"")
        self.messages.append((envelope.body, payload, init))
        self._publish(envelope.sender.encode(), Committed(producer=envelope.sender, seq=envelope.seq))

    def _publish(self, topic: bytes, note: Any) -> None:
        self._commits.send_multipart([topic, codec.pack(note)])

    def order(self, order: Any, timeout_s: float = 20) -> Any:
        """The worker's answer to an order."""
        self._reply = None
        self._control.send_multipart([self._identity, codec.pack(order, id="1")])
        return self.until(lambda: self._reply, timeout_s, what=f"an answer to {order}")

    def until(self, condition: Callable[[], T], timeout_s: float = 10, *, what: str) -> T:
        """The first true value of `condition`, taking what arrives meanwhile."""

        def met() -> T:
            self.pump(5)
            return condition()

        return until(met, timeout_s, what=what, every_s=0)

    def run(self, seconds: float) -> None:
        """Let the worker record for a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.pump(int(left * 1000) + 1)

    def shut_down(self) -> None:
        self.order(ShutDown())
        self.process.wait(10)

    def chunks(self, track: str = "video-1") -> list[ChunkCaptured]:
        return [body for body, _, _ in self.messages if isinstance(body, ChunkCaptured) and body.track == track]

    def gaps(self, track: str = "video-1") -> list[GapFound]:
        return [body for body, _, _ in self.messages if isinstance(body, GapFound) and body.track == track]

    def write_file(self, path: Path, track: str = "video-1") -> Path:
        """The track as a file: init segment and chunks, one after the other."""
        parts = [m for m in self.messages if isinstance(m[0], ChunkCaptured) and m[0].track == track]
        assert len({init for _, _, init in parts}) == 1
        path.write_bytes(parts[0][2] + b"".join(payload for _, payload, _ in parts))
        return path


def decode(path: Path) -> list[tuple[float, "np.ndarray[Any, Any]"]]:
    """(seconds, RGB uint8 picture) of every frame; the matrix is the one that the stream declares."""
    with av.open(str(path)) as container:
        return [(float(frame.time or 0), frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
