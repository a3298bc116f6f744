"""Streams of a foreign file as chunks of a track: packets as they are where the store can hold them.

DESIGN: a chunk's own times cannot be negative, and a stream with B-frames is decoded before it is shown; so a chunk's
own time is media time plus a delay, which its entry takes back (`shift_ns`). What lies before the start (the priming
of a sound encoder, what an edit list hides) stays in the first chunk and is not shown. Pictures are cut only where
everything before is shown before everything after, at a key frame if there is one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from reeld.media.cmaf import CmafCopier
from reeld_proto import codec
from reeld_proto.records import TrackKind
from reeld_proto.units import NS_PER_S

VIDEO_TIMESCALE = 90_000
"""Frame times of all common rates are whole in it, or less than 6 us from it."""
CHUNK_S = 2
AAC_FRAME = 1024
_REORDER_MAX = 17
"""No H.264 stream shows a picture later than so many after it was decoded (max_dec_frame_buffering, plus itself)."""
_WAITING_MAX = 20_000


class NotCopiableError(Exception):
    """The stream cannot be stored as it is; it has to be encoded."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk of a track. Times are media time; shift_ns: media time minus the chunk's own."""

    start_ns: int
    end_ns: int
    shift_ns: int
    frames: int
    keyframe: bool
    data: bytes


class Lane(Protocol):
    """One stream on its way to a track. Used by one thread."""

    kind: TrackKind
    codec: str

    @property
    def init(self) -> bytes:
        """The track's init segment; known once there is a piece."""
        ...

    def feed(self, packet: Any) -> Iterator[Piece]:
        """What a packet of the demuxer completes. Raises NotCopiableError, av.FFmpegError."""
        ...

    def finish(self) -> Iterator[Piece]:
        """What remains; called once, after the last packet."""
        ...

    def close(self) -> None:
        """Free encoder and decoder. May be called twice."""
        ...


@dataclass(slots=True)
class _Waiting:
    """A packet with its media times in ticks."""

    packet: Any
    dts: int
    pts: int
    duration: int


class CopiedVideo:
    """H.264 pictures as they are. origin: the instant of the file, in seconds, that is media time 0."""

    kind = TrackKind.VIDEO
    codec = "h264"

    def __init__(self, stream: Any, origin: Fraction) -> None:
        if stream.codec_context.name != "h264" or bytes(stream.codec_context.extradata or b"")[:1] != b"\x01":
            raise NotCopiableError("no H.264 with its parameters in front")
        self._time_base = Fraction(stream.time_base)
        self._origin = origin
        rate = stream.average_rate or stream.guessed_rate
        self._usual = round(VIDEO_TIMESCALE / rate) if rate else VIDEO_TIMESCALE // 25
        self._muxer = CmafCopier(stream, timescale=VIDEO_TIMESCALE)
        self._undated: list[Any] = []
        self._waiting: list[_Waiting] = []
        self._delay: int | None = None
        self._last_dts: int | None = None

    @property
    def init(self) -> bytes:
        """The track's init segment."""
        return self._muxer.init

    def feed(self, packet: Any) -> Iterator[Piece]:
        """What a packet completes."""
        if packet.pts is None:
            raise NotCopiableError("a picture without a time")
        if packet.dts is None:
            if self._last_dts is not None or len(self._undated) > _REORDER_MAX:
                raise NotCopiableError("a picture without a decode time")
            self._undated.append(packet)  # Matroska has none; FFmpeg finds them after the first few
            return
        dts = self._ticks(packet.dts)
        for index, each in enumerate(self._undated):
            self._add(each, dts - (len(self._undated) - index) * self._usual)
        self._undated.clear()
        self._add(packet, dts)
        yield from self._cut_ripe()

    def finish(self) -> Iterator[Piece]:
        """What remains."""
        if self._undated:
            raise NotCopiableError("pictures without decode times")
        while self._waiting:
            limit = self._waiting[0].dts + CHUNK_S * VIDEO_TIMESCALE
            fits = self._waiting[-1].dts < limit
            yield self._piece((not fits and self._clean_cut(limit)) or len(self._waiting))

    def close(self) -> None:
        """Free the muxer."""
        self._muxer.close()

    def _ticks(self, time: int) -> int:
        return round((time * self._time_base - self._origin) * VIDEO_TIMESCALE)

    def _add(self, packet: Any, dts: int) -> None:
        pts = self._ticks(packet.pts)
        if self._delay is None:
            if not packet.is_keyframe:
                raise NotCopiableError("the first picture is no key frame")
            self._delay = max(0, -dts)
        if (self._last_dts is not None and dts <= self._last_dts) or pts < dts:
            raise NotCopiableError("decode times that do not rise")
        self._last_dts = dts
        duration = round(packet.duration * self._time_base * VIDEO_TIMESCALE) if packet.duration else self._usual
        self._waiting.append(_Waiting(packet, dts, pts, duration))
        if len(self._waiting) > _WAITING_MAX:
            raise NotCopiableError("no place to cut")

    def _cut_ripe(self) -> Iterator[Piece]:
        while len(self._waiting) > _REORDER_MAX:
            limit = self._waiting[0].dts + CHUNK_S * VIDEO_TIMESCALE
            if self._waiting[-_REORDER_MAX].dts <= limit:
                return
            count = self._clean_cut(limit)
            if not count:
                return
            yield self._piece(count)

    def _clean_cut(self, limit: int) -> int:
        """How many packets make a chunk up to `limit` (more if need be), the last key frame preferred; 0 for none."""
        waiting = self._waiting
        least_after = [0] * len(waiting)
        least = None
        for index in range(len(waiting) - 1, -1, -1):
            least = waiting[index].pts if least is None else min(least, waiting[index].pts)
            least_after[index] = least
        found, at_key = 0, 0
        most = waiting[0].pts
        for index in range(1, len(waiting)):
            if found and waiting[index].dts > limit:
                break
            if most < least_after[index] and least_after[index] > 0:
                found = index
                at_key = index if waiting[index].packet.is_keyframe else at_key
            most = max(most, waiting[index].pts)
        return at_key or found

    def _piece(self, count: int) -> Piece:
        part, self._waiting = self._waiting[:count], self._waiting[count:]
        delay = self._delay or 0
        start = max(0, min(each.pts for each in part))
        last = max(part, key=lambda each: each.pts)
        end = min((each.pts for each in self._waiting), default=last.pts + last.duration)
        end_dts = self._waiting[0].dts if self._waiting else part[-1].dts + part[-1].duration
        for each in part:
            each.packet.dts, each.packet.pts = each.dts + delay, each.pts + delay
        keyframe = bool(part[0].packet.is_keyframe)
        data = self._muxer.fragment([each.packet for each in part], end_dts + delay)
        if len(data) > codec.PAYLOAD_BYTES_MAX:
            raise NotCopiableError("two seconds are more than a chunk may have")
        return Piece(_ns(start), _ns(end), -_ns(delay), len(part), keyframe, data)


def _ns(ticks: int, timescale: int = VIDEO_TIMESCALE) -> int:
    return round(ticks * NS_PER_S / timescale)


class CopiedSound:
    """AAC packets as they are."""

    kind = TrackKind.AUDIO
    codec = "aac"

    def __init__(self, stream: Any, origin: Fraction) -> None:
        context = stream.codec_context
        if context.name != "aac" or context.profile != "LC" or not context.extradata or not context.sample_rate:
            raise NotCopiableError("no plain AAC")
        self._rate = int(context.sample_rate)
        self._time_base = Fraction(stream.time_base)
        self._origin = origin
        self._muxer = CmafCopier(stream, timescale=self._rate)
        self._packets_max = max(1, CHUNK_S * self._rate // AAC_FRAME)
        self._waiting: list[Any] = []
        self._start = 0
        self._next: int | None = None
        self._delay = 0

    @property
    def init(self) -> bytes:
        """The track's init segment."""
        return self._muxer.init

    def feed(self, packet: Any) -> Iterator[Piece]:
        """What a packet completes."""
        if packet.pts is None:
            raise NotCopiableError("a packet without a time")
        at = round((packet.pts * self._time_base - self._origin) * self._rate)
        if self._next is None:
            self._delay = max(0, -at)
        elif abs(at - self._next) < AAC_FRAME // 2:
            at = self._next  # Matroska counts in milliseconds
        elif at < self._next:
            raise NotCopiableError("packets that overlap")
        else:
            yield from self._cut()
        if not self._waiting:
            self._start = at
        packet.pts = packet.dts = at + self._delay
        self._waiting.append(packet)
        self._next = at + AAC_FRAME
        if len(self._waiting) >= self._packets_max and self._next > 0:
            yield from self._cut()

    def finish(self) -> Iterator[Piece]:
        """What remains."""
        yield from self._cut()

    def close(self) -> None:
        """Free the muxer."""
        self._muxer.close()

    def _cut(self) -> Iterator[Piece]:
        packets, self._waiting = self._waiting, []
        if not packets or self._next is None or self._next <= 0:
            return
        start, end = (_ns(max(0, each), self._rate) for each in (self._start, self._next))
        data = self._muxer.fragment(packets, self._next + self._delay)
        yield Piece(start, end, -_ns(self._delay, self._rate), len(packets), keyframe=True, data=data)
