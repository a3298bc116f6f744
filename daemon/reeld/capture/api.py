"""What a source of frames is: the contract between devices and the recorder.

A source shows one rectangle of a desktop. It tells when something in it may have changed and brings the pixels of the
bands that did, nothing else: whatever does not move costs nothing further down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from reeld.capture.geometry import Rect, Size

__all__ = ["Band", "FrameSource", "Grab", "Pixels", "Rect", "Size"]

Pixels = npt.NDArray[np.uint8]
"""uint8, shape (height, width, 4), BGRA in [0, 255]; the fourth byte means nothing."""


@dataclass(frozen=True, slots=True)
class Band:
    """Pixels of one part of the picture. rect: relative to the picture; pixels: as large as rect.

    The pixels are borrowed: the source overwrites them at its next `grab` and frees them at `close`.
    """

    rect: Rect
    pixels: Pixels


@dataclass(frozen=True, slots=True)
class Grab:
    """What changed since the grab before. at_ns: CLOCK_MONOTONIC when the pixels were asked for.

    Bands start at even columns and rows and end there or at the picture's edge, because chroma is shared by 2 x 2
    pixels. Without bands nothing changed.
    """

    at_ns: int
    bands: Sequence[Band]


class FrameSource(Protocol):
    """A picture that changes: a rectangle of a desktop, a window, a camera.

    Made anywhere, then used by one thread from `open` to `close`.

    Every method may raise RequestRejected: NO_DISPLAY when there is no desktop, DEVICE_FAILED when it cannot be read
    or was lost. After that only `close` and `open` may be called.
    """

    @property
    def size(self) -> Size:
        """Pixels of the picture as of the last grab (after `open`: of the first one to come).

        A grab after which it differs was a full one.
        """
        ...

    def open(self) -> None:
        """Connect to the desktop. The first grab afterwards must be a full one."""
        ...

    def close(self) -> None:
        """Release everything; pixels of the last grab become invalid. May be called at any time, and twice."""
        ...

    def filenos(self) -> Sequence[int]:
        """Descriptors that become readable when something may have changed; the same ones from `open` to `close`.

        Nothing but `changed_ns` and `grab` reads from them.
        """
        ...

    def changed_ns(self) -> int | None:
        """The monotonic instant at which something changed first since the last grab, None if nothing did.

        Never waits. None promises that one of `filenos` becomes readable with the next change. A source without a
        signal of change answers with the instant of the last grab: it may have changed right then. The caller sets the
        pace.
        """
        ...

    def grab(self, *, full: bool) -> Grab:
        """Pixels of what changed since the last grab, or of everything if `full`, or if its size is another."""
        ...
