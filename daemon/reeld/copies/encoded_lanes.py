"""Streams that the store cannot hold as they are, encoded as a recording would be: H.264, and AAC at 48 kHz in stereo.

WAV becomes AAC, too: every session then has one sound format, so that it can be merged with others and plays anywhere.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np

from reeld.audio.encoder import SoundEncoder, encoder_for
from reeld.audio.samples import RATE
from reeld.copies.lanes import CHUNK_S, Piece
from reeld.media.encoder import TIMESCALE, VideoEncoder
from reeld.media.presets import settings_for
from reeld_proto.records import Quality, TrackKind, VideoCodec
from reeld_proto.sound_graph import SoundCodec
from reeld_proto.units import NS_PER_S

_FPS_MAX = 60
_GAP_S = 0.05
"""Sound that comes later than this is a gap and becomes silence; less is rounding or drift of the file's clock."""


class EncodedVideo:
    """Pictures decoded and encoded again at their own times, a key frame every two seconds."""

    kind = TrackKind.VIDEO
    codec: str = VideoCodec.H264

    def __init__(self, stream: Any, origin: Fraction) -> None:
        self._stream = stream
        self._origin = origin
        rate = stream.average_rate or stream.guessed_rate
        self._fps = max(1, min(_FPS_MAX, round(rate))) if rate else 25
        self._encoder: VideoEncoder | None = None
        self._size = (0, 0)
        self._packets: list[Any] = []
        self._start = 0
        self._last: int | None = None

    @property
    def init(self) -> bytes:
        """The track's init segment."""
        return self._encoder.init if self._encoder is not None else b""

    def feed(self, packet: Any) -> Iterator[Piece]:
        """What a packet completes."""
        for frame in self._stream.codec_context.decode(packet):
            yield from self._encode(frame)

    def finish(self) -> Iterator[Piece]:
        """What remains."""
        for frame in self._stream.codec_context.decode(None):
            yield from self._encode(frame)
        if self._packets and self._last is not None:
            yield self._piece(self._last + round(TIMESCALE / self._fps))

    def close(self) -> None:
        """Free the encoder."""
        if self._encoder is not None:
            self._encoder.close()

    def _encode(self, frame: Any) -> Iterator[Piece]:
        if frame.pts is None:
            return
        ticks = round((frame.pts * Fraction(frame.time_base) - self._origin) * TIMESCALE)
        if ticks < 0 or (self._last is not None and ticks <= self._last):
            return
        if self._encoder is None:
            self._size = max(2, frame.width & ~1), max(2, frame.height & ~1)
            self._encoder = VideoEncoder(*self._size, self._fps, settings_for(VideoCodec.H264, Quality.HIGH))
        width, height = self._size
        picture = frame.reformat(width=width, height=height, format="yuv420p")
        if self._packets and ticks - self._start >= CHUNK_S * TIMESCALE:
            yield self._piece(ticks)
        if not self._packets:
            self._start = ticks
        encoded = self._encoder.encode(picture, ticks, keyframe=not self._packets)
        self._packets.append(encoded.packet)
        self._last = ticks

    def _piece(self, end: int) -> Piece:
        assert self._encoder is not None  # noqa: S101 - there are packets of it
        packets, self._packets = self._packets, []
        data = self._encoder.fragment(packets, end)
        start_ns, end_ns = (round(each * NS_PER_S / TIMESCALE) for each in (self._start, end))
        return Piece(start_ns, end_ns, 0, len(packets), keyframe=True, data=data)


class EncodedSound:
    """Sound decoded, brought to 48 kHz in stereo and encoded again."""

    kind = TrackKind.AUDIO
    codec = "aac"

    def __init__(self, stream: Any, origin: Fraction) -> None:
        self._stream = stream
        self._origin = origin
        self._resampler: Any = None
        self._encoder: SoundEncoder | None = None

    @property
    def init(self) -> bytes:
        """The track's init segment."""
        return self._encoder.init if self._encoder is not None else b""

    def feed(self, packet: Any) -> Iterator[Piece]:
        """What a packet completes."""
        for frame in self._stream.codec_context.decode(packet):
            yield from self._encode(frame)

    def finish(self) -> Iterator[Piece]:
        """What remains."""
        for frame in self._stream.codec_context.decode(None):
            yield from self._encode(frame)
        if self._encoder is None:
            return
        yield from self._drain()
        end = self._encoder.written_frame
        for chunk in self._encoder.finish(end, round(end * NS_PER_S / RATE)):
            yield _piece(chunk)

    def close(self) -> None:
        """Free the encoder."""
        if self._encoder is not None:
            self._encoder.close()

    def _encode(self, frame: Any) -> Iterator[Piece]:
        at_s = frame.pts * Fraction(frame.time_base) - self._origin if frame.pts is not None else None
        if self._encoder is None:
            self._encoder = encoder_for(SoundCodec.AAC, first_frame=max(0, round((at_s or 0) * RATE)))
        elif at_s is not None:
            missing = round((at_s - Fraction(self._encoder.written_frame, RATE)) * RATE)
            if missing > _GAP_S * RATE:
                yield from self._drain()
                yield from self._silence(round(at_s * RATE) - self._encoder.written_frame)
        if self._resampler is None:
            # FFmpeg would play mono 3 dB softer in stereo; the same samples on both sides are as loud as before.
            layout = "mono" if frame.layout.nb_channels == 1 else "stereo"
            self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=RATE)
        for each in self._resampler.resample(frame):
            yield from self._write(each)

    def _drain(self) -> Iterator[Piece]:
        for frame in self._resampler.resample(None) if self._resampler is not None else ():
            yield from self._write(frame)
        self._resampler = None

    def _silence(self, frames: int) -> Iterator[Piece]:
        while frames > 0:
            portion = min(frames, RATE)
            frames -= portion
            yield from self._put(np.zeros((portion, 2), np.float32))

    def _write(self, frame: Any) -> Iterator[Piece]:
        yield from self._put(np.broadcast_to(frame.to_ndarray().T, (frame.samples, 2)))

    def _put(self, samples: "np.ndarray[Any, np.dtype[np.float32]]") -> Iterator[Piece]:
        if self._encoder is not None:
            for chunk in self._encoder.write(np.ascontiguousarray(samples)):
                yield _piece(chunk)


def _piece(chunk: Any) -> Piece:
    return Piece(chunk.start_ns, chunk.end_ns, 0, chunk.packets, keyframe=True, data=chunk.data)
