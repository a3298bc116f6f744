"""What one page of LMDB's file holds, checked and, where nothing is lost by it, mended. Pure.

DESIGN: the nodes of a page lie side by side from its lower end to its end, so its header and its list of nodes can be
told from the nodes themselves, and a flipped bit in either is put right. A node that reaches into another is broken,
or the other is; a key out of order leads a search for whole ones astray and goes. File format: see pages.py.
"""

import struct
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import pairwise
from operator import lt
from typing import Any

from reeld.store.pages import HEADER_BYTES

BRANCH, LEAF, OVERFLOW = 0x01, 0x02, 0x04
BIG_VALUE, SUB_TREE = 0x01, 0x02
KEY_BYTES_MAX = 511
TREE_BYTES = 48
HEADER = struct.Struct("=QHHHH")  # number, pad, flags, lower, upper
NODE = struct.Struct("=HHHH")  # low and high half of the value's size (or child page), flags, size of the key
_NODE_BYTES = 8
_FEW = 2

Key = Any
"""bytes, or the number that a key of the free list is."""


class DamagedError(Exception):
    """Why something cannot be followed."""


@dataclass(slots=True)
class Content:
    """A page. nodes: where each begins; keys: of each; broken: index and reason; mended: what was put right."""

    data: bytes
    nodes: list[int]
    keys: list[Key]
    broken: dict[int, str] = field(default_factory=dict)
    mended: list[str] = field(default_factory=list)


def content(data: bytes, number: int, *, branch: bool, numeric: bool) -> Content:
    """Page `number`, a branch or a leaf. numeric: keys are numbers. Raises DamagedError if it is not that page."""
    found, pad, flags, lower, upper = HEADER.unpack_from(data)
    kind = BRANCH if branch else LEAF
    _expect(flags, kind, f"it is of no known kind ({flags:#x})")
    _expect(found, number, f"it says that it is page {found}")
    nodes = _tiled(data, lower, upper, branch=branch)
    mended = []
    if nodes is None:
        if not HEADER_BYTES < lower <= upper <= len(data) or lower % 2 or (found, flags) != (number, kind):
            raise DamagedError("its list of nodes does not fit")
        nodes = list(_pointers(data, (lower - HEADER_BYTES) // 2))
        broken = _misplaced(data, nodes, upper, branch=branch)
    else:
        broken = {}
        lower = HEADER_BYTES + 2 * len(nodes)
        # What was taken out before may have left room below the first node.
        upper = upper if lower <= upper <= min(nodes) else min(nodes)
        head = HEADER.pack(number, pad, kind, lower, upper)
        head += struct.pack(f"={len(nodes)}H", *nodes)
        if not data.startswith(head):
            mended.append("its header or list of nodes was wrong")
            data = head + data[len(head) :]
    keys = [b"" if index in broken else _key(data, node, numeric=numeric) for index, node in enumerate(nodes)]
    if not branch:
        broken |= {index: "it is of no known kind" for index, node in enumerate(nodes) if not _is_known(data, node)}
    return Content(data, nodes, keys, broken, mended)


def put_aside(page: Content, low: Key | None, high: Key | None, *, branch: bool) -> None:
    """Call nodes broken whose key is out of order, and a single one that is not in [low, high) as the others are."""
    sound = [index for index in range(len(page.nodes)) if index not in page.broken and (index or not branch)]
    keys = [page.keys[index] for index in sound]
    if not all(map(lt, keys, keys[1:])):
        kept = _ascending(keys)
        page.broken |= {index: "its key is out of order" for at, index in enumerate(sound) if at not in kept}
        sound = [index for at, index in enumerate(sound) if at in kept]
    if branch or len(sound) < _FEW:
        return
    outside = [sound[0]] if low is not None and page.keys[sound[0]] < low else []
    outside += [sound[-1]] if high is not None and page.keys[sound[-1]] >= high else []
    # Where more are outside it is what the page above says of this one that is wrong.
    if len(outside) == 1 and not _is_outside(page.keys[sound[1 if outside[0] == sound[0] else -2]], low, high):
        page.broken[outside[0]] = "its key belongs to another page"


def without(page: Content, gone: set[int]) -> bytes:
    """The page without these nodes, whose bytes stay where nothing leads to them."""
    left = [node for index, node in enumerate(page.nodes) if index not in gone]
    lower = HEADER_BYTES + 2 * len(left)
    number, pad, flags, _, upper = HEADER.unpack_from(page.data)
    head = HEADER.pack(number, pad, flags, lower, upper) + struct.pack(f"={len(left)}H", *left)
    # What was behind the list must not be taken for a part of it.
    return head + bytes(2 * len(gone)) + page.data[lower + 2 * len(gone) :]


def child_of(data: bytes, node: int) -> int:
    """The page that a node of a branch leads to."""
    low, high, top, _ = NODE.unpack_from(data, node)
    return int(low | high << 16 | top << 32)


def value_of(data: bytes, node: int) -> tuple[int, int, int]:
    """Of a node of a leaf: flags, where its value (or the number of its page) begins, and the value's size."""
    low, high, flags, key_bytes = NODE.unpack_from(data, node)
    return flags, node + _NODE_BYTES + key_bytes, low | high << 16


def _expect(found: int, wanted: int, reason: str) -> None:
    """A flipped bit is mended; anything else is another page."""
    if (found ^ wanted).bit_count() > 1:
        raise DamagedError(reason)


def _pointers(data: bytes, count: int) -> tuple[int, ...]:
    return struct.unpack_from(f"={count}H", data, HEADER_BYTES)


def _node_bytes(data: bytes, node: int, *, branch: bool) -> int:
    """Length of a node, or 0 if it cannot be one."""
    if node > len(data) - _NODE_BYTES:
        return 0
    low, high, flags, key_bytes = NODE.unpack_from(data, node)
    size: int = _NODE_BYTES + key_bytes
    if not branch:
        size += 8 if flags & BIG_VALUE else low | high << 16
    return size + size % 2 if key_bytes <= KEY_BYTES_MAX and node + size <= len(data) else 0


def _tiled(data: bytes, lower: int, upper: int, *, branch: bool) -> list[int] | None:
    """The list of nodes, if nodes lie side by side up to the end of the page and the list is of these."""
    told = _pointers(data, max(0, min(lower, len(data)) - HEADER_BYTES) // 2)
    for start in dict.fromkeys((upper, min(told, default=upper))):
        chain, at = _chain(data, start, branch=branch)
        if at != len(data) or not chain or HEADER_BYTES + 2 * len(chain) > start:
            continue
        pointers = list(_pointers(data, len(chain)))
        if sorted(pointers) == chain:
            return pointers
        wrong = [index for index, node in enumerate(pointers) if node not in set(chain)]
        missing = set(chain) - set(pointers)
        if len(told) == len(chain) and len(wrong) == len(missing) == 1:
            pointers[wrong[0]] = missing.pop()
            return pointers
    return None


def _chain(data: bytes, at: int, *, branch: bool) -> tuple[list[int], int]:
    """Where nodes begin that lie side by side from `at` on, and where the last one ends."""
    chain = []
    unpack, end = NODE.unpack_from, len(data) - _NODE_BYTES
    while HEADER_BYTES < at <= end:
        low, high, flags, key_bytes = unpack(data, at)
        size = _NODE_BYTES + key_bytes
        if not branch:
            size += 8 if flags & BIG_VALUE else low | high << 16
        chain.append(at)
        at += size + size % 2
        if key_bytes > KEY_BYTES_MAX:
            break
    return chain, at


def _misplaced(data: bytes, nodes: list[int], upper: int, *, branch: bool) -> dict[int, str]:
    broken = {}
    ends = {}
    for index, node in enumerate(nodes):
        size = _node_bytes(data, node, branch=branch) if node >= upper else 0
        if size:
            ends[node] = (node + size, index)
        else:
            broken[index] = "it lies outside the page, or reaches beyond it"
    starts = sorted(ends)
    for one, two in pairwise(starts):
        end, index = ends[one]
        if end > two:
            # Its size is wrong. A place that is wrong was put right before, where the others lie side by side.
            broken[index] = "it reaches into another"
    if len(starts) + len(broken) < len(nodes):
        broken |= {
            index: "it is there twice" for index, node in enumerate(nodes) if ends.get(node, (0, index))[1] != index
        }
    return broken


def _key(data: bytes, node: int, *, numeric: bool) -> Key:
    key_bytes = NODE.unpack_from(data, node)[3]
    key = data[node + _NODE_BYTES : node + _NODE_BYTES + key_bytes]
    return int.from_bytes(key, "little") if numeric else key


def _is_known(data: bytes, node: int) -> bool:
    if node > len(data) - _NODE_BYTES:
        return False
    low, high, flags, key_bytes = NODE.unpack_from(data, node)
    return key_bytes > 0 and (flags in (0, BIG_VALUE) or (flags == SUB_TREE and low | high << 16 == TREE_BYTES))


def _is_outside(key: Key, low: Key | None, high: Key | None) -> bool:
    return (low is not None and key < low) or (high is not None and key >= high)


def _ascending(keys: list[Key]) -> set[int]:
    """Places of the longest strictly ascending selection."""
    tails: list[Key] = []
    places: list[int] = []
    before: list[int] = []
    for place, key in enumerate(keys):
        at = bisect_left(tails, key)
        before.append(places[at - 1] if at else -1)
        tails[at : at + 1] = [key]
        places[at : at + 1] = [place]
    kept = set()
    place = places[-1] if places else -1
    while place >= 0:
        kept.add(place)
        place = before[place]
    return kept
