"""Harm guarded against: a worker that outlives its daemon, or dies of one bad order."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from reeld.runtime.launch import EXIT_ORPHANED
from reeld_proto import codec
from reeld_proto.commands import ErrorReply
from reeld_proto.endpoints import Endpoints
from reeld_proto.errors import ErrorCode
from reeld_proto.records import SessionState
from reeld_proto.workers import (
    AnyReport,
    AnyTelemetry,
    Done,
    PauseTracks,
    Progress,
    RecordMarker,
    RecordState,
    ResumeTracks,
    ShutDown,
    StopTracks,
    Trouble,
    WorkerReady,
)

ECHO = "tests.support.echo_worker"


class DaemonEnd:
    """The daemon's end of a worker's sockets, and the worker as a real process."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", folder: Path) -> None:
        endpoints = Endpoints(folder)
        self.router = context.socket(zmq.ROUTER)
        self.router.bind(endpoints.workers)
        self.pull = context.socket(zmq.PULL)
        self.pull.bind(endpoints.telemetry)
        read_fd, self.life_fd = os.pipe()
        command = [sys.executable, "-m", "reeld.runtime.launch", ECHO, "--name", "echo-1", "--runtime", str(folder)]
        command += ["--store", str(folder), "--parent-fd", str(read_fd)]
        self.process = subprocess.Popen(command, pass_fds=(read_fd,), stderr=subprocess.DEVNULL)
        os.close(read_fd)

    def receive(self) -> tuple[str, Any]:
        assert self.router.poll(10_000), "the worker said nothing"
        _, data = self.router.recv_multipart()
        envelope = codec.unpack(data, AnyReport | WorkerReady)
        return envelope.id, envelope.body

    def order(self, body: Any, request_id: str = "r1") -> Any:
        self.router.send_multipart([b"echo-1", codec.pack(body, id=request_id)])
        answered, report = self.receive()
        assert answered == request_id
        return report

    def telemetry(self) -> Any:
        assert self.pull.poll(10_000), "no telemetry"
        return codec.unpack(self.pull.recv(), AnyTelemetry).body

    def close(self) -> None:
        if self.life_fd >= 0:
            os.close(self.life_fd)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.router.close(linger=0)
        self.pull.close(linger=0)


@pytest.fixture
def daemon(tmp_path: Path, no_leaks: None) -> Iterator[DaemonEnd]:
    with zmq.Context[zmq.Socket[bytes]]() as context:
        end = DaemonEnd(context, tmp_path)
        try:
            assert isinstance(end.receive()[1], WorkerReady)
            yield end
        finally:
            end.close()


def test_orders_are_answered_with_the_id_they_came_with(daemon: DaemonEnd) -> None:
    assert daemon.order(PauseTracks(at_ns=5), "abc") == Done()


def test_a_rejected_order_tells_code_and_remedy(daemon: DaemonEnd) -> None:
    reply = daemon.order(ResumeTracks(at_ns=5))
    assert isinstance(reply, ErrorReply)
    assert (reply.code, reply.remedy) == (ErrorCode.WRONG_STATE, "Pause first.")


def test_a_bug_in_one_order_does_not_end_the_recording(daemon: DaemonEnd) -> None:
    reply = daemon.order(StopTracks(at_ns=5))
    assert isinstance(reply, ErrorReply)
    assert reply.code == ErrorCode.INTERNAL
    assert daemon.order(PauseTracks(at_ns=5)) == Done()


def test_an_order_that_takes_long_holds_no_other_up_and_is_answered_when_it_is_done(daemon: DaemonEnd) -> None:
    first, second = RecordMarker(session="s", media_ns=1, text="x"), RecordState(session="s", state=SessionState.ACTIVE)
    daemon.router.send_multipart([b"echo-1", codec.pack(first, id="late")])
    assert daemon.order(PauseTracks(at_ns=5), "between") == Done()
    daemon.router.send_multipart([b"echo-1", codec.pack(second, id="later")])
    name, report = daemon.receive()
    assert (name, type(report)) == ("later", ErrorReply)
    assert report.remedy == "Try another."
    assert daemon.receive() == ("late", Done())


def test_junk_instead_of_an_order_is_answered_not_fatal(daemon: DaemonEnd) -> None:
    daemon.router.send_multipart([b"echo-1", b"\xc1junk"])
    assert isinstance(daemon.receive()[1], ErrorReply)
    assert daemon.order(PauseTracks(at_ns=5)) == Done()


def test_progress_and_trouble_reach_the_daemon(daemon: DaemonEnd) -> None:
    daemon.order(PauseTracks(at_ns=7))
    got = [daemon.telemetry(), daemon.telemetry()]
    assert Trouble(worker="echo-1", code="paused", message="7") in got
    assert any(isinstance(message, Progress) for message in got)


def test_shutdown_is_answered_and_the_process_ends_cleanly(daemon: DaemonEnd) -> None:
    assert daemon.order(ShutDown()) == Done()
    assert daemon.process.wait(5) == 0


def test_sigterm_ends_it_cleanly_and_ctrl_c_does_not_end_it(daemon: DaemonEnd) -> None:
    daemon.process.send_signal(signal.SIGINT)
    assert daemon.order(PauseTracks(at_ns=5)) == Done()
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(5) == 0


def test_a_worker_whose_daemon_was_killed_leaves_within_two_seconds(daemon: DaemonEnd) -> None:
    os.close(daemon.life_fd)
    daemon.life_fd = -1
    assert daemon.process.wait(2) == EXIT_ORPHANED
