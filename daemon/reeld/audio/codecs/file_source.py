"""Any sound file that FFmpeg opens, as frames of the graph: 48 kHz, stereo, float32.

What is already 48 kHz in stereo comes bit for bit as far as float32 holds it: whole numbers of up to 24 bits, and
float. Mono is heard on both sides as loud as it was; more channels are mixed down as FFmpeg does it.
"""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr

from reeld.audio.codecs.decoding import in_channels, samples_of
from reeld.audio.samples import CHANNELS, RATE, Samples, join, silence
from reeld.runtime.logs import get_logger
from reeld_proto.errors import ErrorCode, RequestRejected


class FileSource:
    """One file, read from its beginning. Used by one thread.

    loop: begin again at the end, without a seam. Raises RequestRejected: NOT_FOUND, PERMISSION, or INVALID_REQUEST for
    what holds no sound that FFmpeg can read.
    """

    def __init__(self, path: Path, *, loop: bool = False) -> None:
        self.path = path
        self._loop = loop
        self._container = _opened(path)
        self._blocks = self._at_rate()
        self._waiting: deque[Samples] = deque()
        self._frames = 0
        self.ended = False
        """Whether nothing but silence comes any more."""
        try:
            self._fetch(1)
        except BaseException:
            self.close()
            raise
        if self.ended:
            self.close()
            raise _no_sound(path)

    def read(self, frames: int) -> Samples:
        """The next `frames` frames, which the caller owns; silence after the end."""
        self._fetch(frames)
        parts: list[Samples] = []
        missing = frames
        while missing and self._waiting:
            block = self._waiting.popleft()
            if len(block) > missing:
                self._waiting.appendleft(block[missing:])
            parts.append(block[:missing])
            missing -= len(parts[-1])
        self._frames -= frames - missing
        if missing:
            parts.append(silence(missing))
        return np.array(join(parts), np.float32) if frames else silence(0)

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._container.close()

    def _fetch(self, frames: int) -> None:
        while self._frames < frames and not self.ended:
            block = next(self._blocks, None)
            if block is None:
                self.ended = True
            elif len(block):
                self._waiting.append(block)
                self._frames += len(block)

    def _at_rate(self) -> Iterator[Samples]:
        """The sound at the rate of the graph."""
        rate = self._container.streams.audio[0].codec_context.sample_rate
        if rate == RATE:
            yield from self._turns()
            return
        resampler = soxr.ResampleStream(rate, RATE, CHANNELS, dtype="float32", quality="VHQ")
        for block in self._turns():
            yield resampler.resample_chunk(block)
        yield resampler.resample_chunk(silence(0), last=True)

    def _turns(self) -> Iterator[Samples]:
        """The sound at its own rate; over and over if it is to loop."""
        while True:
            heard = False
            for block in self._decoded():
                heard = True
                yield block
            if not (self._loop and heard):
                return
            self._container.close()
            self._container = _opened(self.path)

    def _decoded(self) -> Iterator[Samples]:
        stereo: Any = None
        try:
            for frame in self._container.decode(audio=0):
                if frame.layout.nb_channels <= CHANNELS:
                    yield in_channels(samples_of(frame), CHANNELS)
                    continue
                if stereo is None:
                    stereo = av.AudioResampler(format="fltp", layout="stereo", rate=frame.sample_rate)
                for mixed in stereo.resample(frame):
                    yield samples_of(mixed)
        except (av.FFmpegError, ValueError) as error:
            get_logger().warning("sound_file.damaged", path=str(self.path), reason=str(error))


def _opened(path: Path) -> Any:
    try:
        container = av.open(str(path))
    except FileNotFoundError as error:
        raise RequestRejected(f"there is no file {path}", code=ErrorCode.NOT_FOUND) from error
    except PermissionError as error:
        raise RequestRejected(f"{path} may not be read", code=ErrorCode.PERMISSION) from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _no_sound(path) from error
    if not container.streams.audio or not container.streams.audio[0].codec_context.sample_rate:
        container.close()
        raise _no_sound(path)
    return container


def _no_sound(path: Path) -> RequestRejected:
    return RequestRejected(
        f"{path} holds no sound that can be read", remedy="Choose a WAV, FLAC, Opus, MP3 or M4A file."
    )
