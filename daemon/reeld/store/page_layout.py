"""Where LMDB's file says what, and what is told of pages that cannot be followed. File format: see pages.py."""

import struct
from dataclasses import dataclass

from reeld.store.pages import HEADER_BYTES

TREE = struct.Struct("=IHHQQQQQ")  # pad, flags, depth, branch pages, leaf pages, overflow pages, entries, root
NO_PAGE = (1 << 64) - 1
META_FREE_OFFSET = HEADER_BYTES + 24
META_MAIN_OFFSET = META_FREE_OFFSET + TREE.size
META_LAST_OFFSET = META_MAIN_OFFSET + TREE.size
META_TXN_OFFSET = META_LAST_OFFSET + 8
NUMERIC_KEYS = 0x08
FREE_LIST, TABLES = "the free list", "the list of tables"
"""How people read of the two trees that every file has."""


class OutOfTimeError(Exception):
    """The walk took longer than it may."""


@dataclass(frozen=True, slots=True)
class PageFault:
    """What LMDB cannot follow: a page, or a node of it. table: whose it is."""

    table: str
    page: int
    reason: str

    def __str__(self) -> str:
        return f"page {self.page} of {self.table}: {self.reason}"
