"""Pictures into small files: copied from the recorder, hashed, and written as PNG or WebP.

DESIGN: text must stay legible, so what looks like text is stored exactly, as PNG; photographs, which PNG makes up to
ten times as large, as WebP. Which one it is shows in how many neighbouring pixels are equal: screens of text are flat
between the letters. The hash tells for 16 x 16 blocks whether they are brighter than the whole picture: the same
picture is found again after small changes.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from reeld.media.presets import Pixels
from reeld.media.still_header import HEADER_VERSION, PNG, WEBP, StillHeader, pack_header
from reeld_proto.errors import InternalError

Plane = npt.NDArray[np.uint8]

FLAT_SHARE = 0.75
"""From this share of equal neighbours on a picture is stored as PNG. Dense text has 0.84, a photograph 0.1; a screen
that is half of either takes 1.7 MB as PNG and 0.3 MB as WebP, on which text is as legible."""

PNG_LEVEL = 1
"""Compression level: the next ones take twice the time for a tenth less."""

WEBP_QUALITY = 90

HASH_BITS = 256

_ROWS_BETWEEN = 4
"""Every so many rows are looked at to tell text from photographs."""


@dataclass(slots=True)
class PictureCopy:
    """Pixels of one picture in the recorder's own format, as the encoder is given them.

    YUV: I420 (BT.601, limited range), shape (3/2 height, width). PACKED: BGRx, (height, width, 4). PLANAR: green, blue
    and red one after the other, (3, height, width).
    """

    kind: Pixels
    width: int
    height: int
    pixels: Plane

    def luma(self) -> Plane:
        """Brightness, shape (height, width); a view where the format allows it."""
        if self.kind is Pixels.YUV:
            return self.pixels[: self.height]
        if self.kind is Pixels.PLANAR:
            green: Plane = self.pixels[0]  # most of the brightness, and it is only compared with itself
            return green
        grey: Any = cv2.cvtColor(self.pixels, cv2.COLOR_BGRA2GRAY)
        return np.asarray(grey, np.uint8)

    def bgr(self) -> Any:
        """Blue, green and red, shape (height, width, 3)."""
        if self.kind is Pixels.PLANAR:
            green, blue, red = self.pixels
            return cv2.merge([blue, green, red])
        return cv2.cvtColor(self.pixels, cv2.COLOR_YUV2BGR_I420 if self.kind is Pixels.YUV else cv2.COLOR_BGRA2BGR)


def copy_of(frame: Any, into: PictureCopy | None = None) -> PictureCopy:
    """The pixels of an `av.VideoFrame`, in the memory of `into` if that fits: fresh memory costs more than copying.

    Raises InternalError for a format that the recorder does not make.
    """
    width, height = frame.width, frame.height
    try:
        kind = Pixels(frame.format.name)
    except ValueError as error:
        raise InternalError(f"no snapshots can be taken of pictures in {frame.format.name}") from error
    shapes = {
        Pixels.YUV: (height * 3 // 2, width),
        Pixels.PACKED: (height, width, 4),
        Pixels.PLANAR: (3, height, width),
    }
    if into is None or into.pixels.shape != shapes[kind]:
        into = PictureCopy(kind, width, height, np.empty(shapes[kind], np.uint8))
    flat, at = into.pixels.reshape(-1), 0
    samples = 4 if kind is Pixels.PACKED else 1
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        columns = plane.width * samples
        flat[at : at + plane.height * columns].reshape(plane.height, columns)[:] = rows[: plane.height, :columns]
        at += plane.height * columns
    return into


def fingerprint(luma: Plane) -> int:
    """Block mean hash of a picture (Yang, Gu and Niu, 2006) as a number of 256 bits; 0.3 ms at 1080p."""
    small: Any = cv2.resize(np.ascontiguousarray(luma), (256, 256), interpolation=cv2.INTER_LINEAR_EXACT)
    means = small.reshape(16, 16, 16, 16).mean(axis=(1, 3), dtype=np.float64).reshape(-1)
    return int.from_bytes(np.packbits(means >= means.mean(), bitorder="little").tobytes(), "big")


def distance(one: int, other: int) -> int:
    """In how many bits two hashes differ."""
    return (one ^ other).bit_count()


def flat_share(luma: Plane) -> float:
    """Share of pixels that are equal to their right neighbour, from 0 (a photograph) to 1 (one colour)."""
    rows = luma[::_ROWS_BETWEEN]
    return 1.0 - np.count_nonzero(cv2.absdiff(rows[:, 1:], rows[:, :-1])) / max(1, rows[:, 1:].size)


@dataclass(frozen=True, slots=True)
class Still:
    """A picture file, and its header packed."""

    payload: bytes
    init: bytes
    format: str


def encode(picture: PictureCopy, *, hash_bits: int, of: str, taken_ns: int) -> Still:
    """The picture as a file. Raises InternalError if OpenCV cannot write it."""
    if flat_share(picture.luma()) >= FLAT_SHARE:
        kind, options = PNG, [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL]
    else:
        kind, options = WEBP, [cv2.IMWRITE_WEBP_QUALITY, WEBP_QUALITY]
    done, data = cv2.imencode(f".{kind}", picture.bgr(), options)
    if not done:
        raise InternalError(f"a snapshot could not be written as {kind}")
    header = StillHeader(
        version=HEADER_VERSION,
        format=kind,
        width=picture.width,
        height=picture.height,
        hash=f"{hash_bits:0{HASH_BITS // 4}x}",
        of=of,
        taken_ns=taken_ns,
    )
    return Still(data.tobytes(), pack_header(header), kind)
