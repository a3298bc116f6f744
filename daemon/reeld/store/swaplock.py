"""Keeps opening a store and putting another file in its place apart, and tells when the file is another one.

DESIGN: LMDB pairs `data.mdb` with `lock.mdb`, where readers announce themselves. Whoever opened one of them before the
swap and the other after it would read pages that the writer believes free. So both are opened under a shared lock of
`swap.lock`, and exchanged under an exclusive one. In a folder that may not be written nobody swaps: it goes without.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from reeld.runtime.clock import monotonic_ns
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_S

FILE = "swap.lock"
_PAUSE_S = 0.01

Identity = tuple[int, ...]
"""Which files these are; another one of the same name has another identity."""


@contextlib.contextmanager
def opening(store_dir: Path) -> Iterator[None]:
    """No file is exchanged inside the block. Waits for a swap, which takes milliseconds."""
    try:
        descriptor = os.open(store_dir / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def swapping(store_dir: Path, timeout_s: float) -> Iterator[None]:
    """Nobody opens the store inside the block. Raises RequestRejected WRONG_STATE if somebody does for `timeout_s`."""
    descriptor = os.open(store_dir / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline_ns = monotonic_ns() + int(timeout_s * NS_PER_S)
        while not _try_exclusive(descriptor):
            if monotonic_ns() >= deadline_ns:
                raise RequestRejected(
                    "another process has been opening the store for a long time",
                    code=ErrorCode.WRONG_STATE,
                    remedy="Try again when it has ended.",
                )
            time.sleep(_PAUSE_S)
        yield
    finally:
        os.close(descriptor)


def _try_exclusive(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def identity(store_dir: Path) -> Identity:
    """Which data file and lock file are in the store now; microseconds. A missing lock file is an identity, too."""
    folder = os.fspath(store_dir)
    return (*_inode(f"{folder}/data.mdb"), *_inode(f"{folder}/lock.mdb"))


def _inode(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116 - a third of the time of Path.stat, once a transaction
    except FileNotFoundError:
        return (0, 0)
    return (found.st_dev, found.st_ino)
