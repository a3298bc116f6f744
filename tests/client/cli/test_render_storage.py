"""The picture of the room. Harm guarded against: a wall that nobody saw coming, names that steer the terminal."""

import io
from typing import Any

from hypothesis import given, settings
from msgspec.structs import replace
from rich.console import Console

from reeld_client.cli import render
from reeld_client.cli.render_storage import print_budget, print_storage
from reeld_proto.commands import BudgetApplied, StorageReport
from reeld_proto.storage import BudgetItem, Usage
from tests.client.cli.test_storage import APPLIED, REPORT, USAGE
from tests.proto.messages import structs


def text_of(found: Any, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    (print_storage if isinstance(found, StorageReport) else print_budget)(console, found)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def day(key: str, size: int, shared: int = 0) -> Usage:
    return Usage(key=key, label=key, unique_bytes=size, shared_bytes=shared, duration_s=3600.0)


def test_how_full_it_is_and_for_how_long_it_suffices() -> None:
    text = text_of(REPORT)
    for expected in ("4.00 MB of the quota of 10.0 MB", "40%", "100 kB a day: at this rate 41 days", "10.0 GB free"):
        assert expected in text
    assert "█" * 12 + "·" * 18 in text


def test_without_a_quota_the_disk_is_the_limit() -> None:
    text = text_of(replace(REPORT, quota_bytes=None))
    assert "no quota" in text
    assert "10.0 GB free on the disk" in text


def test_what_is_over_says_so() -> None:
    text = text_of(replace(REPORT, held_bytes=12_000_000, forecast_days=0.0))
    assert "120%" in text
    assert "the quota is used up" in text
    assert "less than a day" in text_of(replace(REPORT, forecast_days=0.3))
    assert "1 day" in text_of(replace(REPORT, forecast_days=1.2))


def test_nothing_recorded_is_no_forecast() -> None:
    empty = replace(REPORT, sessions=[], largest=[], forecast_days=None, bytes_per_day=0.0, held_bytes=0)
    assert "no forecast" in text_of(empty)


def test_days_and_tracks_are_bars_to_compare() -> None:
    days = [day(f"2026-11-{each:02}", each * 1000, shared=each) for each in range(20, 0, -1)]
    text = text_of(replace(REPORT, days=days, tracks=[day("mix", 10), replace(day("video-1", 900), label="LEFT")]))
    lines = text.splitlines()
    assert "2026-11-20" in text
    assert "2026-11-06" not in text
    assert "and 6 days before" in text
    assert next(line for line in lines if "2026-11-20" in line).count("█") == 20
    assert next(line for line in lines if "2026-11-10" in line).count("█") == 10
    assert text.index("video-1") < text.index("mix")
    assert "LEFT" in text
    assert "20 B shared" in text


def test_the_largest_say_what_they_hold_alone() -> None:
    pinned = replace(USAGE, pinned=True, tier="keyframes", shared_bytes=1000)
    text = text_of(replace(REPORT, largest=[pinned]))
    for expected in (USAGE.key, "stand-up", "400 kB", "1.00 kB", "pinned, key frames"):
        assert expected in text


def test_garbage_names_its_remedy() -> None:
    assert "reelctl gc" in text_of(replace(REPORT, garbage_bytes=5))
    assert "garbage" not in text_of(REPORT)


def test_a_plan_gives_each_session_its_reason() -> None:
    text = text_of(APPLIED)
    assert "✗ drop" in text
    assert "older than 3 days" in text
    assert "9 B of 1 session would go; this was a dry run" in text
    assert "made free" in text_of(replace(APPLIED, dry_run=False))


def test_a_plan_that_keeps_everything_says_so() -> None:
    kept = BudgetItem(session="s", name="n", started_at="", action="keep", reason="pinned", bytes=1)
    text = text_of(BudgetApplied(dry_run=True, items=[kept], freed_bytes=0))
    assert "✓ keep" in text
    assert "nothing has to go" in text
    assert "no sessions" in text_of(BudgetApplied(dry_run=True, items=[], freed_bytes=0))


def test_names_cannot_steer_the_terminal() -> None:
    rude = replace(USAGE, label="\x1b[2Jgone [red]", key="k\x07")
    for found in (
        replace(REPORT, largest=[rude], tracks=[rude], days=[rude]),
        replace(APPLIED, items=[replace(APPLIED.items[0], name="\x1b[2J", reason="\x1b]0;x")]),
    ):
        text = text_of(found)
        assert "\x1b" not in text
        assert "\x07" not in text


@settings(max_examples=40)
@given(structs(StorageReport) | structs(BudgetApplied))
def test_any_answer_can_be_shown(found: StorageReport | BudgetApplied) -> None:
    text_of(found, 80)


def test_both_answers_have_a_printer() -> None:
    assert {StorageReport, BudgetApplied} <= set(render._PRINTERS)
