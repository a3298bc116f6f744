"""The audit. Harm guarded against: a change that nobody can trace, and an audit that fills the disk or stops the
daemon."""

import asyncio
import json
import threading
from pathlib import Path

import pytest
from msgspec import structs

from reeld.access.audit import FILE_NAME, WAITING_MAX, AuditLog, now_text
from reeld_proto.access import AuditLine

pytestmark = pytest.mark.usefixtures("no_leaks")


def line(number: int) -> AuditLine:
    return AuditLine(at=now_text(), who="owner", what="session.mark", result="done", pid=7, uid=8, session=str(number))


def newest(audit: AuditLog, limit: int) -> list[str]:
    return [each.session for each in asyncio.run(audit.newest(limit))]


def test_lines_are_json_in_order_private_and_kept_over_a_restart(tmp_path: Path) -> None:
    told = [line(number) for number in range(20)]
    for half in (told[:10], told[10:]):
        audit = AuditLog(tmp_path)
        for each in half:
            audit.tell(each)
        audit.close()
        audit.close()
    path = tmp_path / FILE_NAME
    written = [json.loads(text) for text in path.read_text().splitlines()]
    assert written == [structs.asdict(each) for each in told]
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_newest_are_given_those_told_just_now_included(tmp_path: Path) -> None:
    audit = AuditLog(tmp_path)
    assert newest(audit, 5) == []
    for number in range(7):
        audit.tell(line(number))
    assert newest(audit, 3) == ["4", "5", "6"]
    assert newest(audit, 100) == [str(number) for number in range(7)]
    assert newest(audit, 0) == []
    audit.close()


def test_two_files_hold_the_newest_and_no_more(tmp_path: Path) -> None:
    audit = AuditLog(tmp_path, file_bytes_max=1000)
    for number in range(100):
        audit.tell(line(number))
        newest(audit, 1)
    audit.close()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2 * 1300
    assert sorted(path.name for path in tmp_path.iterdir())[-1] == FILE_NAME + ".1"
    again = AuditLog(tmp_path)
    found = newest(again, 100)
    again.close()
    assert found == [str(number) for number in range(100 - len(found), 100)]
    assert len(found) >= 5


def test_a_torn_line_costs_only_itself(tmp_path: Path) -> None:
    audit = AuditLog(tmp_path)
    audit.tell(line(1))
    audit.close()
    with (tmp_path / FILE_NAME).open("a") as file:
        file.write('{"at": "20\n')
    again = AuditLog(tmp_path)
    again.tell(line(2))
    assert newest(again, 10) == ["1", "2"]
    again.close()


def test_a_disk_that_fails_or_hangs_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    audit = AuditLog(tmp_path / "gone")
    audit.tell(line(1))
    assert newest(audit, 5) == []
    hanging = threading.Event()
    audit._thread.submit(hanging.wait)
    for number in range(WAITING_MAX + 10):
        audit.tell(line(number))
    assert len(audit._waiting) == WAITING_MAX
    (tmp_path / "gone").mkdir()
    hanging.set()
    assert newest(audit, 1) == [str(WAITING_MAX - 1)]
    audit.close()
    audit.tell(line(0))


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("mine")
    (tmp_path / FILE_NAME).symlink_to(tmp_path / "other")
    audit = AuditLog(tmp_path)
    audit.tell(line(1))
    audit.close()
    assert (tmp_path / "other").read_text() == "mine"
