"""Objects as files. Harms guarded against: half an object under its name, a name that leads out of the folder."""

import os
from pathlib import Path

import pytest

from reeld.copies.folder import FolderTarget
from reeld_proto.errors import ErrorCode, RequestRejected


@pytest.fixture
def target(tmp_path: Path) -> FolderTarget:
    return FolderTarget(tmp_path / "objects")


def test_an_object_comes_back_and_can_be_replaced_and_removed(target: FolderTarget) -> None:
    target.put("chunks/ab/abcd", b"one")
    target.put("chunks/ab/abcd", b"two")
    assert target.get("chunks/ab/abcd") == b"two"
    assert list(target.list("chunks")) == ["chunks/ab/abcd"]
    target.delete("chunks/ab/abcd")
    target.delete("chunks/ab/abcd")
    assert target.get("chunks/ab/abcd") is None
    assert list(target.list("chunks")) == []


def test_a_folder_that_is_not_there_lists_nothing(target: FolderTarget) -> None:
    assert list(target.list("sessions")) == []


def test_what_a_killed_copy_left_is_removed(target: FolderTarget) -> None:
    target.put("chunks/ab/abcd", b"one")
    left = target.root / "chunks" / "ab" / ".part-0011"
    left.write_bytes(b"hal")
    assert list(target.list("chunks")) == ["chunks/ab/abcd"]
    assert not left.exists()


def test_only_this_user_may_read_an_object(target: FolderTarget) -> None:
    target.put("head", b"one")
    assert (target.root / "head").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(target: FolderTarget, name: str) -> None:
    with pytest.raises(RequestRejected):
        target.put(name, b"x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_told(target: FolderTarget) -> None:
    target.root.chmod(0o500)
    with pytest.raises(RequestRejected) as caught:
        target.put("head", b"x")
    target.root.chmod(0o700)
    assert caught.value.code is ErrorCode.PERMISSION


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RequestRejected):
        FolderTarget(tmp_path / "file" / "objects")


def test_a_failed_write_leaves_nothing(target: FolderTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RequestRejected) as caught:
        target.put("head", b"x")
    assert caught.value.code is ErrorCode.DISK_FULL
    assert list(target.root.iterdir()) == []
