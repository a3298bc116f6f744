"""Sound to CMAF chunks: AAC, Opus or FLAC, on a grid of packets that begins at the track's first frame.

How a codec's own delay is taken out is told in `codecs.recipes`. Chunks are cut between packets; the last one's final
packet is shortened to the exact end. Exact digital silence is encoded until its packets repeat themselves, and from
there on the same packet is used again: nobody pays for a microphone that is switched off.
"""

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np

from reeld.audio.codecs.flac import part_of_packet
from reeld.audio.codecs.recipes import Recipe, recipe_for, without_pre_skip
from reeld.audio.samples import CHANNELS, RATE, Samples, frames_to_ns, join
from reeld.media.cmaf import CmafEncoder
from reeld_proto.sound_graph import SoundCodec

CHUNK_S = 0.7
"""Longest chunk, in whole packets: with block, pump and hold a kill costs less than 1 s of sound; 2 % of the bytes are
headers."""
_SETTLED = 4
"""So many silent packets' worth of input in a row, and the two newest packets hold nothing else."""


@dataclass(frozen=True)
class EncodedChunk:
    """One CMAF chunk. start_ns, end_ns: media time, exact; start_frame, end_frame: the same in frames."""

    data: bytes
    start_ns: int
    end_ns: int
    start_frame: int
    end_frame: int
    packets: int


def encoder_for(
    codec: SoundCodec,
    *,
    rate: int = RATE,
    channels: int = CHANNELS,
    bit_rate: int | None = None,
    first_frame: int = 0,
) -> "SoundEncoder":
    """An encoder of one track. bit_rate: bits a second; None leaves it to the codec.

    Raises RequestRejected for a rate or channels that the codec does not have; DEVICE_FAILED where FFmpeg lacks it.
    """
    return SoundEncoder(recipe_for(codec, rate, channels, bit_rate), first_frame)


class SoundEncoder:
    """Encodes one track. Used by one thread.

    first_frame: media frame of the first sample. Chunks tile media time from its beginning without a hole.
    """

    def __init__(self, recipe: Recipe, first_frame: int) -> None:
        self.recipe = recipe
        self._cmaf = CmafEncoder(
            recipe.encoder, timescale=recipe.rate, options=recipe.options, configure=self._configure, rate=recipe.rate
        )
        self.init = without_pre_skip(self._cmaf.init)
        """The track's init segment."""
        self._size = recipe.packet_frames
        self._chunk_packets = max(1, int(CHUNK_S * recipe.rate) // self._size)
        # Behind the first frame by a whole number of packets; those are dropped.
        lead = -recipe.delay % self._size
        self._input: deque[Samples] = deque([self._silence(lead)] if lead else [])
        self._input_frames = lead
        self._packets: deque[Any] = deque()
        self._first_frame = first_frame
        self._next_packet = first_frame - recipe.delay - lead  # frame at which the next one begins
        self._next_input = first_frame - lead  # frame at which `_input` begins
        self._chunk_start = first_frame
        self._silent = 0
        self._silent_packet: bytes | None = None

    @property
    def written_frame(self) -> int:
        """Media frame after the last one given to `write`."""
        return self._next_input + self._input_frames

    def write(self, samples: Samples) -> list[EncodedChunk]:
        """Encode frames that follow those before; the chunks they complete."""
        self._input.append(samples)
        self._input_frames += len(samples)
        if self._input_frames >= self._size:
            waiting = join(list(self._input))
            usable = len(waiting) - len(waiting) % self._size
            for start in range(0, usable, self._size):
                self._encode(waiting[start : start + self._size])
            self._keep_waiting(waiting[usable:])
        chunks = []
        # One more than a chunk: it tells where the chunk ends, and the last of all is kept for `finish` to shorten.
        while len(self._packets) > self._chunk_packets:
            chunks.append(self._cut(self._chunk_packets, self._packets[self._chunk_packets].pts, None))
        return chunks

    def cut(self) -> list[EncodedChunk]:
        """The packets encoded so far as a chunk, but for the last one, which `finish` may have to shorten."""
        count = len(self._packets) - 1
        return [self._cut(count, self._packets[count].pts, None)] if count > 0 else []

    def finish(self, end_frame: int, end_ns: int) -> list[EncodedChunk]:
        """The chunks that remain, the last one ending at `end_frame` and `end_ns`; called once, after the last `write`.

        Frames missing up to there are encoded as silence, frames beyond are not played.
        """
        missing = end_frame - self.written_frame
        chunks = self.write(self._silence(missing)) if missing > 0 else []
        if missing < 0:
            self._keep_waiting(join(list(self._input))[: max(0, end_frame - self._next_input)])
        if self.recipe.short_end:
            self._encode_end()
        while not self.recipe.short_end and self._next_packet < end_frame:
            waiting = join(list(self._input)) if self._input else self._silence(0)
            self._encode(np.concatenate([waiting, self._silence(self._size - len(waiting))]))
            self._keep_waiting(self._silence(0))
        while self._packets and self._packets[-1].pts >= end_frame:
            self._packets.pop()
        self._shorten_last(end_frame)
        while self._packets:
            count = min(self._chunk_packets, len(self._packets))
            last = count == len(self._packets)
            end = end_frame if last else self._packets[count].pts
            chunks.append(self._cut(count, end, end_ns if last else None))
        return chunks

    def close(self) -> None:
        """Free the encoder. May be called twice."""
        self._cmaf.close()

    def _configure(self, stream: Any) -> None:
        stream.codec_context.sample_rate = self.recipe.rate
        stream.codec_context.layout = self.recipe.layout
        stream.codec_context.format = self.recipe.sample_format

    def _silence(self, frames: int) -> Samples:
        return np.zeros((frames, self.recipe.channels), np.float32)

    def _keep_waiting(self, samples: Samples) -> None:
        self._input.clear()
        self._input_frames = len(samples)
        if len(samples):
            self._input.append(samples)

    def _encode(self, samples: Samples) -> None:
        """Give the encoder one packet's worth of input."""
        self._next_input += len(samples)
        self._silent = 0 if samples.any() else self._silent + 1
        if self._silent > _SETTLED and self._silent_packet is not None:
            self._keep([av.Packet(self._silent_packet)])
            return
        self._keep(self._cmaf.encode(self._frame(samples)))
        self._silent_packet = self._repeated() if self._silent >= _SETTLED and self.recipe.repeats else None

    def _repeated(self) -> bytes | None:
        """The newest packet, if it is the same as the one before: Opus needs a second to forget what sounded."""
        if len(self._packets) < 2:
            return None
        last = bytes(self._packets[-1])
        return last if last == bytes(self._packets[-2]) else None

    def _encode_end(self) -> None:
        """Give the encoder the rest, which is less than a packet, and take what it still has."""
        if self._input:
            rest = join(list(self._input))
            self._next_input += len(rest)
            self._keep_waiting(self._silence(0))
            self._keep(self._cmaf.encode(self._frame(rest)))
        self._keep(self._cmaf.encode(None))

    def _shorten_last(self, end_frame: int) -> None:
        """Where a codec can, no more frames in the last packet than are to be played: players count them."""
        last = self._packets[-1] if self._packets else None
        if last is None or not self.recipe.short_end or last.duration <= end_frame - last.pts:
            return
        extradata = bytes(self._cmaf.context.extradata)
        packet: Any = av.Packet(part_of_packet(bytes(last), self.recipe, extradata, 0, end_frame - last.pts))
        packet.pts = packet.dts = last.pts
        packet.is_keyframe = True
        self._packets[-1] = packet

    def _frame(self, samples: Samples) -> Any:
        recipe = self.recipe
        frame = av.AudioFrame.from_ndarray(recipe.shaped(samples), format=recipe.sample_format, layout=recipe.layout)
        frame.sample_rate = recipe.rate
        frame.pts = self._next_input - len(samples)
        frame.time_base = Fraction(1, recipe.rate)
        return frame

    def _keep(self, packets: list[Any]) -> None:
        """Lay packets on the grid; the encoder's own times count what it was given, which silence may have skipped."""
        for packet in packets:
            if not packet.size:
                continue  # FLAC's last one only carries a checksum of everything
            packet.pts = packet.dts = self._next_packet
            packet.is_keyframe = True
            self._next_packet += self._size
            if packet.pts >= self._first_frame:
                self._packets.append(packet)

    def _cut(self, count: int, end_frame: int, end_ns: int | None) -> EncodedChunk:
        packets = [self._packets.popleft() for _ in range(count)]
        start, self._chunk_start = self._chunk_start, end_frame
        rate = self.recipe.rate
        return EncodedChunk(
            data=self._cmaf.fragment(packets, end_frame),
            start_ns=frames_to_ns(start, rate),
            end_ns=frames_to_ns(end_frame, rate) if end_ns is None else end_ns,
            start_frame=start,
            end_frame=end_frame,
            packets=count,
        )
