"""WAV files: written as they grow, so that one whose writer was killed still plays.

DESIGN: a header of fixed size has room for the 64-bit sizes of RF64 (EBU Tech 3306), in a chunk that readers of RIFF
skip while it is called JUNK; a file that outgrows 4 GiB only changes its names. FFmpeg's muxer writes sizes when it is
closed and no sooner.
"""

import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from reeld.audio.samples import Samples
from reeld_proto.sound_graph import SampleFormat

_BYTES = {SampleFormat.F32: 4, SampleFormat.I16: 2, SampleFormat.I24: 3, SampleFormat.I32: 4}
_EXTENSIBLE, _PCM, _FLOAT = 0xFFFE, 1, 3
_GUID = bytes.fromhex("000000001000800000aa00389b71")
"""The rest of a sub-format's GUID behind its 16-bit tag, RFC 2361."""
_SPEAKERS = {1: 0x4, 2: 0x3}
_UINT32_MAX = 2**32 - 1
_SIZES_EVERY_S = 1
"""How old the sizes in the header may be, in seconds of sound."""


class WavSink:
    """Writes one file. Used by one thread; OSError goes to the caller.

    path: is replaced. Samples beyond full scale are clipped where the format is of whole numbers; others are rounded to
    the nearest, without dither, so that what had no more bits before comes back exactly.
    """

    def __init__(self, path: Path, *, rate: int, channels: int, samples: SampleFormat) -> None:
        self.path = path
        self._rate, self._channels, self._samples = rate, channels, samples
        self.frames = 0
        self._stated = 0
        self._file: BinaryIO = path.open("wb")
        self._file.write(self._header())

    def write(self, samples: Samples) -> None:
        """Frames that follow; borrowed until return."""
        self._file.write(packed(samples, self._samples))
        self.frames += len(samples)
        if self.frames - self._stated >= self._rate * _SIZES_EVERY_S:
            self._state_sizes()

    def finish(self) -> None:
        """Complete the file. Called once, after the last `write`."""
        if self._data_bytes % 2:
            self._file.write(b"\0")
        self._state_sizes()

    def close(self) -> None:
        """Close the file as it is. May be called twice."""
        self._file.close()

    @property
    def _data_bytes(self) -> int:
        return self.frames * self._channels * _BYTES[self._samples]

    def _state_sizes(self) -> None:
        self._file.flush()
        os.pwrite(self._file.fileno(), self._header(), 0)
        self._stated = self.frames

    def _header(self) -> bytes:
        width = _BYTES[self._samples]
        tag = _FLOAT if self._samples is SampleFormat.F32 else _PCM
        frame = self._channels * width
        form = struct.pack("<HHIIHH", _EXTENSIBLE, self._channels, self._rate, self._rate * frame, frame, width * 8)
        form += struct.pack("<HHIH", 22, width * 8, _SPEAKERS.get(self._channels, 0), tag) + _GUID
        tail = _chunk(b"fmt ", form) + _chunk(b"fact", struct.pack("<I", min(self.frames, _UINT32_MAX)))
        data = self._data_bytes
        size = 4 + 36 + len(tail) + 8 + data + data % 2
        long = size > _UINT32_MAX
        sizes = struct.pack("<QQQI", size, data, self.frames, 0) if long else bytes(28)
        head = (b"RF64" if long else b"RIFF") + struct.pack("<I", _UINT32_MAX if long else size) + b"WAVE"
        junk = _chunk(b"ds64" if long else b"JUNK", sizes)
        return head + junk + tail + b"data" + struct.pack("<I", _UINT32_MAX if long else data)


def packed(samples: Samples, form: SampleFormat) -> bytes:
    """Samples as a file has them: little-endian, channels alternating."""
    if form is SampleFormat.F32:
        return np.ascontiguousarray(samples, "<f4").tobytes()
    if form is SampleFormat.I32:
        # Full scale is no float32, and the nearest one is too big.
        return _rounded(samples.astype(np.float64), 32).astype("<i4").tobytes()
    if form is SampleFormat.I16:
        return _rounded(samples, 16).astype("<i2").tobytes()
    whole: npt.NDArray[np.int32] = np.ascontiguousarray(_rounded(samples, 24).astype("<i4"))
    return whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def _rounded(samples: npt.NDArray[Any], bits: int) -> npt.NDArray[Any]:
    full = 2 ** (bits - 1)
    whole: npt.NDArray[Any] = np.clip(np.rint(samples * samples.dtype.type(full)), -full, full - 1)
    return whole


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body
