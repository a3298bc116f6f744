"""Room kept back. Harm guarded against: a full disk on which nothing can be dropped any more."""

from pathlib import Path

import pytest

from reeld.store import spare
from reeld.store.spare import FILE_NAME, SPARE_BYTES, Spare


def test_room_is_kept_really_and_given_once(tmp_path: Path) -> None:
    room = Spare(tmp_path)
    room.keep()
    kept = (tmp_path / FILE_NAME).stat()
    assert kept.st_size == SPARE_BYTES
    assert kept.st_blocks * 512 >= SPARE_BYTES, "a hole in a file keeps no room"
    assert kept.st_mode & 0o777 == 0o600
    assert room.give()
    assert not room.give()
    room.keep()
    assert room.give()


def test_no_room_is_kept_where_there_is_hardly_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare, "_ROOM_BYTES", 1 << 60)
    room = Spare(tmp_path)
    room.keep()
    assert not room.give()


def test_a_folder_that_takes_no_file_is_no_fault(tmp_path: Path) -> None:
    room = Spare(tmp_path / "none")
    room.keep()
    assert not room.give()
