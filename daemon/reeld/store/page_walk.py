"""Over every page of one state of LMDB's file, before LMDB itself: what cannot be followed, and how pages shall be.

Reads, and does not map; writes nothing.

DESIGN: LMDB trusts page numbers, sizes and kinds; a wrong one ends the process, by SIGBUS or by an assertion, and a
page that is in two places, or free and in use, costs what is whole. So every page that leads anywhere is looked at
(`page_content`), a branch of one child goes as a whole because it is none to LMDB, and each table's description is
compared with what is there.
"""

import hashlib
import os
import struct
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from reeld.runtime.clock import monotonic_ns
from reeld.store.page_content import (
    BIG_VALUE,
    OVERFLOW,
    SUB_TREE,
    Content,
    DamagedError,
    Key,
    child_of,
    content,
    put_aside,
    value_of,
    without,
)
from reeld.store.page_layout import (
    FREE_LIST,
    META_FREE_OFFSET,
    META_LAST_OFFSET,
    META_MAIN_OFFSET,
    NO_PAGE,
    NUMERIC_KEYS,
    TABLES,
    TREE,
    OutOfTimeError,
    PageFault,
)
from reeld.store.pages import HEADER_BYTES, PageFile
from reeld_proto.errors import StoreCorrupt

_OVERFLOW_HEADER = struct.Struct("=QHHI")
_DEPTH_MAX = 32
"""LMDB's own limit."""
_FIRST_PAGE = 2
_VALUES = "values"
_PASSES_MAX = 4
_GROWTH_MAX = 16
"""A description of a file so many times as long says nothing of how long it is."""


@dataclass(slots=True)
class _Part:
    """What is whole of a page and all below it."""

    first: Key
    last: Key
    branches: int = 0
    leaves: int = 0
    overflow: int = 0
    entries: int = 0

    def add(self, other: "_Part") -> None:
        self.branches += other.branches
        self.leaves += other.leaves
        self.overflow += other.overflow
        self.entries += other.entries
        self.last = other.last


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tree is described. depth: of its leaves, from 1 on."""

    table: str
    page: int
    offset: int
    numeric: bool = False
    depth: int = 0


class Walk:
    """Over all pages of one state, of which `meta_page` is the description.

    values: look at the first page of every value that has pages of its own, too; without it only tree pages are read.
    edits: pages as they shall be; headers: first bytes of values' pages as they shall be; pages: how many the file has
    of those that the state may use.
    """

    def __init__(
        self, file: PageFile, meta_page: int, meta: bytes, *, values: bool = True, deadline_ns: int | None = None
    ) -> None:
        self.faults: list[PageFault] = []
        self.edits: dict[int, bytes] = {}
        self.headers: dict[int, bytes] = {}
        self.last_page = int.from_bytes(meta[META_LAST_OFFSET : META_LAST_OFFSET + 8], "little")
        self._file = file
        self._values = values
        self._deadline_ns = deadline_ns
        self._meta_page, self._meta = meta_page, meta
        self._file_pages = os.fstat(file.fd).st_size // file.page_bytes
        self.pages = min(self.last_page + 1, self._file_pages)
        self._used = bytearray(self.pages)
        self._used[:_FIRST_PAGE] = b"\1" * min(_FIRST_PAGE, self.pages)
        self._in_tables = b""
        self._subtrees: list[tuple[str, int, int]] = []
        self._free_lists: list[tuple[int, bytes]] = []
        self._only: dict[int, tuple[int, _Part]] = {}
        self._claims: dict[int, tuple[int, int, bytes, int]] = {}
        self._unfit: list[tuple[int, int, int]] = []
        self._doomed: set[tuple[int, int]] = set()

    def run(self) -> None:
        """Look at everything. Raises StoreCorrupt if nothing of the state can be read; OutOfTimeError."""
        self._run_once()
        doomed, found = self._doomed, self.faults
        for _ in range(_PASSES_MAX):
            if not found and not doomed:
                break
            # Over the pages as they shall be: what was below one that went is free, and what was another's goes.
            again = Walk(self._file, self._meta_page, self._meta, values=self._values, deadline_ns=self._deadline_ns)
            again.edits = dict(self.edits)
            again._doomed = set(doomed)
            again._run_once()
            self.edits, self.headers, self._in_tables = again.edits, again.headers, again._in_tables
            found = [fault for fault in again.faults if fault.table not in (FREE_LIST, _VALUES)]
            doomed = again._doomed - doomed
            self.faults += found

    def unused(self) -> "array[int]":
        """Every page of the file that no table needs, those of the free list among them; descending."""
        pages = range(self.pages - 1, _FIRST_PAGE - 1, -1)
        return array("Q", (page for page in pages if not self._in_tables[page]))

    def _run_once(self) -> None:
        self._tree(_Place(TABLES, self._meta_page, META_MAIN_OFFSET))
        if self._root(self._meta_page, META_MAIN_OFFSET) == NO_PAGE and self.faults:
            raise StoreCorrupt("nothing can be read of the store's file: its list of tables is damaged")
        for name, page, offset in list(self._subtrees):
            self._tree(_Place(name, page, offset))
        self._settle_values()
        self._in_tables = bytes(self._used)
        self._tree(_Place(FREE_LIST, self._meta_page, META_FREE_OFFSET, numeric=True))
        self._settle_values()
        self._check_free_pages()

    # -- trees -------------------------------------------------------------------------------------------------------

    def _tree(self, place: _Place) -> None:
        """Check a tree; its description follows what is left of it."""
        pad, _, depth, *_, root = told = TREE.unpack_from(self._bytes(place.page), place.offset)
        wanted_flags = NUMERIC_KEYS if place.numeric else 0
        left, part = root, None
        if root != NO_PAGE:
            depth = self._true_depth(root, depth)
            place = _Place(place.table, place.page, place.offset, place.numeric, depth)
            part = self._part(place, root, 1, None, None)
            if part is None:
                left, depth, part = self._only_child(root, place)
        if part is None:
            true = (pad, wanted_flags, 0, 0, 0, 0, 0, NO_PAGE)
        else:
            true = (pad, wanted_flags, depth, part.branches, part.leaves, part.overflow, part.entries, left)
        if true == tuple(told):
            return
        if not any(fault.table == place.table for fault in self.faults):
            self.faults.append(PageFault(place.table, place.page, "what it is said to be is not what it is"))
        page = self._bytes(place.page)
        self.edits[place.page] = page[: place.offset] + TREE.pack(*true) + page[place.offset + TREE.size :]

    def _true_depth(self, root: int, told: int) -> int:
        """How deep the leaves are: what both ends of the tree say, or what the description does."""
        found = {self._depth_along(root, last=last) for last in (False, True)}
        return found.pop() if len(found) == 1 and None not in found else min(max(told, 1), _DEPTH_MAX)  # type: ignore[return-value]

    def _depth_along(self, page: int, *, last: bool) -> int | None:
        for depth in range(1, _DEPTH_MAX):
            if not _FIRST_PAGE <= page < self.pages:
                return None
            data = self._bytes(page)
            for branch in (False, True):
                try:
                    found = content(data, page, branch=branch, numeric=False)
                except DamagedError:
                    continue
                break
            else:
                return None
            if not branch:
                return depth
            sound = [node for index, node in enumerate(found.nodes) if index not in found.broken]
            if not sound:
                return None
            page = child_of(found.data, sound[-1 if last else 0])
        return None

    def _only_child(self, root: int, place: _Place) -> tuple[int, int, _Part | None]:
        """A branch of one child is none to LMDB; that child is the tree: its page, depth, and what is whole of it."""
        only = self._only.pop(root, None)
        if only is None:
            return NO_PAGE, 0, None
        child, part = only
        return child, place.depth - 1, part

    def _part(self, place: _Place, number: int, depth: int, low: Key | None, high: Key | None) -> _Part | None:
        """Check a page and all below it, and take out what is broken; None if nothing of it is of use."""
        branch = depth < place.depth
        if self._deadline_ns is not None and monotonic_ns() > self._deadline_ns:
            raise OutOfTimeError
        try:
            page = self._read(number, place, branch=branch)
        except DamagedError as error:
            self.faults.append(PageFault(place.table, number, str(error)))
            return None
        put_aside(page, low, high, branch=branch)
        before = page.data
        if branch:
            part, gone = self._branch(place, number, page, depth, low, high)
        else:
            part, gone = self._leaf(place, number, page)
        self.faults += [
            PageFault(place.table, number, f"entry {index}: {reason}") for index, reason in page.broken.items()
        ]
        self.faults += [PageFault(place.table, number, reason) for reason in page.mended]
        if gone or page.mended or page.data is not before:
            self.edits[number] = without(page, gone)
        return part

    def _leaf(self, place: _Place, number: int, page: Content) -> tuple[_Part | None, set[int]]:
        overflow = 0
        for index, node in enumerate(page.nodes):
            if index in page.broken:
                continue
            flags, at, size = value_of(page.data, node)
            if flags & BIG_VALUE:
                try:
                    overflow += self._check_value(number, node, page.data, at, size)
                except DamagedError as error:
                    page.broken[index] = str(error)
                    continue
            if place.numeric and at - node != HEADER_BYTES:
                page.broken[index] = "its key does not fit"
            elif flags == SUB_TREE:
                if place.table == TABLES:
                    name = page.keys[index].decode(errors="replace")
                    self._subtrees.append((name, number, at))
                else:
                    page.broken[index] = "a tree in a table"
            elif place.numeric:
                self._free_lists.append((number, self._value(page.data, flags, at, size)))
        left = [index for index in range(len(page.nodes)) if index not in page.broken]
        if not left:
            return None, set()
        return _Part(page.keys[left[0]], page.keys[left[-1]], 0, 1, overflow, len(left)), set(page.broken)

    def _branch(
        self, place: _Place, number: int, page: Content, depth: int, low: Key | None, high: Key | None
    ) -> tuple[_Part | None, set[int]]:
        part: _Part | None = None
        gone = set(page.broken)
        kept: list[tuple[int, _Part]] = []
        sound = [index for index in range(len(page.nodes)) if index not in page.broken]
        for at, index in enumerate(sound):
            child = child_of(page.data, page.nodes[index])
            below = page.keys[index] if index else low
            above = page.keys[sound[at + 1]] if at + 1 < len(sound) else high
            found = self._part(place, child, depth + 1, below, above)
            if found is not None and part is not None and not part.last < page.keys[index] <= found.first:
                found = self._with_other_key(page, index, part.last, found)
            if found is None:
                gone.add(index)
                continue
            kept.append((child, found))
            if part is None:
                part = _Part(found.first, found.last, 1)
            part.add(found)
        if len(kept) == 1 and depth == 1:
            self._only[number] = kept[0]
        return (part if len(kept) > 1 else None), gone

    def _with_other_key(self, page: Content, index: int, last: Key, found: _Part) -> _Part | None:
        """Give a node of a branch a key between its child and the one before, of the same length or shorter."""
        node = page.nodes[index]
        key_bytes = int.from_bytes(page.data[node + 6 : node + 8], "little")
        first = found.first.to_bytes(8, "little") if isinstance(found.first, int) else found.first
        key = first[:key_bytes]
        if (int.from_bytes(key, "little") if isinstance(last, int) else key) <= last:
            page.broken[index] = "its key is out of order"
            return None
        page.mended.append(f"entry {index}: its key was wrong")
        start = node + 8
        page.data = page.data[: node + 6] + len(key).to_bytes(2, "little") + key + page.data[start + len(key) :]
        return found

    # -- pages -------------------------------------------------------------------------------------------------------

    def _bytes(self, number: int) -> bytes:
        if number in self.edits:
            return self.edits[number]
        if number == self._meta_page:
            return self._meta
        return os.pread(self._file.fd, self._file.page_bytes, number * self._file.page_bytes)

    def _root(self, page: int, offset: int) -> int:
        return int(TREE.unpack_from(self._bytes(page), offset)[7])

    def _read(self, number: int, place: _Place, *, branch: bool) -> Content:
        self._check_range(number, 1)
        if self._used[number]:
            raise DamagedError("it is in two places")
        page = content(self._bytes(number), number, branch=branch, numeric=place.numeric)
        self._used[number] = 1
        return page

    def _check_value(self, number: int, node: int, page: bytes, at: int, size: int) -> int:
        """How many pages of its own a value has that has some. Raises DamagedError."""
        if (number, node) in self._doomed:
            raise DamagedError("its value is another's")
        first = int.from_bytes(page[at : at + 8], "little")
        count = (HEADER_BYTES - 1 + size) // len(page) + 1
        self._check_range(first, count)
        if self._values:
            head = os.pread(self._file.fd, _OVERFLOW_HEADER.size, first * len(page))
            if len(head) < _OVERFLOW_HEADER.size:
                raise DamagedError(f"its value is not in page {first}")
            found, _, kind, pages = _OVERFLOW_HEADER.unpack(head)
            if (found, kind, pages) != (first, OVERFLOW, count):
                self._unfit.append((number, node, first))
                self.headers[first] = _OVERFLOW_HEADER.pack(first, 0, OVERFLOW, count)
                return count
        if any(self._used[first : first + count]):
            self._conflict(number, node, first, count, page[node + 8 : at])
        else:
            self._claims[first] = (number, node, page[node + 8 : at], size)
            self._used[first : first + count] = b"\1" * count
        return count

    def _conflict(self, number: int, node: int, first: int, count: int, key: bytes) -> None:
        """Two values in one place: the one whose digest is right stays, else the one that was there first."""
        other = self._claims.get(first)
        size_max = count * self._file.page_bytes - HEADER_BYTES
        data = os.pread(self._file.fd, size_max, first * self._file.page_bytes + HEADER_BYTES)
        if other is not None and hashlib.sha256(data[: other[3]]).digest() == key and other[2] != key:
            self._doomed.add(other[:2])
        else:
            self._doomed.add((number, node))

    def _settle_values(self) -> None:
        """What only lost its header gets it back; where its pages are another's, its entry must go."""
        for number, node, first in self._unfit:
            count = int.from_bytes(self.headers[first][12:16], "little")
            if any(self._used[first : first + count]):
                self._doomed.add((number, node))
                del self.headers[first]
            else:
                self._used[first : first + count] = b"\1" * count
                self.faults.append(PageFault(_VALUES, first, "its first bytes were wrong"))
        self._unfit.clear()

    def _check_range(self, first: int, count: int) -> None:
        if first < _FIRST_PAGE or first + count > self.pages:
            raise DamagedError(f"it names pages {first} to {first + count - 1}, which do not exist")

    # -- free pages --------------------------------------------------------------------------------------------------

    def _value(self, page: bytes, flags: int, at: int, size: int) -> bytes:
        if not flags & BIG_VALUE:
            return page[at : at + size]
        first = int.from_bytes(page[at : at + 8], "little")
        return os.pread(self._file.fd, size, first * self._file.page_bytes + HEADER_BYTES)

    def _check_free_pages(self) -> None:
        # A description that claims an absurd length needs no room here.
        seen = bytearray(self.last_page + 1 if self.last_page <= _GROWTH_MAX * self._file_pages + (1 << 18) else 0)
        for page, value in self._free_lists:
            numbers = array("Q")
            numbers.frombytes(value[: len(value) // 8 * 8])
            listed = numbers[1 : numbers[0] + 1] if numbers else numbers
            if len(value) % 8 or not numbers or len(listed) != numbers[0] or not self._are_free(listed, seen):
                self.faults.append(PageFault(FREE_LIST, page, "it names pages that are not free"))
        if self.last_page >= self._file_pages and (not seen or not all(seen[self._file_pages :])):
            self.faults.append(PageFault(FREE_LIST, self._file_pages, "the file ends before pages in use"))

    def _are_free(self, listed: Iterable[int], seen: bytearray) -> bool:
        for page in listed:
            if not _FIRST_PAGE <= page < len(seen) or seen[page] or (page < self.pages and self._used[page]):
                return False
            seen[page] = 1
        return True
