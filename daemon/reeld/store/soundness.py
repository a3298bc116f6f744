"""Whether a data file is as long as it must be: LMDB maps it, and reading beyond its end ends the process (SIGBUS).

The check costs microseconds and is made before every opening. For damage within the file see pruning.py.
"""

import os
import struct
from contextlib import closing
from pathlib import Path

from reeld.store.pages import Meta, PageFile
from reeld_proto.errors import StoreCorrupt

DATA_FILE = "data.mdb"
REMEDY = "Stop reeld, keep a copy of the folder, and bring the store back from its second copy (see `reelctl repair`)."

_GROWTH_MAX = 16
"""A file that says it was more than so many times as long says nothing."""

_TRIES = 5
"""A writer may use free pages again while they are looked at; then the newer state is looked at."""


def check_length(folder: Path) -> None:
    """Raise StoreCorrupt if the data file in `folder` ends before a page that is in use. A missing file is no fault.

    A file may be shorter than its highest page number: what a transaction allocated and freed again at the end was
    never written. Such pages are on the free list.
    """
    pages, needed = _pages(folder)
    if pages < needed:
        raise StoreCorrupt(
            f"the store in {folder} is cut off: its file has {pages} pages of {needed}",
            remedy="Start reeld with it: that serves what is left, and `reelctl verify` names what is not.",
        )


def missing_bytes(folder: Path) -> int:
    """How many bytes of pages in use a file lacks that was cut off; 0 for a whole one, and one that says nothing."""
    try:
        pages, needed = _pages(folder)
    except StoreCorrupt:
        return 0
    if pages >= needed:
        return 0
    with closing(PageFile(folder / DATA_FILE)) as file:
        size, wanted = os.fstat(file.fd).st_size, needed * file.page_bytes
    return 0 if wanted > _GROWTH_MAX * size + (1 << 30) else wanted - size


def _pages(folder: Path) -> tuple[int, int]:
    """How many pages the file has, and must have."""
    path = folder / DATA_FILE
    if not path.exists() or not path.stat().st_size:
        return 0, 0
    with closing(PageFile(path)) as file:
        for _ in range(_TRIES):
            meta = _newest(file)
            pages = os.fstat(file.fd).st_size // file.page_bytes
            if pages > meta.last_page or _missing_are_free(file, meta, pages):
                return pages, pages
            if _newest(file) == meta:
                break
    return pages, meta.last_page + 1


def _newest(file: PageFile) -> Meta:
    try:
        return file.meta()
    except struct.error as error:
        raise StoreCorrupt("the file of the store is cut off in its first pages", remedy=REMEDY) from error


def _missing_are_free(file: PageFile, meta: Meta, pages: int) -> bool:
    try:
        free = {page for record in file.free_pages(meta) for page in record.pages if page >= pages}
    except (StoreCorrupt, struct.error, IndexError):
        return False
    return len(free) == meta.last_page + 1 - pages
