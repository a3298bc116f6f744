"""A recording played back as a source, in its own time: what real video is tested with, and the twin of the camera."""

import contextlib
import threading
import time
from collections.abc import Generator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av

from reeld.capture.api import Pixels, Size
from reeld.capture.decoding import BgraConverter, decoded, translated, video_stream
from reeld.capture.fed_source import FedSource
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_MS, NS_PER_S

LATE_NS = 100 * NS_PER_MS
"""A picture overdue for longer is not converted: a machine that is too slow for a file loses pictures, not time."""
SHOWN_NS = 500 * NS_PER_MS
"""But one is shown this often, however late."""

_REMEDY = "Name a video file that FFmpeg can play and that you may read."


class FileFeed(FedSource):
    """Shows each picture of a file at its own time, counted from the first one, which is shown when it is opened.

    path: any file with a video stream. loop: begin again at its end; otherwise its last picture stays.
    """

    def __init__(self, path: Path, *, loop: bool = False) -> None:
        super().__init__(f"file {path}", partial(_play, path, loop), remedy=_REMEDY)


def video_size(path: Path) -> Size:
    """Width and height of a file's picture. Raises RequestRejected (DEVICE_FAILED, PERMISSION) if it has none."""
    name = f"file {path}"
    with translated(name, _REMEDY), av.open(str(path)) as container:
        stream = video_stream(container, name, _REMEDY)
        return Size(stream.codec_context.width, stream.codec_context.height)


def _play(path: Path, loop: bool, stopped: threading.Event) -> Generator[tuple[int, Pixels], None, None]:  # noqa: FBT001 - partial
    """Pictures at their times."""
    name = f"file {path}"
    convert = BgraConverter()
    begin_ns, shown_ns = time.monotonic_ns(), 0
    while True:
        end_ns, late = None, None
        with contextlib.closing(_frames(path, name)) as frames:
            for at_ns, length_ns, frame in frames:
                due_ns, end_ns = begin_ns + at_ns, at_ns + length_ns
                now_ns = time.monotonic_ns()
                if now_ns - due_ns > LATE_NS and now_ns - shown_ns < SHOWN_NS:
                    late = (due_ns, frame)
                    continue
                late = None
                pixels = convert(frame)
                if stopped.wait(max(0, due_ns - time.monotonic_ns()) / NS_PER_S):
                    return
                shown_ns = max(due_ns, now_ns)
                yield due_ns, pixels
        if late is not None:
            # The last picture is the one that stays, however late it is.
            yield late[0], convert(late[1])
        if end_ns is None:
            raise RequestRejected(f"{name} has no picture", code=ErrorCode.DEVICE_FAILED, remedy=_REMEDY)
        if not loop:
            return
        begin_ns += end_ns


def _frames(path: Path, name: str) -> Generator[tuple[int, int, Any], None, None]:
    """Frames with their instants from the first one on and their lengths, in nanoseconds; instants never go back."""
    with translated(name, _REMEDY), av.open(str(path)) as container:
        origin_ns: int | None = None
        last_ns, length_ns, next_ns = 0, NS_PER_S // 30, 0
        for frame in decoded(container, name, _REMEDY, live=False):
            at_ns = next_ns
            if frame.pts is not None:
                own_ns = int(Fraction(frame.pts * NS_PER_S) * frame.time_base)
                origin_ns = own_ns - next_ns if origin_ns is None else origin_ns
                at_ns = max(own_ns - origin_ns, last_ns)
            length_ns = at_ns - last_ns or length_ns
            last_ns, next_ns = at_ns, at_ns + length_ns
            yield at_ns, length_ns, frame
