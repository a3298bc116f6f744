"""Looks for remains of bytes in a store's data file, whatever LMDB says about it."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

STRIDE = 32
"""Every piece of a payload that is at least this and eight bytes long is found."""


def remains(store_dir: Path, payloads: Iterable[bytes]) -> int:
    """How many eight-byte words of `payloads` (one in 32 bytes) are in the file."""
    wanted = np.unique(np.concatenate([_words(payload) for payload in payloads]))
    data = (store_dir / "data.mdb").read_bytes()
    found = 0
    for shift in range(8):
        words = np.frombuffer(data, np.uint64, (len(data) - shift) // 8, shift)
        words = words[words != 0]
        places = np.minimum(np.searchsorted(wanted, words), len(wanted) - 1)
        found += int(np.count_nonzero(wanted[places] == words))
    return found


def _words(payload: bytes) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    assert len(payload) >= STRIDE, "too short to be recognised"
    pieces = b"".join(payload[at : at + 8] for at in range(0, len(payload) - 7, STRIDE))
    return np.frombuffer(pieces, np.uint64)
