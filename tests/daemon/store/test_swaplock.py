import os
from pathlib import Path

import pytest

from reeld.store import swaplock
from reeld_proto.errors import ErrorCode, RequestRejected


def test_nobody_swaps_while_somebody_opens(tmp_path: Path) -> None:
    with swaplock.opening(tmp_path), swaplock.opening(tmp_path):
        with pytest.raises(RequestRejected) as caught, swaplock.swapping(tmp_path, 0.05):
            pass
        assert caught.value.code is ErrorCode.WRONG_STATE
        assert caught.value.remedy
    with swaplock.swapping(tmp_path, 0.05):
        pass


def test_a_folder_that_may_not_be_written_is_opened_without_a_lock(tmp_path: Path) -> None:
    with swaplock.opening(tmp_path / "none"):
        assert not (tmp_path / "none").exists()


def test_another_file_of_the_same_name_is_noticed(tmp_path: Path) -> None:
    nothing = swaplock.identity(tmp_path)
    for name in ("data.mdb", "lock.mdb"):
        (tmp_path / name).write_bytes(b"1")
    first = swaplock.identity(tmp_path)
    assert first != nothing
    (tmp_path / "data.mdb").write_bytes(b"2")
    assert swaplock.identity(tmp_path) == first
    (tmp_path / "other").write_bytes(b"3")
    (tmp_path / "other").replace(tmp_path / "data.mdb")
    assert swaplock.identity(tmp_path) != first


def test_a_new_lock_file_is_noticed_too(tmp_path: Path) -> None:
    # Its writer would not see the readers of the old one.
    for name in ("data.mdb", "lock.mdb", "other"):
        (tmp_path / name).touch()
    first = swaplock.identity(tmp_path)
    os.replace(tmp_path / "other", tmp_path / "lock.mdb")  # noqa: PTH105
    assert swaplock.identity(tmp_path) != first
