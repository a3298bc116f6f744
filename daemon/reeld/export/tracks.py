"""A track read out of the store, chunk by chunk: at most one chunk is in memory, however long the session."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from reeld.export import codecs, joints
from reeld.export.joints import NeedsEncodingError
from reeld.export.lossless import FlacPackets, lossless
from reeld.export.sounds import sounds
from reeld.export.steps import StepReader, TangledError
from reeld.export.timing import Timed, decoded_early, filled, from_start, rising, with_durations
from reeld.export.window import Window
from reeld.media.fragments import Init, Sample, parse_chunk, parse_init
from reeld.media.recut import PictureEncoder
from reeld.runtime.logs import get_logger
from reeld.store.api import Segment, TrackOutline
from reeld.store.reader import StoreReader
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.records import GapReason, TrackKind
from reeld_proto.sound_graph import SoundCodec
from reeld_proto.units import NS_PER_S, seconds

_CHAIN_BREAKS = frozenset(
    {GapReason.DROPPED, GapReason.DISK_FULL, GapReason.WORKER_RESTART, GapReason.FORGOTTEN, GapReason.DAMAGED}
)
"""Gaps in which pictures may be missing that later ones build on."""


class NeedsTranscodingError(Exception):
    """The pictures of this track can only be shown in one file if all of them are encoded again."""

    def __init__(self, track: str) -> None:
        super().__init__(track)
        self.track = track


@dataclass
class TrackSource:
    """One track within a window. `open` finds its format; `samples` may then be read once. Close it after use.

    skipped: chunks that were missing or damaged and are left out. encoded: every picture is encoded again, to the size
    of the first.
    """

    reader: StoreReader
    session: str
    track: TrackOutline
    window: Window
    first: Segment
    init_bytes: bytes
    init: Init
    format: codecs.Format
    encoded: bool = False
    skipped: int = 0
    _encoder: PictureEncoder | None = None
    _inits: dict[bytes, bytes] = field(default_factory=dict)
    _parsed: dict[bytes, Init] = field(default_factory=dict)

    @classmethod
    def open(
        cls, reader: StoreReader, session: str, track: TrackOutline, window: Window, *, encoded: bool = False
    ) -> "TrackSource | None":
        """The track's source, or None if it has nothing to show in the window. Raises StoreCorrupt."""
        first = reader.keyframe_before(session, track.id, window.from_ns)
        if first is None:
            first = next(reader.segments(session, track.id), None)
        if first is None or first.start_ns >= window.to_ns:
            return None
        for segment in reader.segments(session, track.id, first.start_ns):
            try:
                init_bytes = reader.chunk(segment.init)
            except StoreCorrupt as error:
                get_logger().warning("export.init_skipped", track=track.id, reason=str(error))
                continue
            encoder = PictureEncoder.like(init_bytes) if encoded else None
            shown = init_bytes if encoder is None else encoder.init
            return cls(
                reader,
                session,
                track,
                window,
                first,
                shown,
                parse_init(shown),
                codecs.format_of(shown),
                encoded,
                _encoder=encoder,
            )
        raise StoreCorrupt(f"no init segment of track {track.id} of session {session} is intact")

    @property
    def end(self) -> int:
        """Length of the window in ticks."""
        return self._ticks(self.window.to_ns) - self._ticks(self.window.from_ns)

    def samples(self) -> Iterator[Timed]:
        """The track's samples, laid out for the file, in decoding order.

        Raises NeedsTranscodingError if this source is to be opened again with `encoded`.
        """
        if self.track.kind is TrackKind.VIDEO:
            timed = from_start(rising(decoded_early(self._pictures(), self._lag())))
        else:
            timed = self._sounds()
        return with_durations(timed, self.end)

    def stored_bytes(self) -> int:
        """Bytes of the chunks in the window, for an estimate of the file's size."""
        return sum(segment.size for segment in self._segments())

    def close(self) -> None:
        """Free what encoded for it. May be called twice."""
        if self._encoder is not None:
            self._encoder.close()

    def _ticks(self, media_ns: int) -> int:
        return round(media_ns * self.init.timescale / NS_PER_S)

    def _segments(self) -> Iterable[Segment]:
        for segment in self.reader.segments(self.session, self.track.id, self.first.start_ns):
            if segment.start_ns >= self.window.to_ns:
                return
            yield segment

    def _lag(self) -> int:
        """How many ticks a picture of this track is decoded after it is shown, as CMAF states it for B-frames."""
        if self.encoded:
            return 0
        try:
            return max(sample.dts - sample.pts for sample in self._samples(self.first.chunk, self.first.init))
        except StoreCorrupt:
            return 0

    def _pictures(self) -> Iterator[Timed]:
        gaps = self.reader.gaps(self.session, self.track.id)
        steps = StepReader(
            ticks=self._ticks,
            origin=self._ticks(self.window.from_ns),
            samples=self._samples,
            preroll=lambda segment: self.reader.preroll(self.session, self.track.id, segment.start_ns),
            skip=self._skip,
            breaks={gap.end_ns for gap in gaps if gap.reason in _CHAIN_BREAKS},
            strict=not self.encoded,
        ).steps(self._segments())
        timescale = self.init.timescale
        if self.encoded and self._encoder is not None:
            yield from joints.transcoded(steps, self._inits, timescale, self._encoder)
            return
        try:
            yield from joints.copied(steps, self.init_bytes, timescale, self._exact_encoder)
        except (NeedsEncodingError, TangledError) as error:
            raise NeedsTranscodingError(self.track.id) from error

    def _sounds(self) -> Iterator[Timed]:
        origin, end = self._ticks(self.window.from_ns), self._ticks(self.window.to_ns)
        if self.format.codec == SoundCodec.FLAC:
            packets = FlacPackets(self.format)
            return lossless(self._segments(), self._ticks, (origin, end), self._samples, self._skip, packets)
        timed = rising(sounds(self._segments(), self._ticks, origin, self._samples, self._skip))
        if (silence := codecs.silence_of(self.format)) is None:
            return timed
        frame = round(silence.frames * self.init.timescale / self.format.shape[0])
        return filled(timed, end - origin, frame, silence.packet)

    def _exact_encoder(self) -> PictureEncoder:
        """An encoder whose pictures go with the stored ones. Raises NeedsEncodingError."""
        if self._encoder is None:
            self._encoder = PictureEncoder.like(self.init_bytes)
        if not self._encoder.exact:
            raise NeedsEncodingError
        return self._encoder

    def _samples(self, chunk: bytes, init: bytes) -> list[Sample]:
        """The samples of a chunk, in ticks of the file's track. Raises StoreCorrupt."""
        found = self._init_of(init)
        scale = self.init.timescale, found.timescale
        return [
            sample
            if scale[0] == scale[1]
            else Sample(
                round(sample.dts * scale[0] / scale[1]),
                round(sample.pts * scale[0] / scale[1]),
                round(sample.duration * scale[0] / scale[1]),
                sample.sync,
                sample.data,
            )
            for sample in parse_chunk(self.reader.chunk(chunk), found)
        ]

    def _init_of(self, digest: bytes) -> Init:
        """An init segment. Raises RequestRejected, NeedsTranscodingError if it cannot share a track with the first."""
        if digest in self._parsed:
            return self._parsed[digest]
        data = self.reader.chunk(digest)
        found = codecs.format_of(data)
        if found != self.format and not self.encoded:
            if self.track.kind is TrackKind.VIDEO:
                raise NeedsTranscodingError(self.track.id)
            raise RequestRejected(
                f"track {self.track.id} changes from {self.format} to {found}; one file cannot hold both",
                code=ErrorCode.INVALID_REQUEST,
                remedy="Export the parts before and after as two files, with --from and --to.",
            )
        self._inits[digest] = data
        self._parsed[digest] = parse_init(data)
        return self._parsed[digest]

    def _skip(self, segment: Segment, error: StoreCorrupt) -> None:
        self.skipped += 1
        get_logger().warning(
            "export.chunk_skipped",
            session_id=self.session,
            track=self.track.id,
            at_s=seconds(segment.start_ns),
            reason=str(error),
        )
