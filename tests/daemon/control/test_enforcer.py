"""The budget kept by itself. Harm guarded against: a disk that fills up though a quota was set, a recording that is
stopped or cut for it, or a daemon that surveys the store all day."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reeld.control import budgeting, enforcer
from reeld.control.enforcer import Enforcer
from reeld.runtime.clock import monotonic_ns
from reeld.store.environment import StoreEnvironment
from reeld_proto.commands import BudgetApplied
from reeld_proto.errors import RequestRejected
from reeld_proto.store_orders import RemoveSession
from tests.daemon.control.budget_house import MB, House
from tests.daemon.store.builders import new_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreEnvironment]:
    with new_store(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def applications(monkeypatch: pytest.MonkeyPatch) -> list[BudgetApplied]:
    """What the enforcer had applied, in order."""
    seen: list[BudgetApplied] = []
    real = budgeting.apply

    async def counted(*args: object, **words: object) -> BudgetApplied:
        seen.append(await real(*args, **words))  # type: ignore[arg-type]
        return seen[-1]

    monkeypatch.setattr(budgeting, "apply", counted)
    return seen


def look(watch: Enforcer, times: int = 1) -> None:
    for _ in range(times):
        asyncio.run(watch.look())


def test_a_store_over_its_quota_loses_its_oldest_while_a_recording_goes_on(
    store: StoreEnvironment, applications: list[BudgetApplied]
) -> None:
    house = House(store, quota="2.7MB")
    for name, age in (("a", 5), ("b", 4)):
        house.record(name, age)
    house.recording = "now"
    house.record("now", 0, end=False)
    look(Enforcer(house.parts))
    assert house.names() == ["b", "now"]
    assert house.held() <= 2_700_000


def test_a_store_within_its_limits_is_not_surveyed_at_every_look(
    store: StoreEnvironment, applications: list[BudgetApplied]
) -> None:
    house = House(store, quota="50MB")
    house.record("a", 5)
    look(Enforcer(house.parts), 5)
    assert len(applications) == 1  # ages are looked at once an hour


def test_a_plan_that_can_free_nothing_is_not_made_again_until_a_session_ends(
    store: StoreEnvironment, applications: list[BudgetApplied]
) -> None:
    house = House(store, quota="1MB")
    house.record("pinned", 5, size=2 * MB, pinned=True)
    house.record("now", 0, end=False)
    house.recording = "now"
    watch = Enforcer(house.parts)
    with capture_logs() as logs:
        look(watch, 5)
    assert len(applications) == 1
    assert [entry["event"] for entry in logs].count("budget.stuck") == 1
    assert house.names() == ["now", "pinned"]
    house.recording = ""
    look(watch, 3)
    assert len(applications) == 2


def test_a_long_recording_over_the_quota_alone_is_not_touched(store: StoreEnvironment) -> None:
    house = House(store, quota="1MB")
    house.record("now", 0, size=3 * MB, end=False)
    house.recording = "now"
    look(Enforcer(house.parts), 3)
    assert house.names() == ["now"]
    assert house.orders(RemoveSession) == []


def test_ages_are_looked_at_when_a_session_ends_and_every_hour(
    store: StoreEnvironment, applications: list[BudgetApplied], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(store, drop_after_days=3)
    watch = Enforcer(house.parts)
    look(watch, 2)
    house.record("old", 5)
    look(watch, 2)
    assert house.names() == ["old"]
    now_ns = monotonic_ns()
    monkeypatch.setattr(enforcer, "monotonic_ns", lambda: now_ns + round(3601e9))
    look(watch, 2)
    assert house.names() == []
    assert len(applications) == 2


def test_a_disk_below_its_reserve_costs_the_oldest_during_a_recording(store: StoreEnvironment) -> None:
    """The store waits for room by itself; here is who makes it."""
    house = House(store, reserve_bytes=MB, drop_after_days=1000)
    house.record("old", 5)
    house.record("now", 0, end=False)
    house.recording = "now"
    watch = Enforcer(house.parts)
    look(watch)
    assert house.names() == ["now", "old"]
    house.free = 100_000
    look(watch)
    assert house.names() == ["now"]
    assert watch.free_bytes() >= MB


def test_free_pages_of_the_file_are_room_for_the_next_recording(store: StoreEnvironment) -> None:
    """Else no session could ever start on a disk that the store itself has filled."""
    house = House(store, quota="1.5MB")
    house.record("a", 5)
    house.record("b", 4)
    house.free = 7
    watch = Enforcer(house.parts)
    assert watch.free_bytes() == 7
    look(watch)
    assert watch.free_bytes() >= MB


def test_paused_it_drops_nothing(store: StoreEnvironment) -> None:
    house = House(store, quota="1.5MB")
    house.record("a", 5)
    house.record("b", 4)
    house.paused = True
    watch = Enforcer(house.parts)
    look(watch)
    assert house.names() == ["a", "b"]
    house.paused = False
    look(watch)
    assert house.names() == ["b"]


def test_without_limits_nothing_is_surveyed(store: StoreEnvironment, applications: list[BudgetApplied]) -> None:
    house = House(store)
    house.record("a", 5000)
    look(Enforcer(house.parts), 2)
    assert applications == []


def test_a_fault_is_told_once_and_the_looking_goes_on(store: StoreEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(store, quota="1MB")
    watch = Enforcer(house.parts, look_s=0.0)
    faults: list[Exception] = [RequestRejected("busy"), RequestRejected("busy"), ValueError("ours")]

    async def fail() -> None:
        if not faults:
            raise asyncio.CancelledError
        raise faults.pop(0)

    monkeypatch.setattr(watch, "look", fail)
    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        asyncio.run(watch.serve())
    assert [entry["log_level"] for entry in logs] == ["warning", "error"]
