"""What `storage` answers. Harm guarded against: a forecast or a sum that lets a person believe there is room."""

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from reeld.control.areas import storage
from reeld.runtime.clock import wall_ns
from reeld.store.environment import StoreEnvironment
from reeld.store.usage import survey
from reeld_proto import commands as c
from reeld_proto.store_orders import KeyRoom, SessionRoom, Surveyed
from tests.daemon.control.budget_house import DAY_NS, MB, House
from tests.daemon.store.builders import new_store

TODAY = date(2026, 11, 22)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreEnvironment]:
    with new_store(tmp_path / "store") as opened:
        yield opened


def ask(house: House, command: c.Command) -> Any:
    return asyncio.run(cast("Any", storage.commands(house.parts)[type(command)](command, 1)))


def room(session: str, unique: int, **fields: Any) -> SessionRoom:
    values: dict[str, Any] = {
        "shared_bytes": 0,
        "pinned": False,
        "running": False,
        "buffer": False,
        "tier": "full",
        "thinnable_bytes": 0,
        **fields,
    }
    return SessionRoom(
        session=session,
        name=session,
        started_wall_ns=0,
        duration_ns=10**9,
        unique_bytes=unique,
        **values,
    )


def surveyed(*rooms: SessionRoom, days: tuple[KeyRoom, ...] = (), held: int = 1000, garbage: int = 0) -> Surveyed:
    return Surveyed(
        held_bytes=held,
        live_bytes=held - garbage,
        garbage_bytes=garbage,
        sessions=list(rooms),
        tracks=[],
        days=list(days),
        shared=[],
    )


def day(ago: int, size: int) -> KeyRoom:
    key = (TODAY - timedelta(days=ago)).isoformat()
    return KeyRoom(key=key, label=key, unique_bytes=size, shared_bytes=0, duration_ns=10**9)


def test_a_store_is_reported_as_it_is(store: StoreEnvironment) -> None:
    house = House(store, quota="1GB", reserve_bytes=7)
    house.record("a", 2)
    house.record("b", 1, size=2 * MB, pinned=True)
    found = ask(house, c.GetStorage())
    assert isinstance(found, c.StorageReport)
    assert [usage.key for usage in found.sessions] == ["b", "a"]
    assert [usage.key for usage in found.largest] == ["b", "a"]
    assert found.sessions[0].pinned
    assert (found.quota_bytes, found.reserve_bytes, found.free_bytes) == (10**9, 7, house.free)
    assert found.live_bytes == survey(store).live_bytes
    assert 3 * MB < found.held_bytes <= found.used_bytes
    assert len(found.days) == 2
    assert [usage.label for usage in found.tracks] == ["mix", "video-1"]
    assert found.forecast_days == pytest.approx((10**9 - found.held_bytes) / found.bytes_per_day, rel=0.01)


def test_the_pace_counts_up_to_the_day_of_the_daemon_s_own_clock(
    store: StoreEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(store, quota="1GB")
    house.record("a", 2)
    today = ask(house, c.GetStorage()).bytes_per_day
    now_ns = wall_ns()
    monkeypatch.setattr(storage, "wall_ns", lambda: now_ns + 3 * DAY_NS)
    assert ask(house, c.GetStorage()).bytes_per_day == pytest.approx(today * 3 / 6, rel=0.001)


def test_the_budget_is_applied_as_asked(store: StoreEnvironment) -> None:
    house = House(store, drop_after_days=1)
    house.record("a", 2)
    assert ask(house, c.ApplyBudget(dry_run=True)).dry_run
    assert house.names() == ["a"]
    assert [item.action for item in ask(house, c.ApplyBudget()).items] == ["drop"]
    assert house.names() == []


def test_the_forecast_counts_to_the_nearer_wall(store: StoreEnvironment) -> None:
    """The quota, or the reserve of the disk; garbage is as good as free."""
    days = tuple(day(ago, 70) for ago in range(7))
    house = House(store, quota=8000, reserve_bytes=1000)
    found = storage.report(house.parts, surveyed(days=days, held=1500, garbage=500), TODAY)
    assert (found.bytes_per_day, found.forecast_days) == (70.0, 100.0)
    house.free = 1000
    near = storage.report(house.parts, surveyed(days=days, held=1 << 40), TODAY)
    assert near.forecast_days == 0


def test_days_come_newest_first_and_the_buffer_is_shown_to_nobody(store: StoreEnvironment) -> None:
    house = House(store)
    rooms = [room(f"s{each:02}", each) for each in range(15)]
    found = storage.report(
        house.parts, surveyed(*rooms, room("tape", 999, buffer=True), days=(day(1, 1), day(0, 1))), TODAY
    )
    assert [usage.key for usage in found.days] == ["2026-11-22", "2026-11-21"]
    assert len(found.sessions) == 15
    assert [usage.key for usage in found.largest] == [f"s{each:02}" for each in range(14, 4, -1)]


def test_without_recordings_there_is_no_forecast(store: StoreEnvironment) -> None:
    assert storage.report(House(store).parts, surveyed(), TODAY).forecast_days is None
