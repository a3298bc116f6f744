"""Harm guarded against: a question that hangs with the sound server, or a stream of ours that is somebody else's."""

import contextlib
import os
import socket
import subprocess
import time

import pytest

from reeld.audio import pulse
from reeld.audio.pulse import BoundedPoll, ask, look
from tests.support.desk import VirtualDesk
from tests.support.wait import until

pytestmark = pytest.mark.usefixtures("no_leaks")


class Descriptor:
    """A pollfd as libpulse gives it."""

    def __init__(self, fd: int) -> None:
        self.fd, self.events, self.revents = fd, 1, 0


def test_waiting_ends_at_the_limit_even_if_libpulse_would_wait_for_ever() -> None:
    bounds = BoundedPoll()
    bounds.limit(0.05)
    began_s = time.monotonic()
    # The last turn waits less than the millisecond that poll(2) knows.
    with contextlib.suppress(TimeoutError):
        while time.monotonic() - began_s < 5:
            assert bounds.poll([], -1) == 0
    assert 0.04 < time.monotonic() - began_s < 1.0


def test_waiting_ends_when_told_to_stop() -> None:
    stop, stopper = os.pipe()
    os.write(stopper, b"x")
    with pytest.raises(TimeoutError):
        BoundedPoll(stop_fd=stop).poll([], -1)
    os.close(stop)
    os.close(stopper)


def test_what_is_ready_is_told_to_libpulse() -> None:
    one, other = socket.socketpair()
    with one, other:
        one.send(b"x")
        ready, idle = Descriptor(other.fileno()), Descriptor(one.fileno())
        assert BoundedPoll().poll([ready, idle], 5.0) == 1
        assert (ready.revents, idle.revents) == (1, 0)
        assert BoundedPoll().poll([idle], 0.0) == 0


def test_a_failure_in_the_answer_is_not_taken_for_a_lost_server(at_sound_desk: VirtualDesk) -> None:
    def question(_: object) -> None:
        raise LookupError("a fault of ours")

    with pytest.raises(LookupError):
        ask(question, 2.0)


def test_without_a_server_there_is_no_answer(at_x_desk: VirtualDesk) -> None:
    assert ask(look, 2.0) is None


def test_a_stream_of_ours_that_sits_elsewhere_is_seen_and_other_programs_are_not(
    at_sound_desk: VirtualDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for asked in ("speakers.monitor", 'a "quoted\\ name'):
        environment = {**at_sound_desk.env, "PULSE_PROP": pulse.stream_properties(asked)}
        words = ["parec", "--device=speakers.monitor"]
        with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL) as recorder:
            until(lambda: pulse.ASKED_FOR in at_sound_desk.run("pactl", "list", "source-outputs"), what="its stream")
            assert misled() == frozenset(), "it is another program's"
            monkeypatch.setattr("os.getpid", lambda pid=recorder.pid: pid)
            assert misled() == {asked} - {"speakers.monitor"}
            monkeypatch.undo()
            recorder.kill()


def misled() -> frozenset[str]:
    world = ask(look, 2.0)
    assert world is not None
    return world.misled
