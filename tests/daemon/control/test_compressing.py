"""What is compressed, and what becomes of it. Harm guarded against: media that others share, or that is still new,
taken into work; staged files left behind."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from reeld.config import Config, UpkeepConfig
from reeld.control import compressing
from reeld.runtime.clock import wall_ns
from reeld.upkeep.keeper import Ledger
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionInfo, SessionState, TrackInfo, TrackKind
from reeld_proto.store_orders import MediaStaged, ReplaceMedia, RunCompress
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import Done

DAY_S = 86_400


def session(name: str, days_old: float = 100.0, codec: str = "h264", **fields: Any) -> SessionInfo:
    started = datetime.fromtimestamp(wall_ns() / NS_PER_S - days_old * DAY_S, UTC).isoformat()
    tracks = [
        TrackInfo(id="video-1", kind=TrackKind.VIDEO, codec=codec, label="", chunks=1, bytes=900, frames=1, dropped=0),
        TrackInfo(id="mix", kind=TrackKind.AUDIO, codec="aac", label="", chunks=1, bytes=100, frames=1, dropped=0),
    ]
    values: dict[str, Any] = {"state": SessionState.COMPLETED, "tracks": tracks, **fields}
    return SessionInfo(session=name, name=name, started_at=started, duration_s=9.0, bytes=1000, **values)


class House:
    """The parts that chores speak to; answers by the type of an order, and notes what was asked."""

    def __init__(self, tmp_path: Path, sessions: list[SessionInfo], *answers: Any) -> None:
        self.sessions_found = sessions
        self.answers = list(answers)
        self.asked: list[Any] = []
        self.config = Config(upkeep=UpkeepConfig(compress_after_days=30))
        self.store_dir = tmp_path
        self.jobs = self.library = self
        (tmp_path / "staging").mkdir()

    async def run(self, order: Any) -> Any:
        self.asked.append(order)
        return self.answers.pop(0)

    async def identity(self) -> bytes:
        return b"house"

    async def sessions(self) -> list[SessionInfo]:
        return self.sessions_found

    async def ask_store(self, order: Any, _timeout_s: float) -> Any:
        self.asked.append(order)
        return Done()

    def stage(self) -> str:
        path = self.store_dir / "staging" / "made.chunks"
        path.write_bytes(b"")
        return str(path.absolute())


def compress(house: House, tried: set[str] | None = None) -> Ledger:
    ledger = Ledger()
    asyncio.run(compressing.compress(cast("Any", house), ledger, set() if tried is None else tried))
    return ledger


def test_only_old_whole_unshared_recordings_are_compressed_oldest_first() -> None:
    found = [
        session("young", days_old=10),
        session("old"),
        session("older", days_old=200),
        session("clip", origins=["cut"]),
        session("cut"),
        session("done", codec="av1"),
        session("thin", tier="keyframes"),
        session("running", state=SessionState.ACTIVE),
    ]
    before_ns = wall_ns() - 30 * DAY_S * NS_PER_S
    assert [info.session for info in compressing.compressible(found, before_ns)] == ["older", "old"]


def test_what_was_made_takes_the_place_of_the_old_and_the_file_is_removed(tmp_path: Path) -> None:
    house = House(tmp_path, [session("old")])
    house.answers = [MediaStaged(staged=house.stage(), new_bytes=400)]
    ledger = compress(house)
    assert [type(order) for order in house.asked] == [RunCompress, ReplaceMedia]
    assert (ledger.done_bytes, ledger.total_bytes, ledger.detail) == (1000, 1000, "500 bytes saved")
    assert list((tmp_path / "staging").iterdir()) == []


def test_what_gains_nothing_is_not_tried_again(tmp_path: Path) -> None:
    house = House(tmp_path, [session("old")], MediaStaged(staged="", new_bytes=0))
    tried: set[str] = set()
    compress(house, tried)
    compress(house, tried)
    assert len(house.asked) == 1


def test_without_an_age_nothing_is_compressed_and_the_remedy_is_named(tmp_path: Path) -> None:
    house = House(tmp_path, [session("old")])
    house.config = Config()
    with pytest.raises(RequestRejected) as caught:
        compress(house)
    assert caught.value.code is ErrorCode.WRONG_STATE
    assert "compress_after_days" in caught.value.remedy


def test_switched_off_by_its_flag_nothing_is_compressed_and_who_asks_is_told(tmp_path: Path) -> None:
    """Harm: what was switched off because it damaged recordings goes on at night."""
    house = House(tmp_path, [])
    house.config = Config(upkeep=UpkeepConfig(compress_after_days=30), features={"compress-av1": "off"})
    assert compress(house).detail == "the feature compress-av1 is off"
    with pytest.raises(RequestRejected, match="is off") as caught:
        asyncio.run(compressing.compress(cast("Any", house), Ledger(asked=True), set()))
    assert "[features]" in caught.value.remedy
    assert house.asked == []
