"""The budget carried out over a real store. Harm guarded against: a file that grows although its quota is full, or a
dry run that shows something else than what then happens."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reeld.control import budgeting
from reeld.runtime.clock import wall_ns
from reeld.store.environment import StoreEnvironment
from reeld.store.usage import survey
from reeld.store.verify import verify
from reeld_proto.commands import BudgetApplied
from reeld_proto.errors import RequestRejected
from reeld_proto.events import SessionBudgeted
from reeld_proto.store_orders import CollectChunks, RemoveSession, ReplaceMedia, RunThin, RunUsage
from tests.daemon.control.budget_house import MB, House
from tests.daemon.export.recording import Recording
from tests.daemon.store.builders import NS, new_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreEnvironment]:
    with new_store(tmp_path / "store") as opened:
        yield opened


def apply(house: House, *, dry_run: bool = False) -> BudgetApplied:
    return asyncio.run(budgeting.apply(house.parts, dry_run=dry_run))


def done(applied: BudgetApplied) -> dict[str, str]:
    return {item.session: item.action for item in applied.items}


def test_the_oldest_goes_from_the_file_and_what_is_pinned_stays(store: StoreEnvironment) -> None:
    house = House(store, quota=2_700_000)
    for name, age in (("a", 5), ("b", 4), ("c", 3), ("d", 1)):
        house.record(name, age, pinned=name == "a")
    applied = apply(house)
    assert done(applied) == {"a": "keep", "b": "drop", "c": "drop", "d": "keep"}
    assert house.names() == ["a", "d"]
    assert house.held() <= 2_700_000
    assert applied.freed_bytes == pytest.approx(2 * MB, rel=0.01)
    assert survey(store).garbage_bytes == 0
    assert verify(store, None).ok


def test_a_dry_run_shows_what_then_happens_and_changes_nothing(store: StoreEnvironment) -> None:
    house = House(store, quota=1_500_000)
    for name in ("a", "b", "c"):
        house.record(name, ord("z") - ord(name[0]))
    shown = apply(house, dry_run=True)
    assert house.names() == ["a", "b", "c"]
    assert house.asked == []
    real = apply(house)
    assert shown.items == real.items
    assert (shown.dry_run, real.dry_run) == (True, False)
    assert house.names() == ["c"]


def test_without_a_limit_not_even_garbage_is_collected(store: StoreEnvironment) -> None:
    """What a person deleted is collected when he asks for it."""
    house = House(store)
    house.record("a", 9)
    house.record("b", 1)
    asyncio.run(house.parts.ask_store(RemoveSession(session="a", reason="test"), 1))
    applied = apply(house)
    assert done(applied) == {"b": "keep"}
    assert survey(store).garbage_bytes == MB


def test_everybody_is_told_what_was_dropped_and_why(store: StoreEnvironment) -> None:
    house = House(store, drop_after_days=3)
    house.record("old", 5)
    house.record("new", 1)
    with capture_logs() as logs:
        apply(house)
    (told,) = [entry for entry in logs if entry["event"] == "budget.dropped"]
    assert (told["session_id"], told["reason"]) == ("old", "older than 3 days")
    (event,) = house.events
    assert isinstance(event, SessionBudgeted)
    assert (event.session, event.action, event.reason) == ("old", "drop", "older than 3 days")


def test_garbage_alone_may_be_what_is_over_the_quota(store: StoreEnvironment) -> None:
    """Else sessions are dropped while bytes that nobody needs fill the file."""
    house = House(store, quota=2_500_000, garbage_after_s=3600)
    for name, age in (("a", 9), ("b", 4), ("c", 1)):
        house.record(name, age)
    asyncio.run(house.parts.ask_store(RemoveSession(session="a", reason="test"), 1))
    assert done(apply(house)) == {"b": "keep", "c": "keep"}
    assert survey(store).garbage_bytes == 0
    assert house.held() <= 2_500_000


def test_without_need_garbage_waits_as_long_as_the_config_lets_it(store: StoreEnvironment) -> None:
    house = House(store, drop_after_days=3, garbage_after_s=3600)
    house.record("old", 5)
    apply(house)
    assert survey(store).garbage_bytes == pytest.approx(MB, abs=10)
    (order,) = house.orders(CollectChunks)
    assert order.keep_since_wall_ns == pytest.approx(wall_ns() - 3600 * NS, abs=60 * NS)


def test_what_the_budget_dropped_is_soon_overwritten_in_the_file(store: StoreEnvironment) -> None:
    """Retention is a promise that it is gone, not that it can be read by whoever looks into the file."""
    house = House(store, drop_after_days=3)
    house.record("new", 1)
    apply(house)
    assert house.hastened == [], "nothing was collected"
    house.record("old", 5)
    apply(house)
    assert house.hastened == ["erase"]
    assert house.parts.collector.owes_erasing


def test_what_a_running_job_may_read_is_not_collected(store: StoreEnvironment) -> None:
    """Else an export fails in the middle."""
    house = House(store, quota=1_500_000)
    house.record("a", 5)
    house.record("b", 1)
    house.oldest_job_ns = wall_ns() - NS
    assert done(apply(house)) == {"a": "drop", "b": "keep"}
    assert survey(store).garbage_bytes == MB
    house.oldest_job_ns = None
    apply(house)
    assert survey(store).garbage_bytes == 0


def test_on_a_full_disk_garbage_is_collected_in_smaller_batches(store: StoreEnvironment) -> None:
    """The list of free pages needs room itself: else a full disk stays full although everything was dropped."""
    house = House(store, quota=1_500_000)
    house.record("a", 5)
    house.record("b", 1)
    house.collects_max = 3
    apply(house)
    assert survey(store).garbage_bytes == 0
    assert [order.chunks_max for order in house.orders(CollectChunks)] == [500, 62, 7, 1, 1, 1, 1, 1]


def test_a_disk_on_which_nothing_can_be_collected_is_told(store: StoreEnvironment) -> None:
    house = House(store, quota=1_500_000)
    house.record("a", 5)
    house.record("b", 1)
    house.collects_max = 0
    with pytest.raises(RequestRejected):
        apply(house)


def test_a_session_that_is_being_exported_is_left_alone(store: StoreEnvironment) -> None:
    house = House(store, drop_after_days=3)
    house.record("old", 5)
    house.busy = "old"
    applied = apply(house)
    assert done(applied) == {"old": "keep"}
    assert "export" in applied.items[0].reason


def test_what_cannot_be_dropped_is_kept_with_the_reason_and_the_rest_goes_on(store: StoreEnvironment) -> None:
    house = House(store, drop_after_days=3)
    house.record("a", 5)
    house.record("b", 4)
    house.refuse = RemoveSession
    applied = apply(house)
    assert done(applied) == {"a": "keep", "b": "keep"}
    assert "the store will not" in applied.items[0].reason
    assert applied.freed_bytes == 0
    assert house.events == []


@pytest.fixture
def filmed(tmp_path: Path) -> Iterator[House]:
    """A session of real pictures that began in 1970."""
    recording = Recording.new(tmp_path / "filmed", tracks=("video-1", "mix"))
    recording.video([each / 10 for each in range(50)], 5.0, keyframe_every=25)
    recording.finish(5.0)
    yield House(recording.store, keyframes_after_days=3)
    recording.store.close()


def test_a_session_that_grows_old_is_thinned_by_a_job_and_one_order(filmed: House) -> None:
    (before,) = survey(filmed.store).sessions
    (item,) = apply(filmed).items
    assert item.action == "thin"
    assert len(filmed.orders(RunThin)) == 1
    (order,) = filmed.orders(ReplaceMedia)
    assert (order.tier, order.drop_tracks) == ("keyframes", ["video-1", "mix"])
    assert list((filmed.store.path / "staging").iterdir()) == []
    assert verify(filmed.store, None).ok
    (after,) = survey(filmed.store).sessions
    assert after.tier == "keyframes"
    assert after.unique_bytes < before.unique_bytes - item.bytes * 0.9
    assert survey(filmed.store).garbage_bytes == 0
    assert [each.action for each in apply(filmed).items] == ["keep"]


def test_a_thinning_that_fails_leaves_the_session_whole_and_no_file(filmed: House) -> None:
    filmed.refuse = ReplaceMedia
    (item,) = apply(filmed).items
    assert item.action == "keep"
    assert "the store will not" in item.reason
    assert list((filmed.store.path / "staging").iterdir()) == []
    assert survey(filmed.store).sessions[0].tier == "full"


def test_a_disk_below_its_reserve_costs_the_oldest_and_free_pages_of_the_file_count_as_disk(
    store: StoreEnvironment,
) -> None:
    """Else everything would go: the file itself does not shrink."""
    house = House(store, reserve_bytes=2 * MB, quota="1TB")
    for name, age in (("a", 9), ("b", 4), ("c", 1)):
        house.record(name, age)
    house.free = 1_200_000
    assert done(apply(house)) == {"a": "drop", "b": "keep", "c": "keep"}
    assert done(apply(house)) == {"b": "keep", "c": "keep"}


def test_without_a_policy_a_full_disk_costs_nothing(store: StoreEnvironment) -> None:
    house = House(store, reserve_bytes=1 << 50)
    house.record("a", 9)
    house.free = 0
    assert done(apply(house)) == {"a": "keep"}


def test_a_large_store_is_surveyed_by_a_job(store: StoreEnvironment) -> None:
    house = House(store)
    house.record("a")
    house.quick = False
    found = asyncio.run(budgeting.survey(house.parts))
    assert [room.session for room in found.sessions] == ["a"]
    assert len(house.orders(RunUsage)) == 1


def test_a_file_that_is_not_there_takes_no_room(store: StoreEnvironment, tmp_path: Path) -> None:
    house = House(store)
    assert budgeting.file_bytes(house.parts) > 0
    house.parts.store_dir = tmp_path / "none"
    assert budgeting.file_bytes(house.parts) == 0


def test_a_store_turned_over_ten_times_stays_within_its_quota(store: StoreEnvironment) -> None:
    """Else freed pages are not used again, and the file grows past every limit."""
    house = House(store, quota="5MB")
    house.record("pinned", 99, pinned=True)
    for turn in range(50):
        house.record(f"s{turn:02}", 50 - turn)
        apply(house)
        assert house.held() <= 5 * MB
    assert house.names()[0] == "pinned"
    assert house.names()[1:] == ["s47", "s48", "s49"]
    assert budgeting.file_bytes(house.parts) <= 1.5 * 5 * MB
    assert verify(store, None).ok
