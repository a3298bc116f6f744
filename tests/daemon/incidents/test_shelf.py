"""Reports on the disk. Harm guarded against: reports that fill the disk, or that one damaged file hides."""

import stat
from pathlib import Path

import pytest

from reeld.incidents.shelf import KEPT_MAX, Shelf
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.incidents import Incident, IncidentKind


def incident(number: int, **more: object) -> Incident:
    words: dict[str, object] = {"at": "now", "kind": IncidentKind.CRASH, "worker": "w", "reason": "r", **more}
    return Incident(id=f"{number:04}", **words)  # type: ignore[arg-type]


def test_what_is_kept_comes_back_in_order_for_its_owner_alone(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "incidents")
    assert shelf.all() == []
    put = [incident(number, trace=["  x.py:1 in f"]) for number in (1, 2)]
    for each in put:
        shelf.put(each)
    assert shelf.all() == Shelf(tmp_path / "incidents").all() == put
    assert shelf.find("0002") == put[1]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "incidents").iterdir()} == {0o600}
    assert stat.S_IMODE((tmp_path / "incidents").stat().st_mode) == 0o700


def test_of_many_the_newest_are_kept(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for number in range(KEPT_MAX + 3):
        shelf.put(incident(number))
    assert [each.id for each in shelf.all()] == [f"{number:04}" for number in range(3, KEPT_MAX + 3)]


def test_a_damaged_report_hides_no_other(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(incident(1))
    (tmp_path / "0000.json").write_bytes(b"{")
    (tmp_path / "0002.json").mkdir()
    (tmp_path / "running").touch()
    assert [each.id for each in shelf.all()] == ["0001"]


def test_all_can_be_removed_and_an_unknown_one_is_named(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.put(incident(1))
    (tmp_path / "running").touch()
    assert [each.id for each in shelf.clear()] == ["0001"]
    assert [path.name for path in tmp_path.iterdir()] == ["running"]
    with pytest.raises(RequestRejected, match="no incident 0001") as caught:
        shelf.find("0001")
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_a_disk_that_takes_nothing_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    shelf = Shelf(tmp_path / "file")
    shelf.put(incident(1))
    assert shelf.all() == []
