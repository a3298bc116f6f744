"""Videos and a live stream of the test pattern, so that every picture read back tells which one it is."""

import contextlib
import os
import threading
import time
from pathlib import Path
from typing import Any

import av
import numpy as np

from reeld.capture.api import Pixels, Size
from reeld.capture.pattern_source import PatternSource
from reeld_proto.units import NS_PER_S

SIZE = Size(160, 96)


def pattern_pictures(count: int, size: Size = SIZE) -> list[Pixels]:
    """The first pictures of a test pattern."""
    now_ns = 0
    source = PatternSource(size, 1, now=lambda: now_ns)
    source.open()
    pictures = []
    for _ in range(count):
        pictures.append(source.grab(full=True).bands[0].pixels.copy())
        now_ns += NS_PER_S
    return pictures


def write_video(
    path: Path,
    pictures: list[Pixels],
    *,
    fps: int = 30,
    times: list[int] | None = None,
    codec: str = "ffv1",
    options: dict[str, str] | None = None,
) -> Path:
    """A file of these pictures, lossless unless another codec is named. times: in frame intervals, else 0, 1, ..."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=fps, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = {"ffv1": "bgr0", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
        for index, pixels in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="bgra")
            frame.pts = times[index] if times else index
            container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        container.mux(stream.encode(None))
    return path


class LiveStream:
    """Raw video through a named pipe, in a camera's place: live, paced by its writer, unplugged at will.

    Each opening begins with picture 0 and ends after `pictures`, or falls silent after `silent_after`. folder: for the
    pipes. written_ns: when each picture was written last. Use as a context manager.
    """

    def __init__(self, folder: Path, *, fps: int = 50, pictures: int = 200, silent_after: int | None = None) -> None:
        self._folder = folder
        self._fps = fps
        self._pictures = [_packed(pixels) for pixels in pattern_pictures(pictures)]
        self._silent_after = silent_after
        self.written_ns: dict[int, int] = {}
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "LiveStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()
        for thread in self._threads:
            thread.join()

    def unplug(self) -> None:
        """End the stream now."""
        self._stopped.set()

    def open(self, _camera: str, _size: Size, _fps: int) -> Any:
        """As FFmpeg opens a device."""
        path = self._folder / f"live-{len(self._threads)}"
        os.mkfifo(path)
        self._threads.append(threading.Thread(target=self._run, args=(path,), name="live stream"))
        self._threads[-1].start()
        return av.open(str(path), format="yuv4mpegpipe", options={"probesize": "32"}, timeout=5.0)

    def _run(self, path: Path) -> None:
        with contextlib.suppress(BrokenPipeError), path.open("wb", buffering=0) as pipe:
            pipe.write(b"YUV4MPEG2 W%d H%d F%d:1 C420jpeg\n" % (*SIZE, self._fps))
            begin_ns = time.monotonic_ns()
            for index, picture in enumerate(self._pictures):
                self.written_ns[index] = time.monotonic_ns()
                pipe.write(b"FRAME\n" + picture)
                if index + 1 == self._silent_after:
                    self._stopped.wait()
                due_ns = begin_ns + (index + 1) * NS_PER_S // self._fps
                if self._stopped.wait(max(0, due_ns - time.monotonic_ns()) / NS_PER_S):
                    return


def _packed(pixels: Pixels) -> bytes:
    frame = av.VideoFrame.from_ndarray(pixels, format="bgra").reformat(format="yuv420p")
    return bytes(frame.to_ndarray().tobytes())
