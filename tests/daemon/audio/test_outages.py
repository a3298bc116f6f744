"""Harm guarded against: with real devices, a microphone that is muted for an hour before anybody knows, a voice that
changes its pitch with its device, a track that never comes back after its server or its worker stood still."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reeld.runtime.clock import monotonic_ns
from reeld_proto.errors import DeviceTrouble
from reeld_proto.workers import Done, StopTracks, TracksStarted
from tests.daemon.audio.harness import MIC, SYSTEM, AudioHarness, Player, start_order
from tests.support.desk import VirtualDesk
from tests.support.media import RATE, onsets_s, tone_level_db

pytestmark = [pytest.mark.slow, pytest.mark.paired, pytest.mark.usefixtures("no_leaks")]

S = 1_000_000_000
BACK_NS_MAX = 5 * S
OFFSET_S_MAX = 0.04
"""At which lips and voice part."""


@pytest.fixture
def desk() -> Iterator[VirtualDesk]:
    """One of its own: these tests break it."""
    with VirtualDesk(sound=True) as desk:
        yield desk


@pytest.fixture
def worker(desk: VirtualDesk, tmp_path: Path) -> Iterator[AudioHarness]:
    with AudioHarness(tmp_path, desk.env) as harness:
        yield harness


def told(worker: AudioHarness) -> list[tuple[str, str]]:
    return [(trouble.code, trouble.track) for trouble in worker.trouble]


def level(sound: "np.ndarray[Any, Any]", hz: float, at_ns: int) -> float:
    begin = at_ns * RATE // S
    return tone_level_db(sound[begin : begin + RATE // 4], hz)


def stop(worker: AudioHarness, start_ns: int, track: str) -> "np.ndarray[Any, Any]":
    """What was recorded, which is as long as the session."""
    at_ns = monotonic_ns()
    assert worker.order(StopTracks(at_ns=at_ns)) == Done()
    worker.assert_covered(track, 0, at_ns - start_ns)
    return worker.sound(track)


@pytest.mark.long
def test_a_muted_device_is_told_within_five_seconds_and_an_idle_output_is_not(
    worker: AudioHarness, desk: VirtualDesk
) -> None:
    mic = Player(desk, "mic_sink", 600)
    start_ns = monotonic_ns()
    assert worker.order(start_order([MIC, SYSTEM], start_ns=start_ns)) == TracksStarted()
    worker.run_until(start_ns + 2 * S)
    desk.run("pactl", "set-source-mute", "virtual_mic", "1")
    muted_ns = monotonic_ns()
    worker.wait(lambda: bool(worker.trouble), 8, "a person is told")
    assert monotonic_ns() - muted_ns < 5 * S
    assert told(worker) == [(DeviceTrouble.MUTE, "mic")]
    assert "it is muted" in worker.trouble[0].message
    desk.run("pactl", "set-source-mute", "virtual_mic", "0")
    # Nothing was played for 8 s and that is no trouble; what plays unheard is.
    desk.run("pactl", "set-sink-mute", "speakers", "1")
    speakers = Player(desk, "speakers", 1000)
    played_ns = monotonic_ns()
    worker.wait(lambda: len(worker.trouble) >= 3, 8, "a person is told again")
    assert monotonic_ns() - played_ns < 5 * S
    assert told(worker)[1:] == [(DeviceTrouble.BACK, "mic"), (DeviceTrouble.MUTE, "system")]
    for player in (mic, speakers):
        player.stop()
    stop(worker, start_ns, "mic")


@pytest.mark.long
def test_a_device_that_comes_back_with_another_rate_keeps_its_pitch_and_place(
    worker: AudioHarness, desk: VirtualDesk
) -> None:
    player = Player(desk, "speakers", 1000)
    start_ns = monotonic_ns()
    assert worker.order(start_order([SYSTEM], start_ns=start_ns)) == TracksStarted()
    worker.run_until(start_ns + 2 * S)
    desk.unload_module(desk.module_of("sink_name=speakers"))
    desk.load_module("module-null-sink", "sink_name=speakers", "rate=44100")
    player.kill()
    player = Player(desk, "speakers", 1000)
    back_ns = monotonic_ns() - start_ns
    worker.run_until(start_ns + back_ns + 5 * S)
    beep_ns = monotonic_ns() + S
    player.beep(beep_ns)
    worker.run_until(beep_ns + S)
    sound = stop(worker, start_ns, "system")
    player.stop()
    assert level(sound, 1000, back_ns + BACK_NS_MAX) > -20
    assert level(sound, 1000 * 480 / 441, back_ns + BACK_NS_MAX) < -50
    assert min(abs(heard_s - (beep_ns - start_ns) / S) for heard_s in onsets_s(sound, 4000.0)) < OFFSET_S_MAX


@pytest.mark.long
def test_a_server_that_stood_still_for_eight_seconds_is_heard_again(worker: AudioHarness, desk: VirtualDesk) -> None:
    assert desk._pulse is not None
    player = Player(desk, "speakers", 1000)
    start_ns = monotonic_ns()
    assert worker.order(start_order([SYSTEM], start_ns=start_ns)) == TracksStarted()
    worker.run_until(start_ns + 2 * S)
    os.kill(desk._pulse.pid, signal.SIGSTOP)
    try:
        worker.run_until(start_ns + 10 * S)
    finally:
        os.kill(desk._pulse.pid, signal.SIGCONT)
    back_ns = monotonic_ns() - start_ns
    worker.run_until(start_ns + back_ns + 6 * S)
    sound = stop(worker, start_ns, "system")
    player.stop()
    assert told(worker) == [(DeviceTrouble.SILENT, "system"), (DeviceTrouble.BACK, "system")]
    assert level(sound, 1000, 6 * S) < -80
    assert level(sound, 1000, back_ns + BACK_NS_MAX) > -20
    assert 6 * S < sum(chunk.silence_ns for chunk in worker.chunks("system")) < 8 * S + BACK_NS_MAX


@pytest.mark.long
def test_a_worker_that_stood_still_records_on_in_the_right_place(worker: AudioHarness, desk: VirtualDesk) -> None:
    player = Player(desk, "speakers", 1000)
    start_ns = monotonic_ns()
    assert worker.order(start_order([SYSTEM], start_ns=start_ns)) == TracksStarted()
    worker.run_until(start_ns + 2 * S)
    os.kill(worker.process.pid, signal.SIGSTOP)
    try:
        worker.run_until(start_ns + 5 * S)
    finally:
        os.kill(worker.process.pid, signal.SIGCONT)
    worker.run_until(start_ns + 10 * S)
    beep_ns = monotonic_ns() + S
    player.beep(beep_ns)
    worker.run_until(beep_ns + S)
    sound = stop(worker, start_ns, "system")
    player.stop()
    assert level(sound, 1000, 10 * S) > -20
    assert min(abs(heard_s - (beep_ns - start_ns) / S) for heard_s in onsets_s(sound, 4000.0)) < OFFSET_S_MAX
