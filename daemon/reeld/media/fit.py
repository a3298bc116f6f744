"""Pictures of another size or format made to fit a track: scaled as a whole, with black beside or above them."""

from typing import Any

import av
import numpy as np

FORMAT = "yuv420p"
_BLACK = (16, 128, 128)


def fitted(frame: Any, width: int, height: int) -> Any:
    """`frame` as yuv420p of this size (even, in pixels): itself if it is so already."""
    if (frame.width, frame.height, frame.format.name) == (width, height, FORMAT):
        return frame
    scale = min(width / frame.width, height / frame.height)
    inner_width, inner_height = (
        max(2, min(round(each * scale / 2) * 2, most))
        for each, most in (
            (frame.width, width),
            (frame.height, height),
        )
    )
    scaled = frame.reformat(inner_width, inner_height, FORMAT)
    if (inner_width, inner_height) == (width, height):
        return scaled
    canvas = av.VideoFrame(width, height, FORMAT)
    left, top = (width - inner_width) // 4 * 2, (height - inner_height) // 4 * 2
    for index, (plane, source, black) in enumerate(zip(canvas.planes, scaled.planes, _BLACK, strict=True)):
        shrink = 2 if index else 1
        rows = _rows(plane)
        rows[:] = black
        y, x = top // shrink, left // shrink
        rows[y : y + source.height, x : x + source.width] = _rows(source)[:, : source.width]
    return canvas


def _rows(plane: Any) -> Any:
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
