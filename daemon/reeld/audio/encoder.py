"""Sound to AAC in CMAF chunks.

DESIGN of the times: the encoder needs 1024 frames of priming, so its first packet begins 1024 frames before the first
sample. That packet is not kept, and times before it are never written: frame n of the input plays at n / 48000 s. The
decoder therefore lacks one overlap and renders the first 1024 frames of a track softly; no device delivers its first
sample that early. Chunks are cut between packets; the last one's final packet is shortened to the exact end.
"""

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np

from reeld.audio.samples import RATE, Samples, frames_to_ns, join
from reeld.media.cmaf import CmafEncoder

CODEC = "aac"
BIT_RATE = 128_000
PACKET_FRAMES = 1024
"""Frames in one AAC packet (ISO/IEC 14496-3)."""
CHUNK_PACKETS = 32
"""0.68 s: with block, pump and hold a kill costs less than 1 s of sound; 2 % of the bytes are headers."""


@dataclass(frozen=True)
class EncodedChunk:
    """One CMAF chunk. start_ns, end_ns: media time, exact; start_frame, end_frame: the same in frames."""

    data: bytes
    start_ns: int
    end_ns: int
    start_frame: int
    end_frame: int
    packets: int


class AacEncoder:
    """Encodes one track. Used by one thread. Raises RequestRejected (DEVICE_FAILED) where FFmpeg lacks AAC.

    first_frame: media frame of the first sample. Chunks tile media time from its beginning without a hole.
    """

    def __init__(self, first_frame: int) -> None:
        self._cmaf = CmafEncoder(CODEC, timescale=RATE, options={"b": str(BIT_RATE)}, configure=_configure, rate=RATE)
        self._input: deque[Samples] = deque()
        self._input_frames = 0
        self._packets: deque[Any] = deque()
        self._first_frame = first_frame
        self._next_frame = first_frame  # of the next encoder frame
        self._chunk_start = first_frame

    @property
    def init(self) -> bytes:
        """The track's init segment."""
        return self._cmaf.init

    @property
    def written_frame(self) -> int:
        """Media frame after the last one given to `write`."""
        return self._next_frame + self._input_frames

    def write(self, samples: Samples) -> list[EncodedChunk]:
        """Encode frames that follow those before; the chunks they complete."""
        self._input.append(samples)
        self._input_frames += len(samples)
        if self._input_frames >= PACKET_FRAMES:
            waiting = join(list(self._input))
            self._input.clear()
            usable = len(waiting) - len(waiting) % PACKET_FRAMES
            for start in range(0, usable, PACKET_FRAMES):
                self._encode(waiting[start : start + PACKET_FRAMES])
            self._input_frames = len(waiting) - usable
            if self._input_frames:
                self._input.append(waiting[usable:])
        chunks = []
        # One more than a chunk: it tells where the chunk ends, and the last of all is kept for `finish` to shorten.
        while len(self._packets) > CHUNK_PACKETS:
            chunks.append(self._cut(CHUNK_PACKETS, self._packets[CHUNK_PACKETS].pts, None))
        return chunks

    def cut(self) -> list[EncodedChunk]:
        """The packets encoded so far as a chunk, but for the last one, which `finish` may have to shorten."""
        count = len(self._packets) - 1
        return [self._cut(count, self._packets[count].pts, None)] if count > 0 else []

    def finish(self, end_frame: int, end_ns: int) -> list[EncodedChunk]:
        """The chunks that remain, the last one ending at `end_frame` and `end_ns`; called once, after the last `write`.

        Frames missing up to there are encoded as silence, frames beyond are not played.
        """
        missing = max(0, end_frame - self.written_frame)
        padding = missing + -(self._input_frames + missing) % PACKET_FRAMES
        chunks = self.write(np.zeros((padding, 2), np.float32)) if padding else []
        self._keep(self._cmaf.encode(None))
        while self._packets and self._packets[-1].pts >= end_frame:
            self._packets.pop()
        while self._packets:
            count = min(CHUNK_PACKETS, len(self._packets))
            last = count == len(self._packets)
            end = end_frame if last else self._packets[count].pts
            chunks.append(self._cut(count, end, end_ns if last else None))
        return chunks

    def close(self) -> None:
        """Free the encoder. May be called twice."""
        self._cmaf.close()

    def _encode(self, samples: Samples) -> None:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout="stereo")
        frame.sample_rate = RATE
        frame.pts = self._next_frame
        frame.time_base = Fraction(1, RATE)
        self._next_frame += len(samples)
        self._keep(self._cmaf.encode(frame))

    def _keep(self, packets: list[Any]) -> None:
        self._packets.extend(packet for packet in packets if packet.pts >= self._first_frame)

    def _cut(self, count: int, end_frame: int, end_ns: int | None) -> EncodedChunk:
        packets = [self._packets.popleft() for _ in range(count)]
        start, self._chunk_start = self._chunk_start, end_frame
        return EncodedChunk(
            data=self._cmaf.fragment(packets, end_frame),
            start_ns=frames_to_ns(start),
            end_ns=frames_to_ns(end_frame) if end_ns is None else end_ns,
            start_frame=start,
            end_frame=end_frame,
            packets=count,
        )


def _configure(stream: Any) -> None:
    stream.codec_context.sample_rate = RATE
    stream.codec_context.layout = "stereo"
    stream.codec_context.format = "fltp"
