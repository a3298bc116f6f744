"""What the encoder reads and the scene writes: one picture that lasts, in planes. Pure but for OpenCV."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import av
import cv2
import numpy as np
import numpy.typing as npt

from reeld.capture.api import Band, Rect
from reeld.capture.layouts import period

Plane = npt.NDArray[np.uint8]
"""uint8, shape (rows, columns) or (rows, columns, channels); of chroma half as many rows and columns as of luma."""


class Picture(Protocol):
    """A picture in the encoder's own format."""

    @property
    def width(self) -> int:
        """Even, in pixels."""
        ...

    @property
    def height(self) -> int:
        """Even, in pixels."""
        ...

    @property
    def frame(self) -> av.VideoFrame:
        """What the encoder takes; its memory is that of `planes`."""
        ...

    @property
    def planes(self) -> Sequence[Plane]:
        """Its samples, to be written in place."""
        ...

    @property
    def black(self) -> Sequence[int]:
        """What black is in each plane."""
        ...

    def update(self, bands: Iterable[Band]) -> bool:
        """Write bands into it. False if that left every sample as it was."""
        ...

    def beside(self, width: int, height: int) -> "Picture":
        """A black picture of another size in the same format, to be scaled from."""
        ...


def blacken(picture: Picture, rect: Rect | None = None) -> None:
    """Make `rect` (on even edges; all of it by default) black."""
    for plane, black in zip(picture.planes, picture.black, strict=True):
        part_of(picture, plane, rect or Rect(0, 0, picture.width, picture.height))[:] = black


def part_of(picture: Picture, plane: Plane, rect: Rect) -> Plane:
    """The samples of `rect`, on even edges, in one of the picture's planes: a view."""
    share = picture.width // plane.shape[1]
    return plane[rect.y // share : rect.bottom // share, rect.x // share : rect.right // share]


def copy_part(source: Picture, target: Picture, rect: Rect) -> None:
    """Copy `rect`, on even edges, from one picture to another of the same size and format."""
    for theirs, ours in zip(source.planes, target.planes, strict=True):
        part_of(target, ours, rect)[:] = part_of(source, theirs, rect)


def scale_rows(source: Picture, target: Picture, where: Rect, first: int, last: int) -> Rect:
    """Scale the rows [first, last) of all of `source` into `where` of `target`; the part of `target` that was written.

    More rows are scaled if need be: up to where the phase of scaling comes again, so that parts which are scaled one by
    one are what scaling all at once makes, but for the rounding of a level. `where` must not be larger than `source`.
    """
    halvings = _halvings(source, where)
    rows, scaled_rows = (count * 2 << halvings for count in period(source.height, where.height))
    begin, end = first // rows, -(-last // rows)
    top, bottom = begin * rows, min(end * rows, source.height)
    scaled_top, scaled_bottom = begin * scaled_rows, min(end * scaled_rows, where.height)
    written = Rect(where.x, where.y + scaled_top, where.width, scaled_bottom - scaled_top)
    # Of more than 2:1 bilinear scaling would skip samples.
    is_coarse = source.height >> halvings >= 2 * where.height or source.width >> halvings >= 2 * where.width
    method = cv2.INTER_AREA if is_coarse else cv2.INTER_LINEAR
    for theirs, ours in zip(source.planes, target.planes, strict=True):
        samples = part_of(source, theirs, Rect(0, top, source.width, bottom - top))
        for _ in range(halvings):
            half = (samples.shape[1] // 2, samples.shape[0] // 2)
            samples = cv2.resize(samples, half, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        out = part_of(target, ours, written)
        if samples.shape == out.shape:
            out[:] = samples
        else:
            cv2.resize(samples, (out.shape[1], out.shape[0]), dst=out, interpolation=method)
    return written


def _halvings(source: Picture, where: Rect) -> int:
    """How often pairs of rows and columns are averaged first: cheaper than any other way, where they are even."""
    halvings = 0
    while (
        source.height >> halvings >= 2 * where.height
        and source.width >> halvings >= 2 * where.width
        and not (source.height | source.width) % (4 << halvings)
    ):
        halvings += 1
    return halvings
