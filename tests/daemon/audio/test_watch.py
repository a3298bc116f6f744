"""Harm guarded against: a change among the devices that nobody notices, or a thread that hangs with its server."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from reeld.audio import watch as module
from reeld.audio.watch import ListWatch, NoWatch, PulseWatch, Watch, watch_devices
from reeld.audio.world import Devices, World
from reeld.runtime.clock import monotonic_ns
from reeld_proto.records import AudioSource
from tests.daemon.audio.harness import Player
from tests.support.desk import VirtualDesk, desk_environment
from tests.support.wait import until

pytestmark = pytest.mark.usefixtures("no_leaks")
SOON_S = 2.0


@pytest.fixture(scope="module")
def desk() -> Iterator[VirtualDesk]:
    """One of its own, at which this process sits: its devices come and go."""
    with VirtualDesk(sound=True) as desk, desk_environment(desk):
        yield desk


@contextlib.contextmanager
def watching() -> Iterator[PulseWatch]:
    watch = PulseWatch(lambda: None)
    try:
        until(lambda: watch.world, SOON_S, what="a first look")
        yield watch
    finally:
        watch.close()
        assert not watch._thread.is_alive()


def sees(watch: PulseWatch, what: Callable[[World], bool]) -> bool:
    return until(lambda: watch.world is not None and what(watch.world), SOON_S)


def default_mic(world: World) -> list[str]:
    return [source.id for source in world.devices.microphones if source.default]


def default_output(world: World) -> list[str]:
    return [source.id for source in world.devices.system_audio if source.default]


def test_another_default_is_seen(desk: VirtualDesk) -> None:
    desk.set_default("sink", "speakers")
    second = desk.load_module("module-remap-source", "master=speakers.monitor", "source_name=second_mic")
    desk.set_default("source", "virtual_mic")
    with watching() as watch:
        assert sees(watch, lambda world: default_mic(world) == ["virtual_mic"])
        desk.set_default("source", "second_mic")
        assert sees(watch, lambda world: default_mic(world) == ["second_mic"])
        desk.set_default("sink", "mic_sink")
        assert sees(watch, lambda world: default_output(world) == ["mic_sink.monitor"])
    desk.unload_module(second)


def test_a_device_that_comes_back_is_seen_as_another_one(desk: VirtualDesk) -> None:
    plugged = desk.load_module("module-null-sink", "sink_name=headset")
    with watching() as watch:
        before = watch.world
        assert before is not None
        desk.unload_module(plugged)
        assert sees(watch, lambda world: "headset.monitor" not in world.serials)
        plugged = desk.load_module("module-null-sink", "sink_name=headset")
        assert sees(watch, lambda world: "headset.monitor" in world.serials)
        after = watch.world
        assert after is not None
        assert after.serials["headset.monitor"] != before.serials["headset.monitor"]
        assert after.serials["speakers.monitor"] == before.serials["speakers.monitor"]
        assert after.seen_ns > before.seen_ns
    desk.unload_module(plugged)


def test_what_is_muted_and_what_plays_is_seen(desk: VirtualDesk) -> None:
    with watching() as watch:
        assert sees(watch, lambda world: not world.playing and not world.muted)
        desk.run("pactl", "set-source-mute", "virtual_mic", "1")
        desk.run("pactl", "set-sink-mute", "speakers", "1")
        assert sees(watch, lambda world: world.muted == {"virtual_mic", "speakers.monitor"})
        player = Player(desk, "speakers", 1000)
        assert sees(watch, lambda world: world.playing == {"speakers.monitor"})
        (stream,) = [line.split("\t")[0] for line in desk.run("pactl", "list", "short", "sink-inputs").splitlines()]
        desk.run("pactl", "set-sink-input-mute", stream, "1")
        assert sees(watch, lambda world: not world.playing)
        player.stop()
        desk.run("pactl", "set-source-mute", "virtual_mic", "0")
        desk.run("pactl", "set-sink-mute", "speakers", "0")
        assert sees(watch, lambda world: not world.muted)


def test_nothing_runs_while_nothing_changes(desk: VirtualDesk) -> None:
    with watching() as watch:
        looked = watch.world
        assert watch._thread.native_id is not None
        clock = time.pthread_getcpuclockid(watch._thread.ident or 0)
        began_s = time.clock_gettime(clock)
        time.sleep(1.0)  # its passing is what is tested
        assert time.clock_gettime(clock) - began_s < 0.001
        assert watch.world is looked


def test_a_lost_server_is_told_and_found_again(desk: VirtualDesk) -> None:
    with watching() as watch:
        desk.kill_sound()
        until(lambda: watch.world is None, SOON_S, what="nothing known")
        desk.start_sound()
        assert sees(watch, lambda world: "virtual_mic" in world.serials)


def test_a_server_that_hangs_holds_up_neither_the_start_of_a_watch_nor_its_end(
    desk: VirtualDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.2)
    assert desk._pulse is not None
    with watching():
        os.kill(desk._pulse.pid, signal.SIGSTOP)
        began_ns = monotonic_ns()
    try:
        assert monotonic_ns() - began_ns < 1_000_000_000
        late = PulseWatch(lambda: None)
        until(late._thread.is_alive)
        late.close()
        assert late.world is None
    finally:
        os.kill(desk._pulse.pid, signal.SIGCONT)


def test_a_fault_of_ours_makes_what_was_known_unknown_and_is_got_over(
    desk: VirtualDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Harm: a device that is back is not opened, for an old list says that it is gone."""
    with watching() as watch, capture_logs() as logs:
        monkeypatch.setattr("reeld.audio.pulse.look", lambda _: 1 // 0)
        plugged = desk.load_module("module-null-sink", "sink_name=headset")
        until(lambda: watch.world is None, SOON_S, what="nothing known")
        monkeypatch.undo()
        assert sees(watch, lambda world: "headset.monitor" in world.serials)
        desk.unload_module(plugged)
    assert logs[0]["event"] == "audio.watch_failed"


def test_every_change_is_told(desk: VirtualDesk) -> None:
    told = threading.Event()
    watch = watch_devices(told.set)
    assert told.wait(SOON_S)
    until(lambda: watch.world, SOON_S)
    told.clear()
    plugged = desk.load_module("module-null-sink", "sink_name=headset")
    assert told.wait(SOON_S)
    desk.unload_module(plugged)
    watch.miss()
    watch.close()
    watch.close()


class Lists:
    """What a fresh process finds, as told; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.found = Devices(warnings=["nothing there"])

    def __call__(self) -> Devices:
        self.asked += 1
        return self.found


def test_without_news_devices_are_listed_when_one_is_missed_and_not_more_often_than_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "RELIST_S", 0.05)
    lists = Lists()
    told = threading.Event()
    watch = ListWatch(told.set, lists)
    assert lists.asked == 0
    watch.miss()
    until(lambda: lists.asked == 1)
    assert not told.is_set(), "a list that failed says nothing about the devices"
    lists.found = Devices(microphones=[AudioSource(id="usb", name="USB", default=True)])
    began_ns = monotonic_ns()
    for _ in range(20):
        watch.miss()
    assert told.wait(5)
    assert watch.world is not None
    assert watch.world.serials == {"usb": 0}
    assert lists.asked <= 2 + (monotonic_ns() - began_ns) // 50_000_000
    watch.close()
    watch.close()


def test_without_a_watch_nothing_is_known() -> None:
    watch: Watch = NoWatch(lambda: None)
    watch.miss()
    watch.close()
    assert watch.world is None
