"""The store as it was before a migration. Harms: it stays for ever, it fills the disk, it keeps what is to be gone."""

import os
from pathlib import Path

import lmdb
import pytest

from reeld.store import rollback
from reeld.store.environment import StoreEnvironment
from tests.daemon.store.builders import new_store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with new_store(tmp_path / "store"):
        pass
    return tmp_path / "store"


def kept(folder: Path) -> bool:
    with lmdb.open(str(folder), map_size=1 << 28, max_dbs=30) as raw:
        return rollback.keep(raw, folder, 1)


def test_it_is_private_and_leaves_nothing_else_behind(folder: Path) -> None:
    before = {path.name for path in folder.iterdir()}
    assert kept(folder)
    assert {path.name for path in folder.iterdir()} - before == {"data.mdb.format1"}
    assert rollback.path_of(folder, 1).stat().st_mode & 0o077 == 0


def test_a_large_store_is_not_copied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollback, "KEPT_BYTES_MAX", 1)
    assert not kept(folder)
    assert not rollback.path_of(folder, 1).exists()


def test_a_full_disk_does_not_stop_the_migration(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert not kept(folder)
    assert not list(folder.glob(".rollback*"))


def test_it_outlives_a_restart_at_once_but_not_a_later_one(folder: Path) -> None:
    kept(folder)
    StoreEnvironment.open_write(folder).close()
    assert rollback.path_of(folder, 1).exists()
    os.utime(rollback.path_of(folder, 1), (0, 0))
    StoreEnvironment.open_write(folder).close()
    assert not rollback.path_of(folder, 1).exists()


def test_whoever_removes_recordings_removes_it(folder: Path) -> None:
    kept(folder)
    assert rollback.remove(folder) == 1
    assert not rollback.path_of(folder, 1).exists()
