"""When a snapshot is worth taking, and whether it looks like one taken before. Pure.

DESIGN: the picture is looked at when something changed, at most every `min_ns`. A look compares samples of its
brightness, one of 32 pixels, cell by cell, with the snapshot on view and with the look before. Screens have no noise,
so a sample that differs has changed. What is compared is always the snapshot on view: letters typed one by one add up
to a new snapshot, while a blinking cursor never does. A picture that has come to rest is taken at once; one that moves
all the time ever more seldom, down to one in `max_ns`; and one that changes far more than it used to counts as another
scene. Taking one costs processor time, of which there is an allowance: a share of the time that passes.
"""

from collections import OrderedDict
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from reeld.media.stills import Plane, Still, distance
from reeld_proto.units import NS_PER_MS

ENOUGH_SHARE = 0.01
"""Share of the cells that must have changed: about one line of text on a full screen."""

CALM_SHARE = 0.01
"""Less than this between two looks is rest."""

SCENE_FACTOR, SCENE_SHARE = 2.0, 0.1
"""A change this many times the usual one, and so much besides, is another scene."""

USUAL_WEIGHT = 0.3
"""How much of the latest change goes into what is usual."""

SETTLE_NS = 400 * NS_PER_MS
"""How long a change after stillness is left to complete: windows are drawn piece by piece."""

CPU_SHARE = 100
"""One part in so many of the time that passes may be spent on taking snapshots, on average."""

ALLOWANCE_NS = 300 * NS_PER_MS
"""Processor time that may be saved up, so that several scenes in a row are taken without delay."""

ALIKE_BITS_MAX = 31
"""Hashes of the same picture differ in no more bits than this: an eighth. Two photographs differ in about half."""

KNOWN_MAX = 32
KNOWN_BYTES_MAX = 16 * 1024 * 1024
"""Snapshots that are remembered, so that a picture that comes back is not stored again; their bytes."""

_ROW_STEP, _COLUMN_STEP = 8, 4
_CELL = 4, 8
"""Samples of a cell: 32 x 32 pixels."""

_DIFFERENT = 12
"""Steps of brightness from which on a sample counts as another."""


def samples_of(luma: Plane) -> Plane:
    """What of a picture is compared and remembered."""
    return np.ascontiguousarray(luma[_ROW_STEP // 2 :: _ROW_STEP, ::_COLUMN_STEP])


def changed_share(one: Plane, other: Plane) -> float:
    """Share of the cells in which two pictures differ, from 0 to 1; pictures of two sizes differ everywhere."""
    if one.shape != other.shape:
        return 1.0
    marks: npt.NDArray[np.bool_] = cv2.absdiff(one, other) >= _DIFFERENT
    rows, columns = (-(-length // cell) for length, cell in zip(marks.shape, _CELL, strict=True))
    whole = np.zeros((rows * _CELL[0], columns * _CELL[1]), np.bool_)
    whole[: marks.shape[0], : marks.shape[1]] = marks
    cells = whole.reshape(rows, _CELL[0], columns, _CELL[1]).any(axis=(1, 3))
    return float(np.count_nonzero(cells)) / max(1, cells.size)


class Gate:
    """Whether to look now. Asked for every frame, so it only compares numbers. Times are media nanoseconds."""

    def __init__(self, min_ns: int) -> None:
        self._min_ns = min_ns
        self._next_ns = 0
        self._changed_ns: int | None = None
        self._at_once = True

    def is_open(self, at_ns: int, *, changed: bool) -> bool:
        """Whether the picture as of `at_ns` is to be looked at."""
        if self._at_once:
            return True
        if changed and self._changed_ns is None:
            self._changed_ns = at_ns
        return self._changed_ns is not None and at_ns >= max(self._next_ns, self._changed_ns + SETTLE_NS)

    def looked(self, at_ns: int) -> None:
        """It was."""
        self._next_ns = at_ns + self._min_ns
        self._changed_ns = None
        self._at_once = False

    def hurry(self) -> None:
        """The next frame is looked at whatever it is: nobody knows what was before."""
        self._at_once = True


class Pace:
    """Whether a look becomes a snapshot. Times are media nanoseconds, costs processor nanoseconds."""

    def __init__(self, min_ns: int, max_ns: int) -> None:
        self._min_ns, self._max_ns = min_ns, max_ns
        self._interval_ns = min_ns
        self._taken_ns: int | None = None
        self._usual = 0.0
        self._allowance_ns = ALLOWANCE_NS
        self._allowed_ns = 0

    @property
    def interval_ns(self) -> int:
        """How long after the last one the next is taken while the picture never rests."""
        return self._interval_ns

    def wants(self, at_ns: int, *, moved: float, away: float) -> bool:
        """moved: share that changed since the look before; away: since the snapshot on view."""
        usual, self._usual = self._usual, self._usual + USUAL_WEIGHT * (moved - self._usual)
        is_calm = moved < CALM_SHARE
        if is_calm:
            self._interval_ns = self._min_ns
        if self._taken_ns is None:
            return True
        since_ns = at_ns - self._taken_ns
        if away < ENOUGH_SHARE or since_ns < self._min_ns:
            return False
        if since_ns >= self._max_ns:
            return True
        self._allowance_ns = min(ALLOWANCE_NS, self._allowance_ns + (at_ns - self._allowed_ns) // CPU_SHARE)
        self._allowed_ns = at_ns
        if self._allowance_ns <= 0:
            return False
        return is_calm or moved > SCENE_FACTOR * usual + SCENE_SHARE or since_ns >= self._interval_ns

    def taken(self, at_ns: int, cost_ns: int, *, moved: float) -> None:
        """A snapshot was taken."""
        self._taken_ns = at_ns
        self._allowance_ns -= cost_ns
        if moved >= CALM_SHARE:
            self._interval_ns = min(2 * self._interval_ns, self._max_ns)


@dataclass(frozen=True, slots=True)
class Known:
    """A snapshot that was taken."""

    still: Still
    samples: Plane
    hash_bits: int


class Memory:
    """The snapshots last on view, at most `KNOWN_MAX` and `KNOWN_BYTES_MAX`; of the oldest the next look is new."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Known] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._known)

    def find(self, samples: Plane, hash_bits: int) -> Known | None:
        """The one that looks the same: by its hash, and then by its samples, since text alone moves few bits."""
        for key in reversed(self._known):
            known = self._known[key]
            near = distance(known.hash_bits, hash_bits) <= ALIKE_BITS_MAX
            if near and changed_share(known.samples, samples) < ENOUGH_SHARE:
                self._known.move_to_end(key)
                return known
        return None

    def keep(self, known: Known) -> None:
        """Remember it; the oldest are forgotten."""
        self._known[known.still.init] = known
        self._bytes += _size(known)
        while len(self._known) > KNOWN_MAX or (self._bytes > KNOWN_BYTES_MAX and len(self._known) > 1):
            _, gone = self._known.popitem(last=False)
            self._bytes -= _size(gone)


def _size(known: Known) -> int:
    return len(known.still.payload) + known.samples.nbytes
