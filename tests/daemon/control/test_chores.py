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
