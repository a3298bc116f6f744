"""A real audio worker process with the daemon's and the store's ends of its sockets in the test's own hands."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import zmq

from reeld.runtime.clock import monotonic_ns
from reeld_proto import codec
from reeld_proto.endpoints import Endpoints
from reeld_proto.sound_graph import AnyNode, MicrophoneNode, MixerNode, SoundGraph, SystemAudioNode, TrackNode
from reeld_proto.workers import (
    COMMITS_FOR_ALL,
    AnyIngest,
    AnyReport,
    AnyTelemetry,
    AudioTrackSpec,
    ChunkCaptured,
    Committed,
    LevelsTold,
    Progress,
    SessionClockData,
    ShutDown,
    StartAudio,
    StoreStarted,
    Trouble,
    WorkerReady,
)
from tests.support.desk import VirtualDesk
from tests.support.wait import until

MIX = AudioTrackSpec(track="mix", label="mix", role="mix", source="")
MIC = AudioTrackSpec(track="mic", label="Microphone", role="mic", source="virtual_mic")
SYSTEM = AudioTrackSpec(track="system", label="Speakers", role="system", source="speakers.monitor")
ALL_TRACKS = [MIX, MIC, SYSTEM]


def start_order(tracks: list[AudioTrackSpec], *, start_ns: int | None = None, epoch: int = 1) -> StartAudio:
    clock = SessionClockData(start_ns=monotonic_ns() if start_ns is None else start_ns)
    graph, devices = plain_graph(tracks)
    return StartAudio(session="s", epoch=epoch, clock=clock, tracks=tracks, graph=graph, devices=devices)


def plain_graph(tracks: list[AudioTrackSpec]) -> tuple[SoundGraph, dict[str, str]]:
    """Each source to its track, and the sum of all to a mix; and which device each source is."""
    sources = {spec.track: spec for spec in tracks if spec.role != "mix"}
    nodes: list[AnyNode] = []
    for name, spec in sources.items():
        kind = SystemAudioNode if spec.role == "system" else MicrophoneNode
        nodes += [kind(name=f"{name}-in", device=spec.source), TrackNode(name=name, inputs=[f"{name}-in"])]
    for spec in tracks:
        if spec.role == "mix":
            nodes.append(MixerNode(name="bus", inputs=[f"{name}-in" for name in sources]))
            nodes.append(TrackNode(name=spec.track, inputs=["bus"]))
    return SoundGraph(nodes=nodes), {f"{name}-in": spec.source for name, spec in sources.items()}


def decoded(init: bytes, chunks: list[bytes]) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """An audio track as float32, shape (frames, channels), index 0 being media time 0."""
    blocks: list[tuple[int, Any]] = []
    end = 0
    with av.open(io.BytesIO(init + b"".join(chunks)), "r") as container:
        stream: Any = container.streams.audio[0]
        for frame in container.decode(stream):
            # A decoder of Opus gives 48 kHz, and may be late by half a millisecond without saying so.
            at = int(frame.pts or 0) * stream.codec_context.sample_rate // stream.time_base.denominator
            start = end if blocks and at - end < 100 else at
            blocks.append((start, _samples(frame)))
            end = start + frame.samples
    out = np.zeros((end, blocks[0][1].shape[1]), np.float32)
    for start, block in blocks:
        out[start : start + len(block)] = block
    return out


def _samples(frame: Any) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """A decoded frame as float32, shape (frames, channels)."""
    found: np.ndarray[Any, Any] = frame.to_ndarray()
    found = found.T if frame.format.is_planar else found.reshape(-1, frame.layout.nb_channels)
    return np.asarray(found / np.float32(2**31) if found.dtype == np.int32 else found, np.float32)


class AudioHarness:
    """Context manager around one worker process. `messages` fills while `pump` or `order` runs."""

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
        self._replies: list[Any] = []
        self.messages: list[tuple[AnyIngest, bytes, bytes]] = []
        self.progress: list[Progress] = []
        self.trouble: list[Trouble] = []
        self.levels: list[LevelsTold] = []
        read_fd, self._parent_fd = os.pipe()
        command = [sys.executable, "-m", "reeld.audio.worker", "--name", "audio-1", "--runtime", str(runtime)]
        command += ["--store", str(runtime), "--parent-fd", str(read_fd)]
        self.errors = runtime / "stderr"
        with self.errors.open("wb") as errors:
            environment = {**env, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            self.process = subprocess.Popen(command, env=environment, pass_fds=(read_fd,), stderr=errors)
        os.close(read_fd)

    def _bind(self, kind: int, address: str) -> Any:
        socket = self._zmq.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.bind(address)
        return socket

    def __enter__(self) -> "AudioHarness":
        self.wait(lambda: bool(self._replies), 20, "a ready worker")
        assert isinstance(self._replies.pop(), WorkerReady)
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self._control.send_multipart([b"audio-1", codec.pack(ShutDown(), id="bye")])
            try:
                self.wait(lambda: self.process.poll() is not None, 5, "a worker that left")
            except AssertionError:
                self.process.kill()
        self.process.wait()
        os.close(self._parent_fd)
        for socket in (self._control, self._telemetry, self._ingest, self._commits):
            socket.close()
        self._zmq.term()

    def order(self, body: Any) -> Any:
        """Give an order and wait for its report."""
        self._replies.clear()
        self._control.send_multipart([b"audio-1", codec.pack(body, id="r")])
        self.wait(lambda: bool(self._replies), 15, f"an answer to {type(body).__name__}")
        return self._replies.pop()

    def wait(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Play daemon and store until `condition` holds."""

        def pumped() -> bool:
            self.pump()
            return condition()

        until(pumped, timeout_s, what=what, every_s=0)

    def run_until(self, at_ns: int) -> None:
        """Play daemon and store until monotonic `at_ns`."""
        self.wait(lambda: monotonic_ns() >= at_ns, (at_ns - monotonic_ns()) / 1e9 + 5, "time")

    def pump(self) -> None:
        """Take what the worker sends, and acknowledge chunks as the store would."""
        for socket, _ in self._poller.poll(10):
            if socket is self._control:
                _, data = socket.recv_multipart()
                self._replies.append(codec.unpack(data, AnyReport | WorkerReady).body)
            elif socket is self._telemetry:
                body = codec.unpack(socket.recv(), AnyTelemetry).body
                self.progress += [body] if isinstance(body, Progress) else []
                self.trouble += [body] if isinstance(body, Trouble) else []
                self.levels += [body] if isinstance(body, LevelsTold) else []
            elif socket is self._commits:
                socket.recv()
                self._publish(b"", StoreStarted(instance="one"))
            else:
                frames = socket.recv_multipart()
                envelope = codec.unpack(frames[0], AnyIngest)
                self.messages.append((envelope.body, *(frames[1:] or (b"", b""))))
                note = Committed(producer=envelope.sender, seq=envelope.seq)
                self._publish(envelope.sender.encode(), note)

    def _publish(self, topic: bytes, note: Any) -> None:
        self._commits.send_multipart([topic or COMMITS_FOR_ALL, codec.pack(note)])

    def chunks(self, track: str) -> list[ChunkCaptured]:
        return [body for body, _, _ in self.messages if isinstance(body, ChunkCaptured) and body.track == track]

    def sound(self, track: str) -> "np.ndarray[Any, np.dtype[np.float32]]":
        """What a player makes of the track: mono, index 0 being media time 0."""
        found = [(init, data) for body, data, init in self.messages if getattr(body, "track", "") == track]
        return decoded(found[0][0], [data for _, data in found])[:, 0]

    def assert_covered(self, track: str, start_ns: int, end_ns: int) -> None:
        """The chunks tile [start_ns, end_ns) without hole or overlap."""
        chunks = self.chunks(track)
        borders = [chunk.start_ns for chunk in chunks] + [chunks[-1].end_ns]
        assert borders == [start_ns] + [chunk.end_ns for chunk in chunks]
        assert borders[-1] == end_ns
        assert all(chunk.end_ns - chunk.start_ns <= 1_000_000_000 for chunk in chunks)


class Player:
    """The test speaker playing into a sink of the desk."""

    def __init__(self, desk: VirtualDesk, sink: str, tone_hz: float, level: float = 0.2) -> None:
        words = ["--sink", sink, "--tone", str(tone_hz), "--level", str(level)]
        self._process = desk.spawn(
            sys.executable, "-m", "tests.support.speaker", *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"playing\n"

    def beep(self, at_ns: int) -> None:
        """100 ms of 4 kHz that leaves the sink at `at_ns`; at least 0.2 s from now."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"beep %d\n" % at_ns)
        self._process.stdin.flush()

    def stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(5)

    def kill(self) -> None:
        self._process.kill()
        self.stop()
