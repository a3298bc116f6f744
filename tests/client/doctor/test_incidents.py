"""What doctor says of crashes. Harm guarded against: a recorder that falls down every hour, and nobody sees it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from reeld_client.doctor.incidents import FOLDER, check, discreet, judge, read
from reeld_proto.doctor import CheckStatus
from reeld_proto.incidents import Incident, IncidentKind

NOW = datetime(2026, 11, 26, 18, tzinfo=UTC)


def incident(age: timedelta, reason: str = "killed by SIGSEGV", **more: str) -> Incident:
    at = more.get("at", (NOW - age).isoformat(timespec="milliseconds"))
    return Incident(id="i", at=at, kind=IncidentKind.CRASH, worker="capture-1", reason=reason, trace=["  x.py:1 in f"])


def test_recent_ones_are_a_warning_with_the_way_to_more() -> None:
    found = judge([incident(timedelta(days=8)), incident(timedelta(days=2)), incident(timedelta(hours=1))], NOW)
    assert found.status is CheckStatus.WARNING
    assert found.detail.startswith("2 within a week, the last: capture-1, crash at 2026-11-26T17:00")
    assert "reelctl incidents list" in found.remedy


@pytest.mark.parametrize("old", [[], [incident(timedelta(days=8))], [incident(timedelta(0), at="yesterday")]])
def test_old_and_unreadable_ones_are_none(old: list[Incident]) -> None:
    assert judge(old, NOW).status is CheckStatus.OK


def test_a_damaged_report_hides_no_other(tmp_path: Path) -> None:
    assert read(tmp_path) == []
    folder = tmp_path / FOLDER
    folder.mkdir()
    (folder / "1.json").write_bytes(b"{")
    (folder / "2.json").write_bytes(msgspec.json.encode(incident(timedelta(0))))
    (folder / "running").write_text("{}")
    assert read(tmp_path) == [incident(timedelta(0))]
    (finding,) = check(tmp_path)
    assert finding.check == "incidents"


def test_what_is_sent_names_no_track() -> None:
    told = discreet([incident(timedelta(0), "track boss-on-phone made no progress for 5 s"), incident(timedelta(0))])
    assert [each["reason"] for each in told] == ["", "killed by SIGSEGV"]
    assert told[0]["trace"] == ["  x.py:1 in f"]
