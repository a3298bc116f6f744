"""The verdict on the disk, and a measurement of a real one that must leave nothing behind."""

import errno
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reeld.doctor import disk
from reeld.doctor.disk import DiskFacts, judge
from tests.daemon.doctor.verdicts import FAULT, OK, WARNING, statuses

RESERVE = 100_000_000
GOOD = DiskFacts(Path("/store"), free_bytes=80_000_000_000, bytes_per_s=200e6, commit_s=0.002)


@pytest.mark.parametrize(
    ("facts", "space", "speed"),
    [
        (GOOD, OK, OK),
        (replace(GOOD, free_bytes=RESERVE - 1), FAULT, OK),
        (replace(GOOD, free_bytes=RESERVE), WARNING, OK),
        (replace(GOOD, free_bytes=1_999_999_999), WARNING, OK),
        (replace(GOOD, bytes_per_s=9e6), OK, WARNING),
        (replace(GOOD, commit_s=0.6), OK, WARNING),
        (replace(GOOD, refused="Read-only file system"), OK, FAULT),
    ],
)
def test_room_and_speed_are_told_apart(facts: DiskFacts, space: Any, speed: Any) -> None:
    assert statuses(judge(facts, RESERVE)) == {"disk-space": space, "disk-speed": speed}


def test_a_large_reserve_is_warned_of_before_it_is_reached() -> None:
    facts = replace(GOOD, free_bytes=50_000_000_000)
    assert statuses(judge(facts, 10_000_000_000))["disk-space"] is WARNING


def test_a_real_measurement_leaves_nothing_behind(tmp_path: Path, no_leaks: None) -> None:
    facts = disk.gather(tmp_path)
    assert facts.folder == tmp_path
    assert facts.bytes_per_s > 0
    assert facts.commit_s >= 0
    assert facts.refused == ""
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_not_there_yet_is_measured_where_it_will_be(tmp_path: Path) -> None:
    facts = disk.gather(tmp_path / "not" / "yet")
    assert facts.folder == tmp_path
    assert not (tmp_path / "not").exists()


def test_a_disk_that_refuses_is_told_not_raised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_args: Any, **_words: Any) -> Any:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert disk.gather(tmp_path).refused == "Read-only file system"


def test_a_slow_disk_does_not_hold_up_the_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now = [0.0]
    synced = []

    def slow(_fd: int) -> None:
        now[0] += 1.0
        synced.append(now[0])

    monkeypatch.setattr(os, "fsync", slow)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    facts = disk.gather(tmp_path)
    assert len(synced) == 3  # two pieces pass the limit of 1.5 s, and one commit is needed for a figure
    assert facts.bytes_per_s == 1_000_000
    assert facts.commit_s == 1.0
    assert statuses(judge(facts, 0))["disk-speed"] is WARNING
