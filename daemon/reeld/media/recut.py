"""Pictures encoded again where a cut needs a key frame, and sound cut between its packets.

DESIGN: what is encoded again must fit beside what is not, so the encoder is set as the one that captured the track was:
its codec, size and rate show in the parameter sets of the init segment, and are found by comparing these. The quality
does not: pictures are encoded at high, so that the second generation loses nothing that is seen; lossless at lossless.
Where the codec's encoder is missing, or the track is in a codec that is never encoded here, it is H.264.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from reeld.media.decode import open_init
from reeld.media.encoder import TIMESCALE, VideoEncoder
from reeld.media.fit import fitted
from reeld.media.fragments import Sample, parse_chunk, parse_init
from reeld.media.presets import Settings, settings_for
from reeld.runtime.logs import get_logger
from reeld_proto.errors import RequestRejected
from reeld_proto.records import Quality, VideoCodec

CHUNK_TICKS = TIMESCALE
"""A chunk is closed by the first picture this long after its own first one."""
HELD_TICKS_MAX = TIMESCALE
"""A picture that stays longer is repeated, so that no chunk is longer than 2 s."""
KEYFRAME_TICKS = 9 * TIMESCALE
CHUNK_BYTES_MAX = 4 * 1024 * 1024
_LIKELY_FPS = (30, 60, 25, 15, 10, 24, 20, 5, 1)
_FPS = (*_LIKELY_FPS, *(fps for fps in range(2, 60) if fps not in _LIKELY_FPS))
_PROFILE_BYTES = {VideoCodec.H264: 3, VideoCodec.HEVC: 3, VideoCodec.AV1: 1}
"""How many bytes of a decoder configuration do not depend on size and rate: avcC, hvcC, av1C."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A decoded picture (`av.VideoFrame`), shown from `at` on (ticks of its track)."""

    frame: Any
    at: int


@dataclass(frozen=True, slots=True)
class Made:
    """A new chunk. start, end: ticks of 1/90000 s. keyframe: its first picture is one."""

    data: bytes
    start: int
    end: int
    frames: int
    keyframe: bool


class PictureEncoder:
    """Encodes stretches of pictures. Used by one thread. exact: its parameter sets are the ones asked for."""

    def __init__(self, encoder: VideoEncoder, size: tuple[int, int], settings: Settings, *, exact: bool) -> None:
        self._encoder = encoder
        self._size = size
        self._settings = settings
        self.exact = exact

    @classmethod
    def like(cls, init: bytes) -> "PictureEncoder":
        """An encoder whose pictures any decoder takes between those of this track, if it is one of ours (`exact`).

        Otherwise one of the same size and, if it can be, codec. Raises StoreCorrupt for an init segment that cannot be
        read.
        """
        wanted = _parameters(init)
        size = wanted.width + wanted.width % 2, wanted.height + wanted.height % 2
        codec = _codec(wanted.codec)
        try:
            for settings in _generations(codec) if codec == wanted.codec else ():
                found = cls._same(wanted, size, settings)
                if found is not None:
                    return found
            settings = settings_for(codec, Quality.HIGH)
            return cls(VideoEncoder(*size, _FPS[0], settings), size, settings, exact=False)
        except RequestRejected as error:
            if codec is VideoCodec.H264:
                raise
            get_logger().warning("recut.other_codec", codec=codec, reason=str(error))
        settings = settings_for(VideoCodec.H264, Quality.HIGH)
        return cls(VideoEncoder(*size, _FPS[0], settings), size, settings, exact=False)

    @classmethod
    def _same(cls, wanted: "_Parameters", size: tuple[int, int], settings: Settings) -> "PictureEncoder | None":
        """One with exactly these parameter sets, whatever the rate of the track."""
        profile = _PROFILE_BYTES[settings.codec]
        for fps in _FPS:
            encoder = VideoEncoder(*size, fps, settings)
            ours = _parameters(encoder.init).sets
            if ours == wanted.sets:
                return cls(encoder, size, settings, exact=True)
            encoder.close()
            if ours[:profile] != wanted.sets[:profile]:
                return None
        return None

    @property
    def codec(self) -> VideoCodec:
        """Codec of what it makes."""
        return self._settings.codec

    @property
    def init(self) -> bytes:
        """Init segment of what it makes."""
        return self._encoder.init

    def chunks(self, pictures: Iterable[Seen], timescale: int, end: int | None = None) -> Iterator[Made]:
        """Chunks of at most 2 s, the first beginning with a key frame. The last picture is shown until `end`.

        timescale: of the times of `pictures` and of `end`, which rise. end: None where that is decided elsewhere; then
        no picture is repeated either.
        """
        group: list[tuple[Any, int, bool]] = []
        size = 0
        keyframe_at: int | None = None
        for frame, at in _paced(pictures, timescale, end):
            if group and (at - group[0][1] >= CHUNK_TICKS or size >= CHUNK_BYTES_MAX):
                yield self._made(group, at)
                group, size = [], 0
            keyframe = keyframe_at is None or (not group and at - keyframe_at >= KEYFRAME_TICKS)
            encoded = self._encoder.encode(fitted(frame, *self._size, self._settings.pixels), at, keyframe=keyframe)
            keyframe_at = at if encoded.keyframe else keyframe_at
            group.append((encoded.packet, at, encoded.keyframe))
            size += encoded.size
        if group:
            last = group[-1][1] + 1
            yield self._made(group, last if end is None else max(_ticks(end, timescale), last))

    def samples(self, pictures: Iterable[Seen], timescale: int) -> Iterator[Sample]:
        """The same as single samples with times in `timescale`; durations are not meant."""
        init = parse_init(self.init)
        for made in self.chunks(pictures, timescale):
            for sample in parse_chunk(made.data, init):
                at = round(sample.pts * timescale / TIMESCALE)
                yield Sample(at, at, 1, sample.sync, sample.data)

    def close(self) -> None:
        """Free the encoder. May be called twice."""
        self._encoder.close()

    def _made(self, group: list[tuple[Any, int, bool]], end: int) -> Made:
        data = self._encoder.fragment([packet for packet, _, _ in group], end)
        return Made(data, group[0][1], end, len(group), group[0][2])


@dataclass(frozen=True, slots=True)
class _Parameters:
    """What an init segment says about a track of pictures. sets: the decoder's configuration."""

    codec: str
    sets: bytes
    width: int
    height: int


def _parameters(init: bytes) -> _Parameters:
    with open_init(init) as container:
        context = container.streams[0].codec_context
        extradata = bytes(context.extradata or b"")
        return _Parameters(context.codec.canonical_name, extradata, context.width, context.height)


def _codec(name: str) -> VideoCodec:
    try:
        return VideoCodec(name)
    except ValueError:
        return VideoCodec.H264


def _generations(codec: VideoCodec) -> Iterator[Settings]:
    """Settings whose parameter sets differ."""
    yield settings_for(codec, Quality.HIGH)
    if codec is not VideoCodec.AV1:
        yield settings_for(codec, Quality.LOSSLESS)


def _ticks(at: int, timescale: int) -> int:
    return (at * TIMESCALE + timescale // 2) // timescale


def _paced(pictures: Iterable[Seen], timescale: int, end: int | None) -> Iterator[tuple[Any, int]]:
    """Pictures and their ticks, which rise; with an end, those that stay long repeated."""
    held: Any = None
    last = 0
    for picture in pictures:
        at = _ticks(picture.at, timescale)
        if held is not None:
            at = max(at, last + 1)
            for repeat in range(last + HELD_TICKS_MAX, at, HELD_TICKS_MAX) if end is not None else ():
                yield held, repeat
        yield picture.frame, at
        held, last = picture.frame, at
    if held is not None and end is not None:
        for repeat in range(last + HELD_TICKS_MAX, _ticks(end, timescale), HELD_TICKS_MAX):
            yield held, repeat


def whole_packets(samples: Sequence[Sample], is_removed: Callable[[int, int], bool]) -> list[list[Sample]]:
    """Runs of neighbouring packets of sound that hold nothing of what is removed.

    is_removed: whether any of [from, to) is. A packet's transform reaches into the next one's time: AAC-LC spreads 2048
    samples over two packets of 1024 (ISO/IEC 14496-3), and other codecs of this kind no more than twice their length.
    """
    runs: list[list[Sample]] = [[]]
    for sample in samples:
        if is_removed(sample.pts, sample.pts + 2 * sample.duration):
            runs.append([])
        else:
            runs[-1].append(sample)
    return [run for run in runs if run]
