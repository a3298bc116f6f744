"""Damage done to a store's file by others: kinds of it, and where it hurts most. Pure; nothing of the store is read."""

import random
from collections.abc import Callable, Sequence

PAGE = 4096
_FIRST = 2
"""Pages before it hold the two metas."""

Vandal = Callable[[random.Random, bytearray, Sequence[int]], str]
"""Called with chance, the file's bytes, and its tree pages; damages the bytes, and says how."""


def flip(chance: random.Random, data: bytearray, tree: Sequence[int]) -> str:
    """One bit, of a tree page."""
    return _flip(chance, data, chance.choice([page for page in tree if page >= _FIRST]), PAGE)


def flip_head(chance: random.Random, data: bytearray, tree: Sequence[int]) -> str:
    """One bit of a tree page's header or list of entries."""
    return _flip(chance, data, chance.choice([page for page in tree if page >= _FIRST]), 64)


def flip_anywhere(chance: random.Random, data: bytearray, tree: Sequence[int]) -> str:
    """One bit, anywhere behind the metas."""
    del tree
    return _flip(chance, data, chance.randrange(_FIRST, len(data) // PAGE), PAGE)


def flip_meta(chance: random.Random, data: bytearray, tree: Sequence[int]) -> str:
    """One bit of what a meta page says."""
    del tree
    return _flip(chance, data, chance.randrange(_FIRST), 152)


def zero_page(chance: random.Random, data: bytearray, tree: Sequence[int]) -> str:
    """A tree page becomes zeros."""
    page = chance.choice([page for page in tree if page >= _FIRST])
    data[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
    return f"page {page} zeroed"


def zero_meta(chance: random.Random, data: bytearray, tree: Sequence[int]) -> str:
    """A meta page becomes zeros."""
    del tree
    page = chance.randrange(_FIRST)
    data[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
    return f"meta {page} zeroed"


def swap_pages(chance: random.Random, data: bytearray, tree: Sequence[int]) -> str:
    """Two tree pages change places."""
    one, two = chance.sample([page for page in tree if page >= _FIRST], 2)
    first, second = data[one * PAGE : (one + 1) * PAGE], data[two * PAGE : (two + 1) * PAGE]
    data[one * PAGE : (one + 1) * PAGE], data[two * PAGE : (two + 1) * PAGE] = second, first
    return f"pages {one} and {two} swapped"


def overwrite(chance: random.Random, data: bytearray, tree: Sequence[int]) -> str:
    """A range of some pages becomes noise."""
    del tree
    start = chance.randrange(_FIRST * PAGE, len(data) - PAGE)
    length = min(chance.randrange(1, 5 * PAGE), len(data) - start)
    data[start : start + length] = chance.randbytes(length)
    return f"{length} bytes from {start} overwritten"


def truncate(chance: random.Random, data: bytearray, tree: Sequence[int]) -> str:
    """The end of the file is missing."""
    del tree
    size = chance.randrange(1, len(data))
    del data[size:]
    return f"cut off at {size}"


KINDS: dict[str, Vandal] = {
    "flip": flip,
    "flip-head": flip_head,
    "flip-anywhere": flip_anywhere,
    "flip-meta": flip_meta,
    "zero-page": zero_page,
    "zero-meta": zero_meta,
    "swap-pages": swap_pages,
    "overwrite": overwrite,
    "truncate": truncate,
}


def _flip(chance: random.Random, data: bytearray, page: int, span: int) -> str:
    offset, bit = chance.randrange(span), chance.randrange(8)
    data[page * PAGE + offset] ^= 1 << bit
    return f"bit {bit} of byte {offset} of page {page} flipped"
