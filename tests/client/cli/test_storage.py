"""`storage` and `storage apply`: what they ask of the daemon. Harm guarded against: a dry run that is none."""

import pytest

from reeld_proto import commands
from reeld_proto.commands import BudgetApplied, StorageReport
from reeld_proto.storage import BudgetItem, Usage
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import SESSION, FakeReeld, Server

USAGE = Usage(
    key=SESSION, label="stand-up", unique_bytes=400_000, shared_bytes=0, started_at="2026-11-22T17:05:09+00:00"
)
REPORT = StorageReport(
    used_bytes=5_000_000,
    live_bytes=400_000,
    garbage_bytes=0,
    free_bytes=10**10,
    quota_bytes=10_000_000,
    reserve_bytes=100,
    bytes_per_day=100_000.0,
    forecast_days=41.0,
    sessions=[USAGE],
    largest=[USAGE],
    held_bytes=4_000_000,
)
APPLIED = BudgetApplied(
    dry_run=True,
    items=[
        BudgetItem(
            session=SESSION, name="x", started_at=USAGE.started_at, action="drop", reason="older than 3 days", bytes=9
        )
    ],
    freed_bytes=9,
)


@pytest.fixture(autouse=True)
def _daemon(server: Server) -> None:
    """All of these need one."""


def test_storage_shows_and_changes_nothing(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["storage_get"] = REPORT
    found = reelctl("storage", "--json").json
    assert (found["held_bytes"], found["forecast_days"]) == (4_000_000, 41.0)
    assert found["largest"][0]["key"] == SESSION
    assert "41 days" in reelctl("storage").out
    assert fake.of(commands.ApplyBudget) == []


def test_apply_says_whether_it_is_a_dry_run(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["storage_apply"] = APPLIED
    found = reelctl("storage", "apply", "--dry-run", "--json").json
    assert found["items"][0]["reason"] == "older than 3 days"
    assert "older than 3 days" in reelctl("storage", "apply").out
    assert [asked.dry_run for asked in fake.of(commands.ApplyBudget)] == [True, False]


def test_a_dry_run_of_nothing_is_a_mistake(reelctl: Reelctl, fake: FakeReeld) -> None:
    """Who forgot `apply` shall not believe that he saw a plan."""
    ran = reelctl("storage", "--dry-run", "--json")
    assert ran.code == 2
    assert "apply" in ran.json["error"]["message"]
    assert reelctl("storage", "shrink").code == 2
    assert not fake.heard
