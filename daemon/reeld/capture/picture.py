"""What the encoder reads and the scene writes: one picture that lasts, in planes. Pure."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import av
import numpy as np
import numpy.typing as npt

from reeld.capture.api import Band, Rect

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
