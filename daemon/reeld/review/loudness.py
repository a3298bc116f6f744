"""Chunks of sound measured. Imports FFmpeg and NumPy, and so is imported itself only where a wave is drawn."""

from typing import Any

import av
import numpy as np

from reeld.audio.codecs.decoding import samples_of
from reeld.media.decode import open_init
from reeld.media.fragments import Init, Sample, parse_chunk, parse_init
from reeld.review.peaks import STEP_NS, Measured
from reeld_proto.errors import StoreCorrupt
from reeld_proto.units import NS_PER_S

GLANCE_NS = 200_000_000
"""So much of a chunk stands for a whole column where columns are wide."""


class Meter:
    """Measures chunks one by one; those of one init segment share a decoder. Used by one thread."""

    def __init__(self) -> None:
        self._init: bytes | None = None
        self._decoder: Any = None
        self._described = Init(1, 0, 0, 0)

    def measure(self, init: bytes, chunk: bytes, *, glance: bool) -> Measured:
        """The loudest of each step, of whatever channel. glance: of the middle alone. Raises StoreCorrupt.

        A decoder that was not given what came before is wrong about the first few milliseconds, which no eye sees.
        """
        if init != self._init:
            self._open(init)
        samples = parse_chunk(chunk, self._described)
        if glance:
            samples = self._middle(samples)
        start_ns = samples[0].pts * NS_PER_S // self._described.timescale
        return Measured(start_ns, self._steps(samples))

    def _open(self, init: bytes) -> None:
        self._init = None
        described = parse_init(init)
        with open_init(init) as container:
            stated: Any = container.streams[0].codec_context
            if stated.type != "audio":
                raise StoreCorrupt("an init segment of no sound")
            decoder: Any = av.CodecContext.create(stated.codec.canonical_name, "r")
            decoder.extradata = stated.extradata
            decoder.sample_rate, decoder.layout = stated.sample_rate, stated.layout.name
        decoder.thread_count = 1
        self._init, self._decoder, self._described = init, decoder, described

    def _middle(self, samples: list[Sample]) -> list[Sample]:
        most = GLANCE_NS * self._described.timescale // NS_PER_S
        middle = (samples[0].pts + samples[-1].pts + samples[-1].duration) // 2
        return [each for each in samples if abs(each.pts + each.duration // 2 - middle) <= most // 2] or samples[:1]

    def _steps(self, samples: list[Sample]) -> bytes:
        self._decoder.flush_buffers()
        try:
            frames = [frame for each in samples for frame in self._decoder.decode(av.Packet(bytes(each.data)))]
        except (av.FFmpegError, ValueError) as error:
            raise StoreCorrupt(f"FFmpeg cannot decode a packet of sound: {error}") from error
        if not frames:
            raise StoreCorrupt("a chunk without sound")
        step = frames[0].sample_rate * STEP_NS // NS_PER_S
        loud = np.abs(np.concatenate([samples_of(frame) for frame in frames])).max(axis=1)
        peaks = np.maximum.reduceat(loud, np.arange(0, len(loud), max(1, step)))
        return (np.nan_to_num(np.minimum(peaks, 1.0)) * 255 + 0.5).astype(np.uint8).tobytes()
