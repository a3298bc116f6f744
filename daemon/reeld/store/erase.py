"""Overwrites what was deleted: pages of the file that are free, and room in pages that are in use.

DESIGN: LMDB frees a page by naming it in a list; its bytes stay. Filling the free pages through LMDB itself would make
its lists long and the file grow, and would not reach the room inside pages in use, where a deleted row stays until the
page is copied. So this writes zeros straight into the file, where LMDB itself would be allowed to write any bytes:

- A free page, if the state that freed it is older than the last commit, and than every state a reader looks at. Until
  then the meta page before the last, or that reader, may still lead to it. LMDB takes a free page under the same
  condition. Its write lock is held meanwhile.
- Room in a page in use (`Slack`). No reader looks at it. A power cut in the middle of it leaves the page with some
  sectors old and some new, which differ in that room only. A read transaction pins the pages while they are walked.
- What is behind the last page: batches that were never committed.

LMDB keeps page buffers in memory and uses them again without clearing them, so remains of a deleted row may come into
the file with any later commit. The environment is closed and opened once at the beginning, which drops them. From then
on nothing that is deleted comes back, and what the file holds of it is erased step by step, each of a few milliseconds,
between the batches of a recording.
"""

import os
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass

from msgspec import Struct

from reeld.runtime.clock import monotonic_ns
from reeld.store import rollback
from reeld.store.environment import StoreEnvironment
from reeld.store.lmdb_errors import translated
from reeld.store.pages import PIECE_BYTES, FreePages, Meta, PageFile, Slack, is_zero
from reeld.store.reader_watch import active_readers
from reeld.store.transaction import Table
from reeld_proto.units import NS_PER_MS

STEP_NS = 8 * NS_PER_MS
STEP_BYTES = 4 * 1024 * 1024
"""A step writes so much and takes so long (and its sync): what a recording may wait for it is under 20 ms."""

_WINDOW_PAGES = 1024
_KEY = b"erased"


class Erasure(Struct, frozen=True, kw_only=True):
    """In `meta`: after which commit nothing deleted was left in the file, and whether every page was looked at once."""

    txn_id: int
    thorough: bool


@dataclass(frozen=True, slots=True)
class Erased:
    """What a step did. done: nothing deleted before the first step is left; waiting: for a reader that needs some."""

    bytes: int
    done: bool
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class _Free:
    """usable: may be overwritten now; late: freed by the last commit, which the one before it still leads to."""

    usable: list[FreePages]
    late: list[FreePages]


class Eraser:
    """One run over the file; make a new one for what is deleted later. Used in the thread that owns the environment."""

    def __init__(self, store: StoreEnvironment) -> None:
        self._store = store
        self._pins = ExitStack()
        self._slack: Iterator[Slack | None] | None = None
        self._begun = False
        self._next_page = 0
        self._late: set[int] = set()
        self._blocked = False
        self._known: tuple[int, list[FreePages]] = (-1, [])

    def step(self) -> Erased:
        """Go on for some milliseconds. Raises StoreCorrupt if the file is not as it should be; RequestRejected."""
        with translated(self._store.path):
            if not self._begun:
                if self._nothing_new():
                    return Erased(0, done=True)
                self._begin()
            with closing(PageFile(self._store.path / "data.mdb", writable=True)) as file:
                return self._erase_slack(file) if self._slack is not None else self._erase_free_pages(file)

    def close(self) -> None:
        """Let go of the file. May be called twice."""
        self._slack = None
        self._pins.close()

    def _nothing_new(self) -> bool:
        with self._store.read() as txn:
            known = txn.record(Table.META, _KEY, Erasure)
        return known is not None and known.txn_id == self._store.last_txn_id()

    def _begin(self) -> None:
        rollback.remove(self._store.path)
        self._store.let_go()
        _commit(self._store, thorough=False)
        txn = self._pins.enter_context(self._store.read())
        known = txn.record(Table.META, _KEY, Erasure)
        file = self._pins.enter_context(closing(PageFile(self._store.path / "data.mdb")))
        self._slack = file.slack(file.meta(txn.id()), tails=known is None or not known.thorough)
        self._begun = True

    def _erase_slack(self, file: PageFile) -> Erased:
        deadline_ns = monotonic_ns() + STEP_NS
        written = 0
        for slack in self._slack or ():
            if slack is not None:
                _write_zeros(file, slack.offset, slack.length)
                written += slack.length
            if monotonic_ns() >= deadline_ns:
                break
        else:
            self.close()
            _commit(self._store, thorough=False)  # what was freed before may be overwritten from now on
        os.fdatasync(file.fd)
        return Erased(written, done=False)

    def _erase_free_pages(self, file: PageFile) -> Erased:
        deadline_ns = monotonic_ns() + STEP_NS
        written, at_end = 0, False
        with self._store.write():  # nothing is changed in it; it keeps every other writer away
            meta = file.meta()
            free = self._free_now(file, meta)
            while not at_end and written < STEP_BYTES and monotonic_ns() < deadline_ns:
                first = _first_from([*free.usable, *free.late], self._next_page)
                if first is None:
                    at_end = True
                    written += _cut_off(file, (meta.last_page + 1) * file.page_bytes)
                    continue
                self._next_page = first + _WINDOW_PAGES
                self._late.update(_pages(free.late, first, self._next_page))
                written += _erase_pages(file, _pages(free.usable, first, self._next_page))
        os.fdatasync(file.fd)
        return self._finish(file, written) if at_end else Erased(written, done=False)

    def _finish(self, file: PageFile, written: int) -> Erased:
        """What the last commits before each step freed: it may be overwritten after one more, if it is free still."""
        if self._late and not self._blocked:
            _commit(self._store, thorough=False)
            with self._store.write():
                free = self._free_now(file, file.meta())
                again = [page for record in free.usable for page in record.pages if page in self._late]
                written += _erase_pages(file, sorted(again))
            os.fdatasync(file.fd)
        self._next_page = 0
        self._late.clear()
        if self._blocked:
            self._blocked = False
            return Erased(written, done=False, waiting=True)
        _commit(self._store, thorough=True)
        return Erased(written, done=True)

    def _free_now(self, file: PageFile, meta: Meta) -> _Free:
        """The free list, by whether a page may be overwritten now. Notices readers of older states."""
        if self._known[0] != meta.txn_id:
            self._known = (meta.txn_id, file.free_pages(meta))
        records = self._known[1]
        oldest = self._oldest_state(meta.txn_id)
        self._blocked |= any(oldest <= record.txn_id < meta.txn_id for record in records)
        usable = [record for record in records if record.txn_id < oldest]
        return _Free(usable, [record for record in records if record.txn_id == meta.txn_id])

    def _oldest_state(self, last_txn_id: int) -> int:
        """The oldest state that anybody may be looking at."""
        readers = (int(state) for _, _, state in active_readers(self._store.readers()))
        return min([last_txn_id, *readers])


def forget_erasure(store: StoreEnvironment) -> None:
    """What was erased is to be found out anew, because the file is another one: its commits are counted from 1."""
    _commit(store, thorough=False)


def _commit(store: StoreEnvironment, *, thorough: bool) -> None:
    """A commit that changes next to nothing: what the one before it freed is older than the last state now."""
    with store.write() as txn:
        known = txn.record(Table.META, _KEY, Erasure)
        was_thorough = known is not None and known.thorough
        txn.put_record(Table.META, _KEY, Erasure(txn_id=txn.id() if thorough else 0, thorough=thorough or was_thorough))


def _first_from(records: list[FreePages], page: int) -> int | None:
    """The first free page that is not before `page`."""
    found = None
    for record in records:
        place = bisect_left(record.pages, page)
        if place < len(record.pages) and (found is None or record.pages[place] < found):
            found = record.pages[place]
    return found


def _pages(records: list[FreePages], start: int, stop: int) -> list[int]:
    """Free pages in [start, stop), ascending."""
    pages: list[int] = []
    for record in records:
        pages += record.pages[bisect_left(record.pages, start) : bisect_left(record.pages, stop)]
    pages.sort()
    return pages


def _erase_pages(file: PageFile, pages: list[int]) -> int:
    """Overwrite pages, neighbours together, unless they hold zeros only; bytes written."""
    written, first = 0, 0
    for place in range(1, len(pages) + 1):
        ends = place == len(pages) or pages[place] != pages[place - 1] + 1
        if ends or (place - first) * file.page_bytes >= PIECE_BYTES:
            written += _erase_run(file, pages[first], place - first)
            first = place
    return written


def _erase_run(file: PageFile, page: int, count: int) -> int:
    """Overwrite neighbouring pages unless they hold zeros only. What the file does not reach holds nothing."""
    offset = page * file.page_bytes
    data = os.pread(file.fd, count * file.page_bytes, offset)
    if is_zero(data):
        return 0
    _write_zeros(file, offset, len(data))
    return len(data)


def _write_zeros(file: PageFile, offset: int, length: int) -> None:
    written = 0
    while written < length:
        written += os.pwrite(file.fd, bytes(length - written), offset + written)


def _cut_off(file: PageFile, end: int) -> int:
    """Take off what is behind the last page; how many bytes."""
    surplus = os.fstat(file.fd).st_size - end
    if surplus <= 0:
        return 0
    os.ftruncate(file.fd, end)
    return surplus
