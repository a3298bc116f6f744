"""The store as it was before a migration, kept for a while for whoever wants the older reeld back.

DESIGN: the migration itself needs no help: it is one transaction, so a crash leaves the old format whole. This copy is
for the person who finds after an update that something is wrong. It is compact, kept only where there is plenty of
room, and removed by the first start after an hour: a worker that crashes and restarts at once must not take it away.
Whoever removes recordings for good removes it, too (`remove`): it holds what they were.
"""

import os
import shutil
from pathlib import Path

import lmdb

from reeld.runtime.clock import wall_ns
from reeld.runtime.logs import get_logger
from reeld_proto.units import NS_PER_S

KEPT_BYTES_MAX = 1_000_000_000
"""Copying a larger store would hold up the start for more than some seconds."""
KEPT_FOR_S = 3600
_ROOM = 3
"""The disk must have room for that many copies, or none is made: the recording needs it more."""
_PATTERN = "data.mdb.format*"
_FOLDER = ".rollback"


def path_of(store_dir: Path, version: int) -> Path:
    """Where the store of that format is kept. To go back to it, rename it to `data.mdb` while no daemon runs."""
    return store_dir / f"data.mdb.format{version}"


def keep(raw: lmdb.Environment, store_dir: Path, version: int) -> bool:
    """Copy the open store as it is; whether that was possible. A migration does not fail for want of it."""
    folder = store_dir / _FOLDER
    try:
        size = (store_dir / "data.mdb").stat().st_size
        if size > KEPT_BYTES_MAX or size * _ROOM > shutil.disk_usage(store_dir).free:
            get_logger().warning("store.rollback_left_out", format=version, size_bytes=size)
            return False
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        raw.copy(os.fspath(folder), compact=True)
        copy = folder / "data.mdb"
        copy.chmod(0o600)
        _sync(copy)
        copy.replace(path_of(store_dir, version))
        _sync(store_dir)
    except (OSError, lmdb.Error) as error:
        get_logger().warning("store.rollback_left_out", format=version, reason=str(error))
        return False
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return True


def remove_outlived(store_dir: Path) -> int:
    """Remove kept stores of more than an hour ago; how many there were. Raises OSError."""
    return _remove(store_dir, wall_ns() - KEPT_FOR_S * NS_PER_S)


def remove(store_dir: Path) -> int:
    """Remove every kept store, because what is in it is to be gone; how many there were. Raises OSError."""
    return _remove(store_dir, None)


def _remove(store_dir: Path, before_wall_ns: int | None) -> int:
    removed = 0
    for path in store_dir.glob(_PATTERN):
        if before_wall_ns is None or path.stat().st_mtime_ns < before_wall_ns:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
