"""Harm guarded against: a device that hangs, fails or vanishes and takes the recording with it, or is followed by the
sound of another one that nobody asked for."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from reeld.audio import keeper as module
from reeld.audio.api import DevicesStale, SoundSource
from reeld.audio.feed import Feed
from reeld.audio.health import DeviceHealth
from reeld.audio.keeper import DeviceKeeper, KeptDevice
from reeld.audio.sleep import SleepSensor
from reeld.audio.watch import OnChange
from reeld.audio.world import SYSTEM, Devices, World
from reeld.runtime.clock import SessionClock, monotonic_ns
from reeld_proto.errors import DeviceTrouble, ErrorCode, RequestRejected
from reeld_proto.records import AudioSource
from tests.daemon.audio.fakes import FakeSource
from tests.support.wait import until

S = 1_000_000_000


class Machine:
    """Devices that open, refuse or hang as told, and the watch of them."""

    def __init__(self) -> None:
        self.opened: list[FakeSource] = []
        self.beside: list[bool] = []  # of each that was opened: whether another was still open
        self.asked: list[str] = []
        self.missing = False
        self.stale = False
        self.hang = threading.Event()
        self.hang.set()
        self.asleep_ns = 0
        self.missed = 0
        self.looks = 0
        self._world: World | None = None
        self._on_change: OnChange = lambda: None

    def open(self, device: str) -> SoundSource:
        self.asked.append(device)
        self.hang.wait(20)
        if self.stale and self.is_open(device="any"):
            raise DevicesStale(f"{device} is new", code=ErrorCode.DEVICE_FAILED)
        if self.missing:
            raise RequestRejected(f"no {device}", code=ErrorCode.NOT_FOUND)
        self.beside.append(self.is_open(device="any"))
        self.opened.append(FakeSource())
        return self.opened[-1]

    def is_open(self, device: str) -> bool:
        return any(not source.closed for source in self.opened) and device != ""

    def watch(self, on_change: OnChange) -> "Machine":
        self._on_change = on_change
        return self

    @property
    def world(self) -> World | None:
        self.looks += 1
        return self._world

    def await_looks(self) -> None:
        """Until the keeper has acted on what there is now."""
        seen = self.looks
        until(lambda: self.looks >= seen + 4, what="looks")

    def miss(self) -> None:
        self.missed += 1

    def close(self) -> None:
        self._world = None

    def change(self, serials: dict[str, int], **told: Any) -> None:
        """These devices are there now; `default` names the microphone that is it."""
        default = told.pop("default", "")
        sources = [AudioSource(id=name, name=name, default=name == default) for name in serials]
        self._world = World(Devices(microphones=sources), monotonic_ns(), serials, **told)
        self._on_change()


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def complaints() -> list[tuple[str, str, str]]:
    return []


Start = Callable[..., tuple[DeviceKeeper, KeptDevice]]


@pytest.fixture
def start(
    machine: Machine, complaints: list[tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch, no_leaks: None
) -> Iterator[Start]:
    monkeypatch.setattr(module, "CHECK_S", 0.01)
    keepers: list[DeviceKeeper] = []

    def begin(*more: str, **about: Any) -> tuple[DeviceKeeper, KeptDevice]:
        devices = [
            KeptDevice(track, name, Feed(name, SessionClock(monotonic_ns()), 0), DeviceHealth(monotonic_ns()), **about)
            for track, name in (("mic", "dev"), *((name, name) for name in more))
        ]
        keepers.append(
            DeviceKeeper(
                devices,
                machine.open,
                lambda *words: complaints.append(words),
                make_watch=machine.watch,
                sleep=SleepSensor(lambda: machine.asleep_ns),
            )
        )
        return keepers[-1], devices[0]

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
    assert (code, track) == (DeviceTrouble.SILENT, "mic")
    assert "dev delivers no sound" in message
    with capture_logs() as logs:
        device.last_sound_ns = monotonic_ns() + 10 * S
        until(lambda: len(complaints) == 2, what="its return")
    assert complaints[1] == (DeviceTrouble.BACK, "dev sounds again", "mic")
    assert "audio.device_back" in [entry["event"] for entry in logs]


def test_a_stream_that_is_silent_is_kept_while_no_other_can_be_opened(
    start: Start, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing would hang with the server, and the stream goes on when the server does."""
    monkeypatch.setattr("reeld.audio.health.SILENT_NS", 100_000_000)
    monkeypatch.setattr("reeld.audio.health.REOPEN_NS", 10_000_000)
    keeper, _ = start()
    keeper.wait_tried(5)
    machine.missing = True
    until(lambda: len(machine.asked) >= 4, what="tries to replace it")
    assert [source.closed for source in machine.opened] == [False]
    machine.missing = False
    until(lambda: machine.opened[0].closed, what="its replacement")
    assert machine.beside[:2] == [False, True]


def test_a_fault_of_ours_in_opening_one_device_ends_neither_the_other_nor_the_tries(
    start: Start, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reeld.audio.health.RETRY_NS", 10_000_000)
    sound, broken = machine.open, threading.Event()
    monkeypatch.setattr(machine, "open", lambda name: sound(name) if name == "second" or broken.is_set() else 1 // 0)
    with capture_logs() as logs:
        keeper, device = start("second")
        ((name, error),) = keeper.wait_tried(5)
        assert name == "dev"
        assert "ZeroDivisionError" in str(error)
        broken.set()
        until(lambda: device.source is not None, what="another try")
    assert logs[0]["event"] == "audio.opening_broke"
    assert len(machine.opened) == 2


def test_the_default_is_followed_at_once_and_only_where_it_was_asked_for(start: Start, machine: Machine) -> None:
    machine.change({"dev": 1, "other": 2}, default="dev")
    keeper, device = start(follows=True)
    named_keeper, named = start()
    for each in (keeper, named_keeper):
        each.wait_tried(5)
    with capture_logs() as logs:
        # Both keepers look; the machine wakes the one that was made last.
        machine.change({"dev": 1, "other": 2}, default="other")
        until(lambda: device.device == "other" and device.source is not None, 1, what="the new default")
    assert (logs[0]["event"], logs[0]["now"]) == ("audio.default_changed", "other")
    assert machine.asked == ["dev", "dev", "other"]
    assert named.device == "dev"
    assert sum(source.closed for source in machine.opened) == 1


def test_a_device_that_vanishes_is_given_up_and_taken_when_it_is_back(start: Start, machine: Machine) -> None:
    machine.change({"dev": 1})
    keeper, device = start()
    keeper.wait_tried(5)
    with capture_logs() as logs:
        machine.change({"other": 2}, default="other")
        until(lambda: machine.opened[0].closed, 1, what="the end of a stream that is another device's")
        until(lambda: machine.missed > 3, what="a look for it")
        machine.change({"other": 2, "dev": 3})
        until(lambda: len(machine.opened) == 2, 1, what="its return")
    assert [entry["reason"] for entry in logs] == ["it was removed"]
    assert machine.asked == ["dev", "dev"]
    assert device.error is None


@pytest.mark.parametrize(
    ("after", "reason"),
    [({"serials": {"dev": 2}}, "replaced"), ({"serials": {"dev": 1}, "misled": frozenset({"dev"})}, "moved")],
)
def test_a_stream_that_is_another_devices_by_now_is_replaced(
    start: Start, machine: Machine, after: dict[str, Any], reason: str
) -> None:
    machine.change({"dev": 1})
    keeper, _ = start()
    keeper.wait_tried(5)
    with capture_logs() as logs:
        machine.change(**after)
        until(lambda: len(machine.opened) >= 2, 1, what="another stream")
    assert machine.opened[0].closed
    assert reason in logs[0]["reason"]


def test_what_the_watch_saw_before_the_opening_is_not_held_against_the_stream(start: Start, machine: Machine) -> None:
    machine.change({"dev": 1}, misled=frozenset({"dev"}))
    keeper, device = start()
    keeper.wait_tried(5)
    assert device.serial == 1
    machine.await_looks()
    assert [source.closed for source in machine.opened] == [False]


def test_the_first_look_at_a_device_that_was_opened_before_it_is_believed(start: Start, machine: Machine) -> None:
    keeper, device = start()
    keeper.wait_tried(5)
    machine.change({"dev": 7})
    until(lambda: device.serial == 7, what="a look")
    assert [source.closed for source in machine.opened] == [False]


def test_a_device_that_refuses_is_not_tried_at_every_change_of_the_world(start: Start, machine: Machine) -> None:
    machine.missing = True
    machine.change({"dev": 1})
    keeper, _ = start()
    keeper.wait_tried(5)
    for volume in range(20):
        machine.change({"dev": 1, "other": volume})
        machine.await_looks()
    assert len(machine.asked) <= 2


def test_after_a_sleep_every_stream_is_replaced(start: Start, machine: Machine) -> None:
    keeper, _ = start("second")
    keeper.wait_tried(5)
    with capture_logs() as logs:
        machine.asleep_ns = 3600 * S
        until(lambda: len(machine.opened) == 4, what="new streams")
        until(lambda: machine.opened[0].closed and machine.opened[1].closed, what="old ones closed")
    assert [source.closed for source in machine.opened[2:]] == [False, False]
    assert (logs[0]["event"], logs[0]["slept_s"]) == ("audio.slept", 3600.0)


def test_a_device_that_is_seen_only_by_a_new_list_costs_the_others_a_moment(start: Start, machine: Machine) -> None:
    """macOS: PortAudio lists devices anew only while none is open."""
    machine.stale = True
    keeper, device = start("second")
    keeper.wait_tried(5)
    until(lambda: machine.opened[0].closed, what="room for a new list")
    machine.stale = False
    until(lambda: sum(not source.closed for source in machine.opened) == 2, what="both")
    assert device.error is None


@pytest.mark.parametrize("role", ["mic", SYSTEM])
def test_digital_silence_is_told_of_a_microphone_and_of_an_output_that_plays(
    start: Start,
    machine: Machine,
    complaints: list[tuple[str, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    role: str,
) -> None:
    monkeypatch.setattr("reeld.audio.health.MUTE_NS", 100_000_000)
    machine.change({"dev": 1})
    keeper, device = start(role=role)
    keeper.wait_tried(5)
    opened_ns = monotonic_ns()
    device.last_sound_ns = opened_ns + 60 * S
    until(lambda: monotonic_ns() - opened_ns > 300_000_000, what="silence for long enough")
    assert bool(complaints) == (role == "mic")
    machine.change({"dev": 1}, playing=frozenset({"dev"}), muted=frozenset({"dev"}))
    until(lambda: complaints, what="a person is told")
    machine.opened[0].sounded_ns = monotonic_ns() + 60 * S
    until(lambda: len(complaints) == 2, what="its return")
    assert [word[0] for word in complaints] == [DeviceTrouble.MUTE, DeviceTrouble.BACK]
    assert ("it is muted" in complaints[0][1]) == (role == SYSTEM)


def test_overruns_of_the_device_are_logged_when_they_rise(start: Start, machine: Machine) -> None:
    keeper, _ = start()
    keeper.wait_tried(5)
    with capture_logs() as logs:
        machine.opened[0].overruns = 3
        until(lambda: logs, what="a log entry")
    assert (logs[0]["event"], logs[0]["count"]) == ("audio.overrun", 3)
