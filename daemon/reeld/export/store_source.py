"""A stored track of sound as samples: what an export and another mix are made from.

DESIGN: every packet says at which frame it begins, and the timeline which frames of it are heard, so nothing is ever
counted up: what is missing or damaged is silence of its exact length, and no error can add up. Decoding begins
`LEAD_NS` before the first frame, or with what a joint has before it: AAC needs a packet for that, Opus forgets
what it did not hear within a second. So a range gives the very samples that the same frames of the whole track are.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av
import numpy as np

from reeld.audio.codecs.decoding import in_channels, samples_of
from reeld.audio.samples import Samples, nearest_frame
from reeld.media.decode import open_init
from reeld.media.fragments import Init, parse_chunk, parse_init
from reeld.runtime.logs import get_logger
from reeld.store.api import Footage, Segment
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.units import NS_PER_S, seconds

LEAD_NS = 2 * NS_PER_S
_OPUS_RATE = 48_000
"""What a decoder of Opus gives, at whatever rate the sound went in."""


@dataclass(frozen=True)
class SoundFormat:
    """What a track decodes to: frames a second, channels, and the codec's name."""

    rate: int
    channels: int
    codec: str


@dataclass(frozen=True)
class _Stretch:
    """What an init segment says: how its packets are decoded, and in what their times count."""

    init: Init
    format: SoundFormat
    name: str
    extradata: bytes
    layout: str


class StoreSource:
    """Frames of one track, read once from `start_ns` (media time) on. Used by one thread.

    Frame 0 is the one nearest to `start_ns`. `format` is that of the track's first chunk; other channels are brought to
    it. skipped: chunks that were missing or damaged and are silence. Raises RequestRejected: NOT_FOUND for a track of
    which nothing was recorded, INVALID_REQUEST (while reading) for one that changes its rate; StoreCorrupt if no init
    segment can be read.
    """

    def __init__(self, reader: Footage, session: str, track: str, start_ns: int = 0) -> None:
        self._reader, self._session, self._track = reader, session, track
        self._inits: dict[bytes, _Stretch] = {}
        self.skipped = 0
        self.format = self._first_format()
        self._cursor = nearest_frame(start_ns, self.format.rate)
        self._lead_ns = max(0, start_ns - LEAD_NS)
        self._blocks = self._decoded()
        self._waiting: deque[tuple[int, Samples]] = deque()
        self._ended = False

    @property
    def rate(self) -> int:
        """Frames a second of what is read."""
        return self.format.rate

    def read(self, frames: int) -> Samples:
        """The next `frames` frames; silence where the track has nothing, also after its end. The caller owns them."""
        out = np.zeros((frames, self.format.channels), np.float32)
        start, end = self._cursor, self._cursor + frames
        while not self._ended and (not self._waiting or self._waiting[-1][0] + len(self._waiting[-1][1]) < end):
            block = next(self._blocks, None)
            if block is None:
                self._ended = True
            elif block[0] + len(block[1]) > start:
                self._waiting.append(block)
        while self._waiting and self._waiting[0][0] < end:
            at, samples = self._waiting.popleft()
            low, high = max(at, start), min(at + len(samples), end)
            if low < high:
                out[low - start : high - start] = samples[low - at : high - at]
            if at + len(samples) > end:
                self._waiting.appendleft((end, samples[end - at :]))
        self._cursor = end
        return out

    def _first_format(self) -> SoundFormat:
        failure: StoreCorrupt | None = None
        for segment in self._reader.segments(self._session, self._track):
            try:
                return self._stretch(segment.init).format
            except StoreCorrupt as error:
                failure = error
        if failure is not None:
            raise StoreCorrupt(f"no init segment of track {self._track} of session {self._session} is intact")
        raise RequestRejected(
            f"nothing was recorded in track {self._track} of session {self._session}", code=ErrorCode.NOT_FOUND
        )

    def _stretch(self, digest: bytes) -> _Stretch:
        """What the init segment says. Raises StoreCorrupt."""
        if digest not in self._inits:
            data = self._reader.chunk(digest)
            with open_init(data) as container:
                context: Any = container.streams[0].codec_context
                name = context.codec.canonical_name
                rate = _OPUS_RATE if name == "opus" else context.sample_rate
                found = SoundFormat(rate, context.layout.nb_channels, name)
                extradata = bytes(context.extradata or b"")
                self._inits[digest] = _Stretch(parse_init(data), found, name, extradata, context.layout.name)
        return self._inits[digest]

    def _segments(self) -> Iterator[Segment]:
        """From the one on view at the start of the lead on."""
        before = self._reader.keyframe_before(self._session, self._track, self._lead_ns)
        return self._reader.segments(self._session, self._track, self._lead_ns if before is None else before.start_ns)

    def _decoded(self) -> Iterator[tuple[int, Samples]]:
        """Blocks that are heard and the frame at which each begins; they rise and do not overlap."""
        shown: deque[tuple[int, int]] = deque()
        heard = 0
        for begin, block in self._runs(shown):
            end = begin + len(block)
            for low, high in list(shown):
                first, last = max(begin, low, heard), min(end, high)
                if first < last:
                    heard = last
                    yield first, block[first - begin : last - begin]
            while len(shown) > 1 and shown[0][1] <= end:
                shown.popleft()

    def _runs(self, shown: deque[tuple[int, int]]) -> Iterator[tuple[int, Samples]]:
        """All that is decoded. shown: gets the frames that each entry of the timeline shows, before what is in them."""
        decoder: _Decoder | None = None
        for segment in self._segments():
            try:
                stretch = self._stretch(segment.init)
                samples = parse_chunk(self._reader.chunk(segment.chunk), stretch.init)
            except StoreCorrupt as error:
                self._skip(segment, error)
                continue
            rate = self._checked(stretch.format, segment).rate
            shift = nearest_frame(segment.shift_ns, rate)
            places = [
                tuple(ticks * rate // stretch.init.timescale for ticks in (sample.pts, sample.duration))
                for sample in samples
            ]
            if decoder is not None and not decoder.goes_on(stretch, places[0][0] + shift):
                yield from decoder.rest()
                decoder = None
            shown.append((nearest_frame(segment.start_ns, rate), nearest_frame(segment.end_ns, rate)))
            try:
                for sample, (at, length) in zip(samples, places, strict=True):
                    if decoder is None or not decoder.goes_on(stretch, at + shift):
                        yield from decoder.rest() if decoder is not None else ()
                        decoder = _Decoder(stretch, self.format.channels, at + shift)
                    yield from decoder.decode(bytes(sample.data), length)
            except StoreCorrupt as error:
                self._skip(segment, error)
                decoder = None
        if decoder is not None:
            yield from decoder.rest()

    def _checked(self, found: SoundFormat, segment: Segment) -> SoundFormat:
        if found.rate != self.format.rate:
            raise RequestRejected(
                f"track {self._track} changes from {self.format.rate} to {found.rate} Hz at"
                f" {seconds(segment.start_ns)} s; one file cannot hold both",
                remedy="Export the parts before and after as two files, with --from and --to.",
            )
        return found

    def _skip(self, segment: Segment, error: StoreCorrupt) -> None:
        self.skipped += 1
        get_logger().warning(
            "sound.chunk_skipped",
            session_id=self._session,
            track=self._track,
            at_s=seconds(segment.start_ns),
            reason=str(error),
        )


class _Decoder:
    """One unbroken run of packets, the first of which begins at frame `start`.

    What comes out is counted, since a decoder may be late: that of Opus is by half a millisecond where it was speech
    of 8 kHz, and gives the rest at the end.
    """

    def __init__(self, stretch: _Stretch, channels: int, start: int) -> None:
        self._stretch = stretch
        self._channels = channels
        self._next = self._out = start
        # FFmpeg's own decoder of Opus gives float; libopus' would round to 16 bits.
        context: Any = av.CodecContext.create(stretch.name, "r")
        context.extradata = stretch.extradata
        context.thread_count = 1
        context.sample_rate = stretch.format.rate
        context.layout = stretch.layout
        self._context = context

    def goes_on(self, stretch: _Stretch, at: int) -> bool:
        """Whether a packet that begins at frame `at` follows the last one.

        None follows one that was shortened, and so gave more than it says: its encoder stopped there.
        """
        return stretch is self._stretch and self._next == at and self._out <= at

    def decode(self, data: bytes, length: int) -> list[tuple[int, Samples]]:
        """What the next packet, of `length` frames, gives and where that begins. Raises StoreCorrupt."""
        self._next += length
        return self._take(av.Packet(data))

    def rest(self) -> list[tuple[int, Samples]]:
        """What is still inside, at the end of the run. Raises StoreCorrupt."""
        return self._take(None)

    def _take(self, packet: Any) -> list[tuple[int, Samples]]:
        try:
            frames = self._context.decode(packet)
        except (av.FFmpegError, ValueError) as error:
            raise StoreCorrupt(f"FFmpeg cannot decode a packet of sound: {error}") from error
        blocks = []
        for frame in frames:
            blocks.append((self._out, in_channels(samples_of(frame), self._channels)))
            self._out += frame.samples
        return blocks
