"""How the machine is doing. Harms guarded against: our own work taken for that of others, so that it waits for itself
forever, and a desktop without a battery that waits for mains power."""

from collections import namedtuple
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from reeld.enrich.conditions import Conditions

Times = namedtuple("Times", ["user", "nice", "system", "idle", "iowait"])


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> list[Times]:
    """What the next looks will see, the last one for good; no battery."""
    seen = [Times(0, 0, 0, 0, 0)]
    monkeypatch.setattr(psutil, "cpu_times", lambda: seen.pop(0) if len(seen) > 1 else seen[0])
    monkeypatch.setattr(psutil, "sensors_battery", lambda: None, raising=False)
    return seen


def test_only_what_others_do_makes_a_machine_busy(clocks: list[Times]) -> None:
    looks = Conditions(lambda: False)
    clocks[:] = [Times(20, 30, 10, 35, 5)]
    assert looks.look().others == pytest.approx(0.3)


def test_each_look_tells_of_the_time_since_the_last_one(clocks: list[Times]) -> None:
    looks = Conditions(lambda: False)
    clocks[:] = [Times(100, 0, 0, 0, 0), Times(100, 0, 0, 100, 0)]
    assert looks.look().others == 1
    assert looks.look().others == 0


def test_two_looks_at_the_same_instant_divide_by_nothing(clocks: list[Times]) -> None:
    looks = Conditions(lambda: False)
    assert looks.look().others == 0


def test_looks_right_after_each_other_tell_the_same(clocks: list[Times]) -> None:
    """Harm: a few milliseconds in which some program runs are taken for a machine without time."""
    looks = Conditions(lambda: False)
    clocks[:] = [Times(10, 0, 0, 90, 0), Times(10.2, 0, 0, 90, 0), Times(10.2, 0, 0, 100, 0)]
    assert looks.look().others == pytest.approx(0.1)
    assert looks.look().others == pytest.approx(0.1)
    assert looks.look().others == pytest.approx(0.2 / 10.2)


def test_a_clock_that_steps_back_makes_no_impossible_share(clocks: list[Times]) -> None:
    looks = Conditions(lambda: False)
    for now in (Times(50, 0, 0, 50, 0), Times(60, 0, 0, 45, 0), Times(10, 0, 0, 200, 0), Times(1, 0, 0, 1, 0)):
        clocks[:] = [now]
        assert 0 <= looks.look().others <= 1


@pytest.mark.parametrize(
    ("battery", "tired"),
    [
        (None, False),
        (SimpleNamespace(percent=50, power_plugged=True), False),
        (SimpleNamespace(percent=50, power_plugged=None), False),
        (SimpleNamespace(percent=50, power_plugged=False), True),
    ],
)
def test_only_a_battery_that_is_drained_is_one(
    clocks: list[Times], monkeypatch: pytest.MonkeyPatch, battery: Any, tired: bool
) -> None:
    monkeypatch.setattr(psutil, "sensors_battery", lambda: battery, raising=False)
    assert Conditions(lambda: False).look().on_battery == tired


def test_a_system_that_knows_no_batteries_has_none(clocks: list[Times], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(psutil, "sensors_battery")
    assert not Conditions(lambda: False).look().on_battery


def test_a_recording_that_begins_is_seen_by_the_next_look(clocks: list[Times]) -> None:
    recording = False
    looks = Conditions(lambda: recording)
    assert not looks.look().recording
    recording = True
    sky = looks.look()
    assert sky.recording
    assert 0 <= sky.minute < 24 * 60
