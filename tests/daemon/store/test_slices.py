"""Bytes for the store worker. Harms guarded against: staged files that nobody removes; order that is lost."""

from pathlib import Path

import pytest

from reeld.store import slices
from reeld.store.rows import Row
from reeld.store.slices import Slices, stage_rows, staged_bytes, staged_rows
from reeld.store.staging import FOLDER
from reeld.store.transaction import Table
from reeld_proto.errors import RequestRejected


def files(folder: Path) -> int:
    return len(list((folder / FOLDER).iterdir())) if (folder / FOLDER).exists() else 0


def test_bytes_come_back_in_order_from_slices_of_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_BYTES", 100)
    parts = [bytes([number]) * 40 for number in range(10)]
    with Slices(tmp_path) as writer:
        for part in parts:
            writer.add(part)
    assert writer.written == 400
    assert [list(staged_bytes(tmp_path, path)) for path in writer.paths] == [
        parts[0:3],
        parts[3:6],
        parts[6:9],
        parts[9:],
    ]


def test_nothing_given_is_no_file(tmp_path: Path) -> None:
    with Slices(tmp_path) as writer:
        pass
    assert writer.paths == []
    assert files(tmp_path) == 0


def test_a_failure_removes_every_slice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_BYTES", 10)

    def fail() -> None:
        with Slices(tmp_path) as writer:
            for part in (b"x" * 10, b"x" * 10, b"x"):
                writer.add(part)
            assert files(tmp_path) == 3
            raise RequestRejected("stopped")

    with pytest.raises(RequestRejected):
        fail()
    assert files(tmp_path) == 0


def test_starting_again_forgets_what_was_written(tmp_path: Path) -> None:
    with Slices(tmp_path) as writer:
        writer.add(b"first try")
        writer.restart()
        writer.add(b"second")
    (path,) = writer.paths
    assert list(staged_bytes(tmp_path, path)) == [b"second"]
    assert files(tmp_path) == 1


def test_rows_come_back(tmp_path: Path) -> None:
    wanted = [Row(Table.MARKERS, bytes([number % 256]) * 16, b"x") for number in range(1200)]
    assert staged_rows(tmp_path, stage_rows(tmp_path, wanted)) == wanted
