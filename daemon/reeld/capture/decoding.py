"""What FFmpeg reads, a file or a device, as BGRA pictures. Used in a source's own thread."""

import contextlib
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter

from reeld.capture.api import Pixels
from reeld_proto.errors import ErrorCode, RequestRejected

HD_HEIGHT = 720
"""From here on a video that does not name its colour matrix is taken for BT.709, below for BT.601, as players do."""

_UNSPECIFIED = 2


@contextlib.contextmanager
def translated(name: str, remedy: str) -> Iterator[None]:
    """Faults of FFmpeg become RequestRejected: PERMISSION if access was refused, else DEVICE_FAILED."""
    try:
        yield
    except PermissionError as error:
        raise RequestRejected(f"{name} may not be read: {error}", code=ErrorCode.PERMISSION, remedy=remedy) from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise RequestRejected(f"{name} cannot be read: {error}", code=ErrorCode.DEVICE_FAILED, remedy=remedy) from error


def decoded(container: Any, name: str, remedy: str, *, live: bool) -> Iterator[Any]:
    """The `av.VideoFrame`s of the first video stream. Raises as `video_stream` does.

    live: each picture is wanted at once. Decoding several at a time is faster and holds each back for as many.
    """
    stream = video_stream(container, name, remedy)
    stream.thread_type = "SLICE" if live else "AUTO"
    yield from container.decode(stream)


def video_stream(container: Any, name: str, remedy: str) -> Any:
    """The first video stream. Raises RequestRejected (DEVICE_FAILED) if there is none."""
    if not container.streams.video:
        raise RequestRejected(f"{name} has no picture", code=ErrorCode.DEVICE_FAILED, remedy=remedy)
    return container.streams.video[0]


class BgraConverter:
    """Frames of any format, matrix and range into BGRA. One for each stream, because it keeps swscale's tables."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, frame: Any) -> Pixels:
        """Pixels of a frame, in an array of their own."""
        guess = frame.colorspace == _UNSPECIFIED and frame.height >= HD_HEIGHT
        colorspace = Colorspace.ITU709 if guess else None
        bgra = self._reformatter.reformat(frame, format="bgra", src_colorspace=colorspace)
        return np.ascontiguousarray(bgra.to_ndarray())
