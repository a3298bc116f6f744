"""Private mode. Harms guarded against: a worker that goes on recording, or one that starts to without being told."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from reeld.config import PrivacyConfig
from reeld.privacy.house import PrivateHouse
from reeld.privacy.keeper import PrivacyKeeper
from reeld.supervisor.signals import Role
from reeld_proto.errors import ErrorCode, InternalError, TransportError
from reeld_proto.privacy import PrivacyRule
from reeld_proto.records import Quality
from reeld_proto.workers import CutTracks, Done, HideTracks, SessionClockData, StartAudio, StartVideo
from tests.daemon.replay.house import House
from tests.support.wait import until

CLOCK = SessionClockData(start_ns=0)
VIDEO = StartVideo(session="s", epoch=1, clock=CLOCK, tracks=[], fps=30, quality=Quality.LOW)
AUDIO = StartAudio(session="s", epoch=1, clock=CLOCK, tracks=[])
NIGHT = PrivacyRule(name="night", hours="22:00-06:00")
BANK = PrivacyRule(name="bank", title="*bank*")


def at(hour: int, minute: int, second: int = 0) -> time.struct_time:
    return time.struct_time((2026, 1, 1, hour, minute, second, 3, 1, 0))


def play(
    scene: Callable[[House, PrivacyKeeper], Awaitable[None]], folder: Path, *rules: PrivacyRule, **options: Any
) -> None:
    async def whole() -> None:
        house = House()
        config = PrivacyConfig(rules=list(rules), pause_on_lock=options.pop("pause_on_lock", True))
        await house.claim(Role.CAPTURE, 1)
        await house.claim(Role.AUDIO, 1)
        keeper = PrivacyKeeper(house, config, folder, **options)
        await scene(house, keeper)
        await keeper.close()

    asyncio.run(whole())


def test_private_mode_is_told_to_both_workers_from_the_instant_of_its_command(tmp_path: Path) -> None:
    async def scene(house: House, keeper: PrivacyKeeper) -> None:
        keeper.set_private(True, 7)
        keeper.set_private(True, 8)
        await keeper.close()
        assert house.orders == [(name, HideTracks(at_ns=7, detail="private")) for name in ("capture-1", "audio-2")]
        assert (keeper.private, keeper.hidden) == (True, "private")
        keeper.set_private(False, 9)
        await keeper.close()
        assert house.ordered(HideTracks)[2:] == [HideTracks(at_ns=9, detail="")] * 2

    play(scene, tmp_path)


def test_private_mode_outlives_the_daemon(tmp_path: Path) -> None:
    """Harm: the machine is started again and records what was to stay private."""

    async def first(_house: House, keeper: PrivacyKeeper) -> None:
        keeper.set_private(True, 1)

    async def second(_house: House, keeper: PrivacyKeeper) -> None:
        assert keeper.private
        keeper.set_private(False, 1)

    async def third(_house: House, keeper: PrivacyKeeper) -> None:
        assert not keeper.private

    for scene in (first, second, third):
        play(scene, tmp_path)


def test_a_disk_that_refuses_the_flag_is_told_and_private_mode_holds(tmp_path: Path) -> None:
    async def scene(_house: House, keeper: PrivacyKeeper) -> None:
        with capture_logs() as logs:
            keeper.set_private(True, 1)
        assert "privacy.not_kept" in [entry["event"] for entry in logs]
        assert keeper.hidden == "private"

    play(scene, tmp_path / "missing")


def test_whoever_starts_later_is_told_with_its_first_order(tmp_path: Path) -> None:
    """Harm: a worker that takes over, or the next session, records in private mode."""

    async def scene(house: House, keeper: PrivacyKeeper) -> None:
        private = PrivateHouse(house, keeper.dress)
        keeper.set_private(True, 1)
        for order in (VIDEO, AUDIO, CutTracks()):
            await private.ask_active(Role.CAPTURE, order, 1)
        (video,), (audio,) = house.ordered(StartVideo), house.ordered(StartAudio)
        assert (video.hidden, video.privacy, audio.hidden) == ("private", [BANK], "private")
        assert CutTracks() in house.ordered(CutTracks)
        assert private.retire(Role.CAPTURE) == "capture-1"
        assert await private.ask_named("capture-1", CutTracks(), 1) == Done()
        private.dismiss("capture-1")
        assert house.gone == ["capture-1"]

    play(scene, tmp_path, BANK)


@pytest.mark.parametrize(
    ("failure", "distrusted"),
    [
        (TransportError("slow", code=ErrorCode.TIMEOUT), [Role.CAPTURE, Role.AUDIO]),
        (InternalError("nobody records", code=ErrorCode.WORKER_LOST), []),
    ],
)
def test_a_worker_that_does_not_obey_is_replaced_and_one_that_is_not_there_is_not(
    tmp_path: Path, failure: Exception, distrusted: list[Role]
) -> None:
    async def scene(house: House, keeper: PrivacyKeeper) -> None:
        house.fail[HideTracks] = failure
        keeper.set_private(True, 1)
        await keeper.close()
        assert house.distrusted == distrusted

    play(scene, tmp_path)


def test_a_lock_hides_unless_the_config_says_otherwise_and_private_mode_goes_first(tmp_path: Path) -> None:
    async def scene(house: House, keeper: PrivacyKeeper) -> None:
        keeper.set_locked(True, 1)
        keeper.set_private(True, 2)
        keeper.set_locked(False, 3)
        keeper.set_private(False, 4)
        await keeper.close()
        assert [order.detail for order in house.ordered(HideTracks, "capture")] == ["locked", "private", ""]

    async def careless(_house: House, keeper: PrivacyKeeper) -> None:
        keeper.set_locked(True, 1)
        assert keeper.hidden == ""

    play(scene, tmp_path)
    play(careless, tmp_path, pause_on_lock=False)


def test_private_hours_begin_and_end_by_themselves(tmp_path: Path) -> None:
    clock = [at(21, 59, 59)]

    async def scene(house: House, keeper: PrivacyKeeper) -> None:
        serving = asyncio.ensure_future(keeper.serve())
        assert keeper.hidden == ""
        clock[0] = at(22, 0, 59)
        await _until(lambda: len(house.ordered(HideTracks)) == 2)
        clock[0] = at(6, 0, 59)
        await _until(lambda: len(house.ordered(HideTracks)) == 4)
        assert [order.detail for order in house.ordered(HideTracks, "audio")] == ["night", ""]
        serving.cancel()

    play(scene, tmp_path, NIGHT, civil=lambda: clock[0])


def test_other_rules_hold_at_once_also_where_there_were_none(tmp_path: Path) -> None:
    """Harm: a person writes down hours, and the daemon does not look at the clock until it is started again."""
    clock = [at(23, 0, 59)]

    async def scene(house: House, keeper: PrivacyKeeper) -> None:
        serving = asyncio.ensure_future(keeper.serve())
        await asyncio.sleep(0)
        keeper.reconfigure(PrivacyConfig(rules=[NIGHT, BANK]), 5)
        assert keeper.hidden == "night"
        dressed = keeper.dress(VIDEO)
        assert isinstance(dressed, StartVideo)
        assert dressed.privacy == [NIGHT, BANK]
        await _until(lambda: house.ordered(HideTracks, "audio") == [HideTracks(at_ns=5, detail="night")])
        clock[0] = at(6, 0, 59)
        await _until(lambda: len(house.ordered(HideTracks, "audio")) == 2)
        assert keeper.hidden == ""
        serving.cancel()

    play(scene, tmp_path, civil=lambda: clock[0])


async def _until(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(until, condition, 5, what="the hour")
