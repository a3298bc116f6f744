"""Takes out of LMDB's trees what leads nowhere, so that LMDB can be let at the rest.

DESIGN: LMDB trusts page numbers, sizes and kinds of pages in its file; a wrong one ends the process, by SIGBUS or by an
assertion, in whichever process reads it. So this walks over every page that leads anywhere, reading, not mapping, and
says which pages and which nodes of pages cannot be followed. `prune` takes these out of their parents: the trees are
then whole, with less in them, and `verify` finds by their digests, counters and cover what is missing. File format: see
pages.py.
"""

import os
import struct
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from reeld.store.pages import HEADER_BYTES, Meta, PageFile
from reeld.store.soundness import DATA_FILE, REMEDY, check_length
from reeld_proto.errors import StoreCorrupt

KEPT_FILE = "damaged-pages"

_BRANCH, _LEAF, _OVERFLOW = 0x01, 0x02, 0x04
_KINDS = 0x6F
_BIG_VALUE, _SUB_TREE = 0x01, 0x02
_HEADER = struct.Struct("=QHHHH")
_NODE = struct.Struct("=HHHH")
_TREE = struct.Struct("=IHHQQQQQ")
_OVERFLOW_HEADER = struct.Struct("=QHHI")
_DEPTH_OFFSET, _COUNTS_OFFSET, _ROOT_OFFSET = 6, 8, 40
"""In the description of a tree: depth u16; pages of each kind and entries, u64 each; root u64."""
_META_FREE_OFFSET = HEADER_BYTES + 24
_META_MAIN_OFFSET = _META_FREE_OFFSET + _TREE.size
_META_TXN_OFFSET = _META_MAIN_OFFSET + _TREE.size + 8
_NO_PAGE = (1 << 64) - 1
_LOWER_OFFSET = 12
_KEY_BYTES_MAX = 511
_DEPTH_MAX = 32
"""LMDB's own limit."""


@dataclass(frozen=True, slots=True)
class PageFault:
    """What LMDB cannot follow: a page, or a node of it. table: whose it is."""

    table: str
    page: int
    reason: str

    def __str__(self) -> str:
        return f"page {self.page} of {self.table}: {self.reason}"


def page_faults(folder: Path, txn_id: int | None = None) -> list[PageFault]:
    """Everything of one state that LMDB cannot follow.

    txn_id: the state, which a read transaction must pin meanwhile; None: the newest, while nobody writes. Half a second
    for 10,000 sessions. Raises StoreCorrupt as `check_length` does, or when that state has gone.
    """
    check_length(folder)
    if not (folder / DATA_FILE).exists():
        return []
    with closing(PageFile(folder / DATA_FILE)) as file:
        walk = _Walk(file, file.meta(txn_id))
        walk.run()
    return walk.faults


def prune(folder: Path) -> list[PageFault]:
    """Take everything out that LMDB cannot follow; what that was. Only while nobody has the store open.

    The pages that are changed are appended to `damaged-pages` first, as they were, each after its number as u64,
    big-endian. Raises StoreCorrupt if nothing would be left.
    """
    check_length(folder)
    if not (folder / DATA_FILE).exists():
        return []
    with closing(PageFile(folder / DATA_FILE, writable=True)) as file:
        walk = _Walk(file, file.meta())
        walk.run()
        if walk.faults:
            _keep(folder, file, walk.edits)
            for number, page in walk.edits.items():
                os.pwrite(file.fd, page, number * file.page_bytes)
            os.fsync(file.fd)
    return walk.faults


def _keep(folder: Path, file: PageFile, edits: dict[int, bytearray]) -> None:
    descriptor = os.open(folder / KEPT_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        for number in edits:
            os.write(
                descriptor, number.to_bytes(8, "big") + os.pread(file.fd, file.page_bytes, number * file.page_bytes)
            )
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class _Page:
    """A page that can be read. children: (index of the node, page); subtrees: (name, where it is described)."""

    branch: bool
    nodes: tuple[int, ...]
    data: bytes
    broken: dict[int, str] = field(default_factory=dict)
    children: list[tuple[int, int]] = field(default_factory=list)
    subtrees: list[tuple[str, int]] = field(default_factory=list)


class _DamagedError(Exception):
    """Why something cannot be followed."""


class _Walk:
    """Over all pages of one state. edits: pages as they shall be."""

    def __init__(self, file: PageFile, meta: Meta) -> None:
        self.faults: list[PageFault] = []
        self.edits: dict[int, bytearray] = {}
        self._file = file
        self._last_page = meta.last_page
        self._file_pages = os.fstat(file.fd).st_size // file.page_bytes
        self._meta_page, self._meta_bytes = self._find(meta.txn_id)
        self._seen: set[int] = set()
        self._subtrees: list[tuple[str, int, int]] = []

    def run(self) -> None:
        self._tree("the free list", self._meta_page, _META_FREE_OFFSET)
        self._tree("the list of tables", self._meta_page, _META_MAIN_OFFSET)
        if self._root(self._meta_page, _META_MAIN_OFFSET) == _NO_PAGE and self.faults:
            raise StoreCorrupt("nothing can be read of the store's file: its list of tables is damaged", remedy=REMEDY)
        for name, page, offset in list(self._subtrees):
            self._tree(name, page, offset)

    # -- trees -------------------------------------------------------------------------------------------------------

    def _tree(self, table: str, page: int, offset: int) -> None:
        """Check the tree described at `offset` of `page`; its description follows what is left of it."""
        root = self._root(page, offset)
        if root == _NO_PAGE or self._is_whole(table, root, 1):
            return
        left = self._children_left(root)
        description = self._edited(page)
        if len(left) == 1:
            # A branch of one child is none to LMDB; that child is the tree.
            depth = int.from_bytes(description[offset + _DEPTH_OFFSET : offset + _DEPTH_OFFSET + 2], "little")
            description[offset + _DEPTH_OFFSET : offset + _DEPTH_OFFSET + 2] = (depth - 1).to_bytes(2, "little")
            description[offset + _ROOT_OFFSET : offset + _ROOT_OFFSET + 8] = left[0].to_bytes(8, "little")
        else:
            description[offset + _DEPTH_OFFSET : offset + _DEPTH_OFFSET + 2] = bytes(2)
            description[offset + _COUNTS_OFFSET : offset + _ROOT_OFFSET] = bytes(_ROOT_OFFSET - _COUNTS_OFFSET)
            description[offset + _ROOT_OFFSET : offset + _ROOT_OFFSET + 8] = b"\xff" * 8

    def _is_whole(self, table: str, number: int, depth: int) -> bool:
        """Check a page and all below it, and take out what is broken; whether the page is of use afterwards."""
        try:
            page = self._read(number, depth)
        except _DamagedError as error:
            self.faults.append(PageFault(table, number, str(error)))
            return False
        self._seen.add(number)
        self.faults += [PageFault(table, number, reason) for reason in page.broken.values()]
        gone = set(page.broken)
        gone |= {index for index, child in page.children if not self._is_whole(table, child, depth + 1)}
        left = [node for index, node in enumerate(page.nodes) if index not in gone]
        if gone:
            edited = self._edited(number)
            edited[HEADER_BYTES : HEADER_BYTES + 2 * len(left)] = struct.pack(f"={len(left)}H", *left)
            lower = HEADER_BYTES + 2 * len(left)
            edited[_LOWER_OFFSET : _LOWER_OFFSET + 2] = lower.to_bytes(2, "little")
        self._subtrees += [(name, number, offset) for name, offset in page.subtrees]
        return len(left) >= (2 if page.branch else 1)

    def _children_left(self, root: int) -> list[int]:
        edited = self.edits.get(root)
        if edited is None or not edited[10] & _BRANCH:
            return []
        lower = int.from_bytes(edited[_LOWER_OFFSET : _LOWER_OFFSET + 2], "little")
        nodes = struct.unpack_from(f"={(lower - HEADER_BYTES) // 2}H", edited, HEADER_BYTES)
        return [_child(bytes(edited), node) for node in nodes]

    def _edited(self, number: int) -> bytearray:
        if number not in self.edits:
            self.edits[number] = bytearray(self._bytes(number))
        return self.edits[number]

    def _root(self, page: int, offset: int) -> int:
        data = self.edits.get(page) or self._bytes(page)
        return int.from_bytes(data[offset + _ROOT_OFFSET : offset + _ROOT_OFFSET + 8], "little")

    def _find(self, txn_id: int) -> tuple[int, bytes]:
        """The page that describes the state, and its bytes, which the next but one commit overwrites."""
        for number in range(2):
            data = os.pread(self._file.fd, self._file.page_bytes, number * self._file.page_bytes)
            if data[_META_TXN_OFFSET : _META_TXN_OFFSET + 8] == txn_id.to_bytes(8, "little"):
                return number, data
        raise StoreCorrupt(f"the file of the store does not hold transaction {txn_id}")

    # -- pages -------------------------------------------------------------------------------------------------------

    def _bytes(self, number: int) -> bytes:
        if number == self._meta_page:
            return self._meta_bytes
        return os.pread(self._file.fd, self._file.page_bytes, number * self._file.page_bytes)

    def _read(self, number: int, depth: int) -> _Page:
        if number in self._seen or depth > _DEPTH_MAX:
            raise _DamagedError("it is in two places")
        self._check_range(number, 1)
        data = self._bytes(number)
        found, _, flags, lower, upper = _HEADER.unpack_from(data)
        if flags & _KINDS not in (_BRANCH, _LEAF):
            raise _DamagedError(f"it is of no known kind ({flags:#x})")
        if found != number:
            raise _DamagedError(f"it says that it is page {found}")
        if not HEADER_BYTES < lower <= upper <= len(data) or lower % 2:
            raise _DamagedError("its list of nodes does not fit")
        nodes = struct.unpack_from(f"={(lower - HEADER_BYTES) // 2}H", data, HEADER_BYTES)
        page = _Page(bool(flags & _BRANCH), nodes, data)
        for index, node in enumerate(nodes):
            try:
                self._look_at(page, index, node, upper)
            except _DamagedError as error:
                page.broken[index] = f"entry {index}: {error}"
        return page

    def _look_at(self, page: _Page, index: int, node: int, upper: int) -> None:
        if not upper <= node <= len(page.data) - _NODE.size:
            raise _DamagedError("it lies outside the page")
        low, high, flags, key_bytes = _NODE.unpack_from(page.data, node)
        value = node + _NODE.size + key_bytes
        if key_bytes > _KEY_BYTES_MAX or value > len(page.data) or (not page.branch and not key_bytes):
            raise _DamagedError("its key does not fit")
        if page.branch:
            child = _child(page.data, node)
            self._check_range(child, 1)
            page.children.append((index, child))
            return
        self._check_value(page.data, value, low | high << 16, flags)
        if flags & _SUB_TREE:
            page.subtrees.append((page.data[node + _NODE.size : value].decode(errors="replace"), value))

    def _check_value(self, page: bytes, at: int, value_bytes: int, flags: int) -> None:
        held = 8 if flags & _BIG_VALUE else value_bytes
        if at + held > len(page) or flags not in (0, _BIG_VALUE, _SUB_TREE):
            raise _DamagedError("its value does not fit")
        if flags & _SUB_TREE and value_bytes != _TREE.size:
            raise _DamagedError("it describes no tree")
        if flags & _BIG_VALUE:
            first = int.from_bytes(page[at : at + 8], "little")
            count = (HEADER_BYTES - 1 + value_bytes) // len(page) + 1
            self._check_range(first, count)
            head = os.pread(self._file.fd, _OVERFLOW_HEADER.size, first * len(page))
            found, _, kind, pages = _OVERFLOW_HEADER.unpack(head)
            if (found, kind & _KINDS, pages) != (first, _OVERFLOW, count):
                raise _DamagedError(f"its value is not in page {first}")

    def _check_range(self, first: int, count: int) -> None:
        if first < 2 or first + count - 1 > self._last_page or first + count > self._file_pages:
            raise _DamagedError(f"it names pages {first} to {first + count - 1}, which do not exist")


def _child(page: bytes, node: int) -> int:
    low, high, top, _ = _NODE.unpack_from(page, node)
    return int(low | high << 16 | top << 32)
