import errno
import os
from pathlib import Path

import pytest

from reeld.export import target
from reeld_proto.errors import ErrorCode, RequestRejected


def code_of(path: Path) -> ErrorCode:
    with pytest.raises(RequestRejected) as caught:
        target.check(path)
    return caught.value.code


def test_a_target_that_cannot_be_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert code_of(tmp_path / "none" / "film.mp4") is ErrorCode.NOT_FOUND
    assert code_of(tmp_path) is ErrorCode.INVALID_REQUEST
    assert code_of(tmp_path / "file" / "film.mp4") is ErrorCode.INVALID_REQUEST
    assert code_of(Path("film.mp4")) is ErrorCode.INVALID_REQUEST
    target.check(tmp_path / "film.mp4")


def test_a_folder_of_somebody_else_is_a_matter_of_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    assert code_of(tmp_path / "film.mp4") is ErrorCode.PERMISSION


def test_what_does_not_fit_is_not_begun(tmp_path: Path) -> None:
    target.check_room(tmp_path / "film.mp4", 1)
    with pytest.raises(RequestRejected) as caught:
        target.check_room(tmp_path / "film.mp4", 1 << 60)
    assert caught.value.code is ErrorCode.DISK_FULL


def test_a_failed_export_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"yesterday")

    def fail(part: Path) -> None:
        part.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(RequestRejected) as caught, target.part_of(film) as part:
        fail(part)
    assert caught.value.code is ErrorCode.DISK_FULL
    assert film.read_bytes() == b"yesterday"
    assert list(tmp_path.iterdir()) == [film]


def test_a_finished_export_replaces_the_old_file(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"yesterday")
    with target.part_of(film) as part:
        assert part.parent == film.parent, "renaming across file systems would copy"
        part.write_bytes(b"today")
        target.publish(part, film)
    assert film.read_bytes() == b"today"
    assert list(tmp_path.iterdir()) == [film]


def test_what_a_killed_export_left_is_removed_by_the_next(tmp_path: Path) -> None:
    orphan = tmp_path / ".film.mp4.999999999.abcd.reeld-part"
    others = tmp_path / ".other.mp4.999999999.abcd.reeld-part"
    running = tmp_path / f".film.mp4.{os.getpid()}.abcd.reeld-part"
    for file in (orphan, others, running):
        file.touch()
    target.remove_orphans(tmp_path / "film.mp4")
    assert sorted(tmp_path.iterdir()) == sorted([others, running])


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, ErrorCode.DISK_FULL),
        (errno.EDQUOT, ErrorCode.DISK_FULL),
        (errno.EFBIG, ErrorCode.DISK_FULL),
        (errno.EACCES, ErrorCode.PERMISSION),
        (errno.EROFS, ErrorCode.PERMISSION),
        (errno.ENAMETOOLONG, ErrorCode.INVALID_REQUEST),
        (errno.EIO, ErrorCode.DISK_FAILED),
    ],
)
def test_each_failure_of_the_system_says_what_to_do_next(number: int, code: ErrorCode) -> None:
    assert target.rejected(OSError(number, "text"), Path("/film.mp4")).code is code
