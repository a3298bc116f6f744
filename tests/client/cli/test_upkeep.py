"""Repair and upkeep: what they ask of the daemon, and how they look."""

from pathlib import Path

import pytest

from reeld_proto import commands
from reeld_proto.commands import Repaired, UpkeepStatus
from reeld_proto.records import Fault
from reeld_proto.upkeep import UpkeepTask
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import FakeReeld, Server

CLEAN = Repaired(healed=["aa"], quarantined=[], gaps=0, fixed=2)
TASKS = UpkeepStatus(
    tasks=[
        UpkeepTask(kind="scrub", state="running", done_bytes=5_000_000, total_bytes=10_000_000, detail="9 checked"),
        UpkeepTask(kind="compact", state="paused", last_run_at="2026-11-22T10:00:00+00:00"),
    ]
)


@pytest.fixture(autouse=True)
def _daemon(server: Server) -> None:
    """All of these need one."""


def test_repair_names_the_second_copy_and_what_was_done(reelctl: Reelctl, fake: FakeReeld, tmp_path: Path) -> None:
    fake.answers["store_repair"] = CLEAN
    ran = reelctl("repair", "--from", str(tmp_path), "--json")
    assert (ran.code, ran.json["healed"], ran.json["fixed"]) == (0, ["aa"], 2)
    assert fake.of(commands.RepairStore) == [commands.RepairStore(source=str(tmp_path))]
    assert "1 chunk healed" in reelctl("repair").out


def test_faults_that_remain_are_an_error_code(reelctl: Reelctl, fake: FakeReeld) -> None:
    """Else a script would take a broken store for a mended one."""
    fake.answers["store_repair"] = Repaired(healed=[], quarantined=[], gaps=0, fixed=0, remaining=[Fault(kind="hole")])
    assert reelctl("repair", "--json").code == 7
    assert "remain" in reelctl("repair").out


def test_a_store_without_faults_has_nothing_to_repair(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["store_repair"] = Repaired(healed=[], quarantined=[], gaps=0, fixed=0)
    assert "nothing to repair" in reelctl("repair").out


def test_upkeep_shows_and_steers(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["upkeep_get"] = fake.answers["upkeep_steer"] = TASKS
    assert reelctl("upkeep", "--json").json["tasks"][0]["kind"] == "scrub"
    shown = reelctl("upkeep", "pause", "scrub").out
    assert "scrub" in shown
    assert "paused" in shown
    assert "never" in shown
    assert fake.of(commands.SteerUpkeep) == [commands.SteerUpkeep(action="pause", kind="scrub")]
    assert reelctl("upkeep", "dance").code == 2
