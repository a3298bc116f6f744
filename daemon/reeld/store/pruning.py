"""Takes out of LMDB's trees what leads nowhere, so that LMDB can be let at the rest.

DESIGN: LMDB trusts page numbers, sizes and kinds of pages in its file; a wrong one ends the process, by SIGBUS or by an
assertion, in whichever process reads it. `page_walk` says which pages and entries cannot be followed. `prune` takes
these out of their parents, and makes the free list anew of what is left over: the trees are then whole, with less in
them, and `verify` finds by their digests, counters and cover what is missing. The file describes two states; where
hardly anything of the newer can be read and the one before is whole, that one is served: it costs the last commit.
"""

import contextlib
import os
import struct
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from reeld.store.page_content import BIG_VALUE, HEADER, LEAF, NODE, OVERFLOW
from reeld.store.page_layout import (
    META_FREE_OFFSET,
    META_LAST_OFFSET,
    META_TXN_OFFSET,
    NO_PAGE,
    NUMERIC_KEYS,
    TREE,
    PageFault,
)
from reeld.store.page_walk import Walk
from reeld.store.pages import HEADER_BYTES, PageFile
from reeld.store.soundness import DATA_FILE, REMEDY, check_length
from reeld_proto.errors import StoreCorrupt

KEPT_FILE = "damaged-pages"
_FEW_FAULTS = 3
"""A damaged page costs less than the last commit; where more is wrong it is the description of the state."""
_KEPT_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _State:
    """What the file describes on one of its first two pages."""

    page: int
    data: bytes
    txn_id: int


def page_faults(folder: Path, txn_id: int | None = None) -> list[PageFault]:
    """Everything of one state that LMDB cannot follow.

    txn_id: the state, which a read transaction must pin meanwhile; None: the newest, while nobody writes. Half a second
    for 10,000 sessions. Raises StoreCorrupt as `check_length` does, or when that state has gone.
    """
    check_length(folder)
    if not (folder / DATA_FILE).exists():
        return []
    with closing(PageFile(folder / DATA_FILE)) as file:
        states = [state for state in _states(file) if txn_id is None or state.txn_id == txn_id]
        if not states:
            raise StoreCorrupt(f"the file of the store does not hold transaction {txn_id}")
        walk = Walk(file, states[0].page, states[0].data)
        walk.run()
    return walk.faults


def has_odd_descriptions(folder: Path) -> bool:
    """Whether one of the two descriptions of the file is none. Microseconds; a missing file is no fault."""
    if not (folder / DATA_FILE).exists() or not (folder / DATA_FILE).stat().st_size:
        return False
    try:
        with closing(PageFile(folder / DATA_FILE)) as file:
            return bool(_oddities(_states(file)))
    except StoreCorrupt:
        return True


def prune(folder: Path, *, values: bool = True, deadline_ns: int | None = None) -> list[PageFault]:
    """Take everything out that LMDB cannot follow; what that was. Only while nobody has the store open.

    values: look at every value, too, not only at the trees. The pages that are changed are appended to `damaged-pages`
    first, as they were, each after its number as u64, big-endian. Raises StoreCorrupt if nothing would be left,
    OutOfTimeError, with nothing changed, when monotonic `deadline_ns` has passed.
    """
    if not (folder / DATA_FILE).exists() or not (folder / DATA_FILE).stat().st_size:
        return []
    with closing(_opened(folder)) as file:
        states = _states(file)
        state, walk = _best(file, states, values=values, deadline_ns=deadline_ns)
        faults = _oddities(states)
        if state is not states[0]:
            reason = "its last state cannot be read; the one before it is served"
            faults.append(PageFault("the file", states[0].page, reason))
        faults += walk.faults
        if faults:
            _write(folder, file, state, walk)
    return faults


def _opened(folder: Path) -> PageFile:
    try:
        return PageFile(folder / DATA_FILE, writable=True)
    except StoreCorrupt as error:
        message = f"nothing can be read of the store in {folder}: its file is damaged where it begins"
        raise StoreCorrupt(message, remedy=REMEDY) from error


def _best(file: PageFile, states: list[_State], *, values: bool, deadline_ns: int | None) -> tuple[_State, Walk]:
    """The last state, or the one before if that is whole and hardly anything can be read of the last.

    Raises StoreCorrupt if nothing can be read of either.
    """
    found: list[tuple[_State, Walk]] = []
    for state in states:
        walk = Walk(file, state.page, state.data, values=values, deadline_ns=deadline_ns)
        with contextlib.suppress(StoreCorrupt):
            walk.run()
            found.append((state, walk))
            if len(walk.faults) <= _FEW_FAULTS:
                break
    if not found:
        raise StoreCorrupt("nothing can be read of the store: its file is damaged", remedy=REMEDY)
    return found[-1] if not found[-1][1].faults else found[0]


def _states(file: PageFile) -> list[_State]:
    """What the file describes, the newest first."""
    found = []
    for page in range(2):
        data = os.pread(file.fd, file.page_bytes, page * file.page_bytes)
        if len(data) == file.page_bytes and file.describes_itself(page):
            found.append(_State(page, data, int.from_bytes(data[META_TXN_OFFSET : META_TXN_OFFSET + 8], "little")))
    return sorted(found, key=lambda state: -state.txn_id)


def _oddities(states: list[_State]) -> list[PageFault]:
    if len(states) < 2:
        page = 1 - states[0].page if states else 0
        return [PageFault("the file", page, "one of its two descriptions is damaged")]
    if states[0].txn_id - states[1].txn_id > 1:
        return [PageFault("the file", states[0].page, "its two descriptions do not belong together")]
    return []


def _write(folder: Path, file: PageFile, state: _State, walk: Walk) -> None:
    """Put the pages as they shall be into the file: first what is new, then what is changed, then what leads there."""
    meta = bytearray(walk.edits.pop(state.page, state.data))
    _keep(folder, file, [0, 1, *walk.edits, *walk.headers])
    if walk.faults:
        first = walk.pages
        new = _free_list(walk.unused().tobytes(), first, file.page_bytes, max(1, state.txn_id - 1))
        os.pwrite(file.fd, new, first * file.page_bytes)
        pages = len(new) // file.page_bytes
        root, depth = (first, 1) if pages else (NO_PAGE, 0)
        tree = TREE.pack(file.page_bytes, NUMERIC_KEYS, depth, 0, depth, max(0, pages - 1), depth, root)
        meta[META_FREE_OFFSET : META_FREE_OFFSET + TREE.size] = tree
        meta[META_LAST_OFFSET : META_LAST_OFFSET + 8] = (first + pages - 1).to_bytes(8, "little")
        os.fsync(file.fd)
    for number, data in (*walk.edits.items(), *walk.headers.items()):
        os.pwrite(file.fd, data, number * file.page_bytes)
    os.fsync(file.fd)
    os.pwrite(file.fd, meta, state.page * file.page_bytes)
    os.fsync(file.fd)
    # The other one is the same, and older: it must not lead to what is gone.
    other = 1 - state.page
    meta[META_TXN_OFFSET : META_TXN_OFFSET + 8] = max(0, state.txn_id - 1).to_bytes(8, "little")
    meta[:8] = other.to_bytes(8, "little")
    os.pwrite(file.fd, meta, other * file.page_bytes)
    os.fsync(file.fd)


def _free_list(numbers: bytes, first: int, page_bytes: int, txn_id: int) -> bytes:
    """The pages of a free list of these page numbers (u64, descending), to be put at page `first`; b"" for none."""
    if not numbers:
        return b""
    value = struct.pack("=Q", len(numbers) // 8) + numbers
    node = NODE.pack(len(value) & 0xFFFF, len(value) >> 16, BIG_VALUE, 8) + struct.pack("=QQ", txn_id, first + 1)
    upper = page_bytes - len(node)
    head = HEADER.pack(first, 0, LEAF, HEADER_BYTES + 2, upper) + upper.to_bytes(2, "little")
    leaf = head + bytes(upper - len(head)) + node
    count = (HEADER_BYTES - 1 + len(value)) // page_bytes + 1
    run = struct.pack("=QHHI", first + 1, 0, OVERFLOW, count) + value
    return leaf + run + bytes(count * page_bytes - len(run))


def _keep(folder: Path, file: PageFile, numbers: list[int]) -> None:
    path = folder / KEPT_FILE
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        for number in numbers:
            if os.fstat(descriptor).st_size > _KEPT_BYTES_MAX:
                break
            page = os.pread(file.fd, file.page_bytes, number * file.page_bytes)
            os.write(descriptor, number.to_bytes(8, "big") + page)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
