"""CPU by stage. Harm guarded against: a profile that blames the wrong part."""

import threading
import time

import pytest

from reeld.capture.stages import Stage, StageClock


def burn(ms: float) -> None:
    end_ns = time.thread_time_ns() + int(ms * 1e6)
    while time.thread_time_ns() < end_ns:
        pass


def test_every_stage_has_what_was_spent_in_it_and_together_they_are_all() -> None:
    clock = StageClock()
    clock.lap(Stage.SIGNAL)
    began_ns = time.thread_time_ns()
    burn(4)
    clock.lap(Stage.GRAB)
    burn(8)
    clock.lap(Stage.ENCODE)
    spent_s = (time.thread_time_ns() - began_ns) / 1e9
    found = clock.seconds()
    assert found["grab"] == pytest.approx(0.004, abs=0.001)
    assert found["encode"] == pytest.approx(0.008, abs=0.001)
    assert found["signal"] == found["convert"] == found["send"] == 0
    assert sum(found.values()) == pytest.approx(spent_s, abs=0.001)


def test_waiting_and_the_work_of_others_count_for_nothing() -> None:
    clock = StageClock()
    clock.lap(Stage.SIGNAL)
    other = threading.Thread(target=burn, args=(30,))
    other.start()
    other.join()
    clock.lap(Stage.SIGNAL)
    assert clock.seconds()["signal"] < 0.005
