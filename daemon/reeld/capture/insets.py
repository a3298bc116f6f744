"""Small pictures above a large one: kept in their final size, laid over what is beneath with round corners."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from reeld.capture.api import Band
from reeld.capture.layouts import Cell
from reeld.capture.picture import Picture, Plane, part_of

_SAMPLES = 4
"""A pixel on the rim of a corner is as opaque as the share of its 4 x 4 points that lie inside of the circle."""

Alpha = npt.NDArray[np.float32]
"""float32, shape (rows, columns), in [0, 1]: how much of the inset is seen; of its upper left corner."""


class Inset:
    """One source above others. cell: its place, with the radius of its corners."""

    def __init__(self, cell: Cell, make_picture: Callable[[int, int], Picture]) -> None:
        self._where = cell.where
        self._small = make_picture(cell.where.width, cell.where.height)
        radius = min(cell.radius, cell.where.width // 4 * 2, cell.where.height // 4 * 2)
        self._radius = radius
        corner = _corner(radius)
        halved = corner.reshape(radius // 2, 2, radius // 2, 2).mean((1, 3), dtype=np.float32)
        self._alpha = {1: corner, 2: halved}
        self.is_new = False

    def update(self, bands: Sequence[Band]) -> None:
        """Take over what changed of the source, in the inset's own size."""
        self.is_new = self._small.update(bands) or self.is_new

    def lay(self, under: Picture, over: Picture) -> None:
        """Write it into `over`, its corners blended with what `under` shows there."""
        self.is_new = False
        radius, where = self._radius, self._where
        for small, beneath, target in zip(self._small.planes, under.planes, over.planes, strict=True):
            out, ground = part_of(over, target, where), part_of(under, beneath, where)
            above = small[: out.shape[0], : out.shape[1]]
            out[:] = above
            share = over.width // target.shape[1]
            alpha, side = self._alpha[share], radius // share
            for turned, rows, columns in (
                (alpha, slice(None, side), slice(None, side)),
                (alpha[:, ::-1], slice(None, side), slice(-side, None)),
                (alpha[::-1], slice(-side, None), slice(None, side)),
                (alpha[::-1, ::-1], slice(-side, None), slice(-side, None)),
            ):
                out[rows, columns] = _blended(above[rows, columns], ground[rows, columns], turned)


def _blended(above: Plane, beneath: Plane, alpha: Alpha) -> Plane:
    weight = alpha if above.ndim == alpha.ndim else alpha[:, :, None]
    return np.rint(beneath + (above.astype(np.float32) - beneath) * weight).astype(np.uint8)


def _corner(radius: int) -> Alpha:
    """Coverage of the upper left quarter of a circle in its square."""
    points = (np.arange(radius * _SAMPLES) + 0.5) / _SAMPLES
    inside = (points[:, None] - radius) ** 2 + (points[None, :] - radius) ** 2 <= radius**2
    shares: Alpha = inside.reshape(radius, _SAMPLES, radius, _SAMPLES).mean((1, 3), dtype=np.float32)
    return shares
