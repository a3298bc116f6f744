"""`replay save` over a real store. Harms guarded against: a refusal that does not say what to do, less than was asked
for without a word, an answer that waits for a day of timeline entries."""

import asyncio
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reeld.control.areas import replay
from reeld.control.parts import Parts
from reeld.runtime.clock import monotonic_ns, wall_ns
from reeld.store import keeping, orders
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld_proto import commands as c
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionState
from reeld_proto.replay_orders import BufferMoment
from reeld_proto.workers import AnyOrder, AnyReport
from tests.daemon.store.builders import NS, SESSION, chunk, creation, land, new_store

LENGTH_S = 30


class House:
    """A store with half a minute of buffer that ends now, and the parts of a daemon around it."""

    def __init__(self, store: StoreEnvironment, *, is_allowed: bool = True) -> None:
        self.store = store
        self.now = BufferMoment(mono_ns=monotonic_ns(), wall_ns=wall_ns(), live=SESSION)
        self.cuts = 0
        self.to_fill: list[str] = []
        keeper = SimpleNamespace(
            moment=lambda: self.now, cut=self._cut, fill=self.to_fill.append, is_allowed=is_allowed
        )
        parts = SimpleNamespace(replay=keeper, ask_store=self._ask_store)
        self._table = replay.commands(cast("Parts", parts))

    def record(self) -> None:
        start_ns = self.now.mono_ns - LENGTH_S * NS
        start_wall_ns = self.now.wall_ns - LENGTH_S * NS
        with self.store.write() as txn:
            order = creation(buffer=True, started_mono_ns=start_ns, started_wall_ns=start_wall_ns)
            orders.carry_out(txn, order, Circumstances(self.store.path, ()))
        items = [chunk(at * NS, (at + 1) * NS, track=track) for at in range(LENGTH_S) for track in ("video-1", "mix")]
        land(self.store, *items)

    async def _cut(self) -> None:
        self.cuts += 1

    async def _ask_store(self, order: AnyOrder, _timeout_s: float) -> AnyReport:
        with self.store.write() as txn:
            return orders.carry_out(txn, order, Circumstances(self.store.path, ()))

    def save(self, last_s: float, name: str = "") -> c.ReplaySaved:
        work = self._table[c.SaveReplay](c.SaveReplay(last_s=last_s, name=name), monotonic_ns())
        reply = asyncio.run(cast("Any", work))
        assert isinstance(reply, c.ReplaySaved)
        return reply


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreEnvironment]:
    with new_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def house(store: StoreEnvironment) -> House:
    made = House(store)
    made.record()
    return made


def test_the_last_seconds_are_a_session_of_that_name(house: House) -> None:
    saved = house.save(12, " standup ")
    assert (saved.name, saved.state, saved.duration_s, saved.warnings) == ("standup", SessionState.COMPLETED, 12.0, [])
    assert 0 < saved.took_ms < 5000
    assert house.cuts == 1
    shown = StoreReader(house.store).show(saved.session)
    assert (shown.name, shown.bytes, shown.origins) == ("standup", saved.bytes, [SESSION])


def test_without_a_name_it_is_named_after_its_time(house: House) -> None:
    assert house.save(5).name.startswith("Replay of 20")


def test_more_than_there_is_gives_what_there_is_and_says_so(house: House) -> None:
    saved = house.save(500)
    assert saved.duration_s == LENGTH_S
    assert saved.warnings == ["only 30.0 s of the last 500 s were recorded and are kept"]


def test_what_is_not_filled_in_at_once_is_handed_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "WORK_MS", 0)
    monkeypatch.setattr(keeping, "PORTION", 3)
    saved = house.save(20)
    assert (saved.state, saved.duration_s) == (SessionState.PERSISTING, 20.0)
    assert house.to_fill == [saved.session]


@pytest.mark.parametrize("last_s", [0.0, -1.0, math.nan, math.inf, 1e12])
def test_what_is_no_time_is_refused(house: House, last_s: float) -> None:
    with pytest.raises(RequestRejected) as caught:
        house.save(last_s)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert not house.cuts


def test_without_a_buffer_the_refusal_says_how_to_allow_one(store: StoreEnvironment) -> None:
    with pytest.raises(RequestRejected) as caught:
        House(store, is_allowed=False).save(10)
    assert caught.value.code is ErrorCode.WRONG_STATE
    assert "[replay]\nminutes = 10" in caught.value.remedy


def test_with_a_buffer_that_has_nothing_yet_the_refusal_is_the_stores(store: StoreEnvironment) -> None:
    with pytest.raises(RequestRejected) as caught:
        House(store).save(10)
    assert caught.value.code is ErrorCode.WRONG_STATE
    assert "[replay]" not in caught.value.remedy
