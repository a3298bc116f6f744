"""Harm guarded against: a device that hangs, fails or vanishes and takes the recording with it."""

import threading
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from reeld.audio import keeper as module
from reeld.audio.api import SoundSource
from reeld.audio.feed import Feed
from reeld.audio.health import DeviceHealth
from reeld.audio.keeper import DeviceKeeper, KeptDevice
from reeld.runtime.clock import SessionClock, monotonic_ns
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.daemon.audio.fakes import FakeSource
from tests.support.wait import until


class Machine:
    """Devices that open, refuse or hang as told."""

    def __init__(self) -> None:
        self.opened: list[FakeSource] = []
        self.missing = False
        self.hang = threading.Event()
        self.hang.set()

    def open(self, device: str) -> SoundSource:
        self.hang.wait(20)
        if self.missing:
            raise RequestRejected(f"no {device}", code=ErrorCode.NOT_FOUND)
        self.opened.append(FakeSource())
        return self.opened[-1]


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def complaints() -> list[tuple[str, str, str]]:
    return []


Start = Callable[[], tuple[DeviceKeeper, KeptDevice]]


@pytest.fixture
def start(
    machine: Machine, complaints: list[tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch, no_leaks: None
) -> Iterator[Start]:
    monkeypatch.setattr(module, "CHECK_S", 0.01)
    keepers: list[DeviceKeeper] = []

    def begin() -> tuple[DeviceKeeper, KeptDevice]:
        feed = Feed("dev", SessionClock(monotonic_ns()), 0)
        device = KeptDevice("mic", "dev", feed, DeviceHealth(monotonic_ns()))
        keepers.append(DeviceKeeper([device], machine.open, lambda *words: complaints.append(words)))
        return keepers[-1], device

    yield begin
    machine.hang.set()
    for keeper in keepers:
        keeper.stop()
        keeper._thread.join()


def test_devices_are_open_when_the_wait_ends_and_closed_when_it_stops(start: Start, machine: Machine) -> None:
    keeper, _ = start()
    assert keeper.wait_tried(5) == []
    keeper.stop()
    assert [source.closed for source in machine.opened] == [True]


def test_a_device_that_is_missing_is_named_with_its_reason(start: Start, machine: Machine) -> None:
    machine.missing = True
    keeper, _ = start()
    ((device, error),) = keeper.wait_tried(5)
    assert device == "dev"
    assert error.code is ErrorCode.NOT_FOUND


def test_a_device_that_hangs_holds_up_neither_start_nor_stop(
    start: Start, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_S_MAX", 0.05)
    machine.hang.clear()
    keeper, _ = start()
    began_ns = monotonic_ns()
    assert keeper.wait_tried(0.05) == []
    with capture_logs() as logs:
        keeper.stop()
    assert monotonic_ns() - began_ns < 1_000_000_000
    assert [entry["event"] for entry in logs] == ["audio.close_hangs"]


def test_a_device_that_ended_is_closed_and_opened_again(
    start: Start, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reeld.audio.health.RETRY_NS", 50_000_000)
    keeper, device = start()
    keeper.wait_tried(5)
    device.last_sound_ns = monotonic_ns()
    with capture_logs() as logs:
        machine.opened[0].failure = "unplugged"
        machine.opened[0].ended = True
        until(lambda: len(machine.opened) == 2, what="a second opening")
    assert machine.opened[0].closed
    assert [(entry["event"], entry["reason"]) for entry in logs] == [("audio.device_lost", "unplugged")]


def test_people_are_told_once_that_a_device_is_silent_and_it_is_replaced(
    start: Start, machine: Machine, complaints: list[tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reeld.audio.health.SILENT_NS", 100_000_000)
    monkeypatch.setattr("reeld.audio.health.REOPEN_NS", 50_000_000)
    _, device = start()
    until(lambda: len(machine.opened) >= 4, what="replacements")
    ((code, message, track),) = complaints
    assert (code, track) == ("device-silent", "mic")
    assert "dev delivers no sound" in message
    with capture_logs() as logs:
        device.last_sound_ns = monotonic_ns() + 10_000_000_000
        until(lambda: logs, what="its return in the log")
    assert logs[0]["event"] == "audio.device_back"


def test_overruns_of_the_device_are_logged_when_they_rise(start: Start, machine: Machine) -> None:
    keeper, _ = start()
    keeper.wait_tried(5)
    with capture_logs() as logs:
        machine.opened[0].overruns = 3
        until(lambda: logs, what="a log entry")
    assert (logs[0]["event"], logs[0]["count"]) == ("audio.overrun", 3)
