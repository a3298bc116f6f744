"""Background work as the daemon does it. Harm guarded against: a scrub that never gets on, damage that is not told."""

import asyncio
from pathlib import Path
from typing import Any, cast

from reeld.config import Config, UpkeepConfig
from reeld.control import chores
from reeld.upkeep.keeper import Ledger
from reeld_proto.store_orders import RecordCheck, RunScrub, Scrubbed
from tests.daemon.control.test_compressing import DAY_S, House


def scrubbed(cursor: str, *, complete: bool = False, damaged: tuple[str, ...] = ()) -> Scrubbed:
    return Scrubbed(
        checked_chunks=3, checked_bytes=300, total_bytes=700, cursor=cursor, complete=complete, damaged=list(damaged)
    )


def test_a_scrub_keeps_its_place_after_every_slice_and_tells_damage(tmp_path: Path) -> None:
    house = House(tmp_path, [], scrubbed("aa"), scrubbed("bb", damaged=("cc",)), scrubbed("dd", complete=True))
    ledger = Ledger()
    asyncio.run(chores.scrub(cast("Any", house), ledger, 120))
    assert [type(order).__name__ for order in house.asked] == ["RunScrub", "RecordCheck"] * 3
    assert [order.cursor for order in house.asked if isinstance(order, RecordCheck)] == ["aa", "bb", "dd"]
    assert (ledger.done_bytes, ledger.total_bytes) == (900, 700)
    assert "1 damaged" in ledger.detail


def test_a_scrub_ends_with_its_time(tmp_path: Path) -> None:
    house = House(tmp_path, [], scrubbed("aa"), scrubbed("bb"))
    asyncio.run(chores.scrub(cast("Any", house), Ledger(), 15))
    assert [order.max_duration_s for order in house.asked if isinstance(order, RunScrub)] == [10.0, 5.0]


def test_the_kinds_of_work_follow_the_config(tmp_path: Path) -> None:
    house = House(tmp_path, [])
    every = {work.kind: work.every_s for work in chores.works(cast("Any", house))}
    assert every["scrub"] == DAY_S / chores.SCRUBS_PER_DAY
    assert every["compress"] == DAY_S
    house.config = Config(upkeep=UpkeepConfig(scrub_minutes_per_day=0))
    never = {work.kind: work.every_s for work in chores.works(cast("Any", house))}
    assert never["scrub"] is never["compress"] is None


def test_erasing_is_done_where_something_is_owed_or_a_person_asks(tmp_path: Path) -> None:
    class Debts:
        owes_erasing = False
        runs = 0

        async def erase_gently(self) -> tuple[int, bool]:
            self.runs += 1
            return 4096, True

    house = House(tmp_path, [])
    house.collector = debts = Debts()  # type: ignore[attr-defined]
    (erase,) = [work for work in chores.works(cast("Any", house)) if work.kind == "erase"]
    assert (erase.every_s, erase.needs_quiet) == (DAY_S, False)
    for asked, owes, runs in ((False, False, 0), (False, True, 1), (True, False, 2)):
        debts.owes_erasing = owes
        ledger = Ledger(asked=asked)
        asyncio.run(cast("Any", erase.run(ledger)))
        assert (debts.runs, ledger.done_bytes) == (runs, 4096 if runs else 0)


def test_a_compaction_does_not_wait_for_the_end_of_a_recording(tmp_path: Path) -> None:
    needs_quiet = {work.kind: work.needs_quiet for work in chores.works(cast("Any", House(tmp_path, [])))}
    assert (needs_quiet["compact"], needs_quiet["compress"]) == (False, True)
