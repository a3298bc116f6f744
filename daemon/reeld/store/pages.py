"""LMDB's file, page by page: which pages are free, and where pages in use have room that nothing accounts for.

DESIGN: LMDB has no function that overwrites what it freed, so this reads its file format (data version 1, unchanged
since 2013; `mdb.c`: MDB_meta, MDB_page, MDB_node, MDB_db). Nothing here writes. Whoever writes on what this says must
hold LMDB's write lock, and trusts a free list only if the books balance: pages in use and free ones are never more than
the file has.
"""

import os
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reeld_proto.errors import StoreCorrupt

_MAGIC, _DATA_VERSION = 0xBEEFC0DE, 1
_BRANCH, _LEAF, _OVERFLOW, _IS_META, _LEAF2 = 0x01, 0x02, 0x04, 0x08, 0x20
_BIG_VALUE, _SUB_TREE = 0x01, 0x02
_NO_PAGE = (1 << 64) - 1

HEADER_BYTES = 16
_HEADER = struct.Struct("=QHHHH")  # number, pad, flags, lower, upper
_NODE = struct.Struct("=HHHH")  # low and high half of the value's size (or child page), flags, size of the key
_TREE = struct.Struct("=IHHQQQQQ")  # pad, flags, depth, branch pages, leaf pages, overflow pages, entries, root
_META_HEAD = struct.Struct("=IIQQ")  # magic, version, address, map size
_META_TAIL = struct.Struct("=QQ")  # last page, transaction id
_META_BYTES = _META_HEAD.size + 2 * _TREE.size + _META_TAIL.size
_FIRST_PAGE = 2
"""Pages 0 and 1 hold the two metas."""
_PAGE_SIZES = (4096, 8192, 16384, 32768, 65536, 2048, 1024, 512)


@dataclass(frozen=True, slots=True)
class Tree:
    """A B-tree. pages: in use by it, of every kind; root: None while it is empty."""

    root: int | None
    pages: int


@dataclass(frozen=True, slots=True)
class Meta:
    """One committed state of the file. last_page: the highest page number ever in use."""

    page_bytes: int
    txn_id: int
    last_page: int
    free: Tree
    main: Tree


@dataclass(frozen=True, slots=True)
class FreePages:
    """Pages that transaction `txn_id` freed, or that were free before; ascending."""

    txn_id: int
    pages: "array[int]"


@dataclass(frozen=True, slots=True)
class Slack:
    """Bytes of the file that belong to a page in use and to nothing in it."""

    offset: int
    length: int


class PageFile:
    """The data file of an environment. writable: opens it for `os.pwrite` on `fd`, too. Close it after use."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        self.fd = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
        try:
            self.page_bytes = self._page_bytes()
        except BaseException:
            os.close(self.fd)
            raise

    def close(self) -> None:
        """Close the file."""
        os.close(self.fd)

    def meta(self, txn_id: int | None = None) -> Meta:
        """The newest state, or that of `txn_id`. Raises StoreCorrupt if there is none."""
        metas = [self._meta(page) for page in range(_FIRST_PAGE) if self.describes_itself(page)]
        found = [meta for meta in metas if txn_id is None or meta.txn_id == txn_id]
        if not found:
            raise StoreCorrupt(f"the file of the store does not hold transaction {txn_id}")
        return max(found, key=lambda meta: meta.txn_id)

    def describes_itself(self, number: int) -> bool:
        """Whether page `number`, 0 or 1, can be a description of the file."""
        return self._size_told_at(number * self.page_bytes) == self.page_bytes

    def free_pages(self, meta: Meta) -> list[FreePages]:
        """The free list of that state. Raises StoreCorrupt if it cannot be true."""
        records = []
        total = sum(tree.pages for tree in self._sub_trees(meta.main)) + meta.main.pages + meta.free.pages + _FIRST_PAGE
        for page in self._pages_of(meta.free):
            for node in _nodes(page) if _flags(page) & _LEAF else ():
                numbers = array("Q")
                numbers.frombytes(self._value(page, node))
                pages = numbers[1 : numbers[0] + 1]
                pages.reverse()
                if pages and not _FIRST_PAGE <= pages[0] <= pages[-1] <= meta.last_page:
                    raise StoreCorrupt("the free list of the store's file names pages that do not exist")
                total += len(pages)
                records.append(FreePages(int.from_bytes(_key(page, node), "little"), pages))
        if total > meta.last_page + 1:
            raise StoreCorrupt("the free list of the store's file names pages that are in use")
        return records

    def slack(self, meta: Meta, *, tails: bool) -> Iterator[Slack | None]:
        """Room within pages in use that holds anything but zeros; one item a page looked at, None for a clean one.

        tails: also behind every value of more than one page (otherwise only behind those of one page, where LMDB
        leaves what its buffer held before). The state must stay pinned by a read transaction meanwhile.
        """
        for tree in (meta.free, meta.main, *self._sub_trees(meta.main)):
            for page in self._pages_of(tree):
                number, _, flags, lower, upper = _HEADER.unpack_from(page)
                yield self._unless_zero(number * self.page_bytes + lower, page[lower:upper])
                for node in _nodes(page) if flags & _LEAF else ():
                    if _node_flags(page, node) & _BIG_VALUE:
                        yield from self._tail(page, node, always=tails)

    def _tail(self, page: bytes, node: int, *, always: bool) -> Iterator[Slack | None]:
        first, size = self._big_value(page, node)
        count = _overflow_pages(size, self.page_bytes)
        if count == 1 or always:
            offset = first * self.page_bytes + HEADER_BYTES + size
            end = (first + count) * self.page_bytes
            yield self._unless_zero(offset, os.pread(self.fd, end - offset, offset))

    def _unless_zero(self, offset: int, data: bytes) -> Slack | None:
        return None if is_zero(data) else Slack(offset, len(data))

    def _page_bytes(self) -> int:
        # Where the first description is damaged, the second is at whichever place fits what it says.
        for place in (0, *_PAGE_SIZES):
            size = self._size_told_at(place)
            if size in _PAGE_SIZES and place in (0, size):
                return size
        if os.fstat(self.fd).st_size < HEADER_BYTES + _META_BYTES:
            raise StoreCorrupt("the file of the store is cut off")
        raise StoreCorrupt("the file of the store has another format than LMDB's of version 1")

    def _size_told_at(self, place: int) -> int:
        """The size of a page that the description at `place` tells; 0 if there is none."""
        head = os.pread(self.fd, HEADER_BYTES + _META_BYTES, place)
        if len(head) < HEADER_BYTES + _META_BYTES:
            return 0
        magic, version, _, _ = _META_HEAD.unpack_from(head, HEADER_BYTES)
        if (magic, version) != (_MAGIC, _DATA_VERSION) or not _HEADER.unpack_from(head)[2] & _IS_META:
            return 0
        return int(_TREE.unpack_from(head, HEADER_BYTES + _META_HEAD.size)[0])

    def _meta(self, number: int) -> Meta:
        data = os.pread(self.fd, _META_BYTES, number * self.page_bytes + HEADER_BYTES)
        free = _tree(data, _META_HEAD.size)
        main = _tree(data, _META_HEAD.size + _TREE.size)
        last_page, txn_id = _META_TAIL.unpack_from(data, _META_HEAD.size + 2 * _TREE.size)
        return Meta(self.page_bytes, txn_id, last_page, free, main)

    def _sub_trees(self, main: Tree) -> list[Tree]:
        return [
            _tree(self._value(page, node), 0)
            for page in self._pages_of(main)
            if _flags(page) & _LEAF
            for node in _nodes(page)
            if _node_flags(page, node) & _SUB_TREE
        ]

    def _pages_of(self, tree: Tree) -> Iterator[bytes]:
        """Branch and leaf pages, depth first."""
        waiting = [] if tree.root is None else [tree.root]
        while waiting:
            number = waiting.pop()
            page = self._page(number)
            yield page
            if _flags(page) & _BRANCH:
                waiting.extend(_child(page, node) for node in reversed(_nodes(page)))

    def _page(self, number: int) -> bytes:
        page = os.pread(self.fd, self.page_bytes, number * self.page_bytes)
        if len(page) != self.page_bytes:
            raise StoreCorrupt(f"page {number} of the store's file is missing")
        found, _, flags, lower, upper = _HEADER.unpack_from(page)
        known = flags & (_BRANCH | _LEAF | _OVERFLOW | _LEAF2) in (_BRANCH, _LEAF)
        if found != number or not known or not HEADER_BYTES <= lower <= upper <= self.page_bytes:
            raise StoreCorrupt(f"page {number} of the store's file is damaged")
        return page

    def _value(self, page: bytes, node: int) -> bytes:
        if _node_flags(page, node) & _BIG_VALUE:
            first, size = self._big_value(page, node)
            return os.pread(self.fd, size, first * self.page_bytes + HEADER_BYTES)
        low, high, _, key_bytes = _NODE.unpack_from(page, node)
        start = node + _NODE.size + key_bytes
        return page[start : start + (low | high << 16)]

    def _big_value(self, page: bytes, node: int) -> tuple[int, int]:
        """First page and size of a value that has pages of its own."""
        low, high, _, key_bytes = _NODE.unpack_from(page, node)
        start = node + _NODE.size + key_bytes
        return int.from_bytes(page[start : start + 8], "little"), low | high << 16


PIECE_BYTES = 1 << 20
_ZEROS = bytes(PIECE_BYTES)


def is_zero(data: bytes) -> bool:
    """Whether `data`, at most PIECE_BYTES, is zeros only."""
    return _ZEROS.startswith(data)


def _tree(data: bytes, offset: int) -> Tree:
    _, _, _, branches, leaves, overflow, _, root = _TREE.unpack_from(data, offset)
    return Tree(None if root == _NO_PAGE else root, branches + leaves + overflow)


def _flags(page: bytes) -> int:
    return int(_HEADER.unpack_from(page)[2])


def _nodes(page: bytes) -> tuple[int, ...]:
    """Where the nodes of a page begin."""
    lower = _HEADER.unpack_from(page)[3]
    return struct.unpack_from(f"={(lower - HEADER_BYTES) // 2}H", page, HEADER_BYTES)


def _node_flags(page: bytes, node: int) -> int:
    return int(_NODE.unpack_from(page, node)[2])


def _key(page: bytes, node: int) -> bytes:
    key_bytes = _NODE.unpack_from(page, node)[3]
    return page[node + _NODE.size : node + _NODE.size + key_bytes]


def _child(page: bytes, node: int) -> int:
    low, high, top, _ = _NODE.unpack_from(page, node)
    return int(low | high << 16 | top << 32)


def _overflow_pages(size: int, page_bytes: int) -> int:
    return (HEADER_BYTES - 1 + size) // page_bytes + 1
