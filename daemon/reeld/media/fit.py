"""Pictures of another size or format made to fit a track: scaled as a whole, with black beside or above them."""

from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from reeld.media.presets import Pixels

_BLACK = {Pixels.YUV: (16, 128, 128), Pixels.PACKED: (0,), Pixels.PLANAR: (0, 0, 0)}


def fitted(frame: Any, width: int, height: int, pixels: Pixels = Pixels.YUV) -> Any:
    """`frame` as a picture of this size (even, in pixels) and format: itself if it is so already."""
    if (frame.width, frame.height, frame.format.name) == (width, height, pixels):
        return frame
    scale = min(width / frame.width, height / frame.height)
    inner_width, inner_height = (
        max(2, min(round(each * scale / 2) * 2, most))
        for each, most in (
            (frame.width, width),
            (frame.height, height),
        )
    )
    scaled = _scaled(frame, inner_width, inner_height, pixels)
    if (inner_width, inner_height) == (width, height):
        return scaled
    canvas = av.VideoFrame(width, height, str(pixels))
    left, top = (width - inner_width) // 4 * 2, (height - inner_height) // 4 * 2
    samples = 4 if pixels is Pixels.PACKED else 1
    for plane, source, black in zip(canvas.planes, scaled.planes, _BLACK[pixels], strict=True):
        shrink = width // plane.width
        rows = _rows(plane)
        rows[:] = black
        y, x = top // shrink, left // shrink * samples
        inner = _rows(source)[:, : source.width * samples]
        rows[y : y + source.height, x : x + inner.shape[1]] = inner
    return canvas


def _scaled(frame: Any, width: int, height: int, pixels: Pixels) -> Any:
    if pixels is Pixels.YUV and frame.format.is_rgb:
        # Or FFmpeg would keep the full range of the colours, which no track in luma and chroma declares.
        return frame.reformat(
            width, height, str(pixels), dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG
        )
    return frame.reformat(width, height, str(pixels))


def _rows(plane: Any) -> Any:
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
