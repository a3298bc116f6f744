"""The encoder of one track of pictures, whatever its codec: a frame in, a packet out, chunks when asked for."""

import contextlib
import os
from dataclasses import dataclass
from typing import Any

import av
from av.codec.hwaccel import HWAccel

from reeld.media.cmaf import CmafEncoder
from reeld.media.presets import LIBRARIES, Settings
from reeld.media.rate import RateGuard
from reeld.runtime.logs import get_logger
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected
from reeld_proto.records import VideoCodec

TIMESCALE = 90_000
"""Ticks a second of video tracks, the MPEG convention."""

# Values of AVColorSpace, AVColorRange, AVColorPrimaries and AVColorTransferCharacteristic (FFmpeg's pixfmt.h). Matrix
# and range are what the conversion uses; primaries and transfer are those of sRGB screens.
_SPACE_RGB, _SPACE_SMPTE170M = 0, 6
_RANGE_LIMITED, _RANGE_FULL = 1, 2
_PRIMARIES_BT709 = 1
_TRANSFER_BT709 = 1

_PICTURE_AUTOMATIC = 0
_PICTURE_INTRA = 1

_NO_KEYFRAMES = 1 << 20
"""Frames from one key frame to the next where the encoder decides: a day of 12 frames a second."""

_CEILING_PIXELS = 1920 * 1080 * 30
"""Pixels a second that `Settings.ceiling` is for."""
_CEILING_SHARE_MIN = 0.1
"""The first picture of a small window is a key frame, too."""


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One encoded picture. packet: opaque, for `VideoEncoder.fragment`; size: bytes."""

    packet: Any
    size: int
    keyframe: bool


class VideoEncoder:
    """An encoder of one track. Used by one thread.

    width, height: even, in pixels. fps: the highest rate that frames will have. Frames must have `settings.pixels`.
    Raises RequestRejected (DEVICE_FAILED) when this machine's FFmpeg has no such encoder or it does not work.
    """

    def __init__(self, width: int, height: int, fps: int, settings: Settings) -> None:
        self._size, self._fps, self._settings = (width, height), fps, settings
        self._guard: RateGuard | None = None
        if settings.ceiling is not None:
            share = max(_CEILING_SHARE_MIN, width * height * fps / _CEILING_PIXELS)
            self._guard = RateGuard(
                base=settings.quantiser,
                worst=settings.worst,
                ceiling=settings.ceiling * share,
                halving=settings.halving,
            )
        self._quantiser = settings.quantiser
        self._cmaf = self._open(settings.quantiser)

    @property
    def codec(self) -> VideoCodec:
        """Codec of the track."""
        return self._settings.codec

    @property
    def init(self) -> bytes:
        """Init segment of the track."""
        return self._cmaf.init

    def encode(self, frame: av.VideoFrame, ticks: int, *, keyframe: bool) -> EncodedFrame:
        """Encode the picture as it is now, shown from `ticks`. The frame may be changed afterwards.

        It may become a key frame unasked, where the rate makes another quantiser necessary.
        """
        if self._guard is not None and (quantiser := self._guard.plan(ticks / TIMESCALE)) != self._quantiser:
            self._requantise(quantiser)
        frame.pts = ticks
        frame.time_base = self._cmaf.context.time_base
        frame.pict_type = _PICTURE_INTRA if keyframe else _PICTURE_AUTOMATIC
        packets = self._cmaf.encode(frame)
        if len(packets) != 1:
            raise InternalError(f"the encoder {self._settings.name} gave {len(packets)} packets for a frame")
        if self._guard is not None:
            self._guard.note(ticks / TIMESCALE, packets[0].size)
        return EncodedFrame(packets[0], packets[0].size, packets[0].is_keyframe)

    def fragment(self, packets: list[Any], end_ticks: int) -> bytes:
        """A CMAF chunk of packets; the last one is shown until `end_ticks`."""
        return self._cmaf.fragment(packets, end_ticks)

    def close(self) -> None:
        """Free the encoder. May be called twice."""
        _end(self._cmaf)

    def _open(self, quantiser: int) -> CmafEncoder:
        settings = self._settings
        full = settings.pixels.exact

        def configure(stream: Any) -> None:
            context = stream.codec_context
            stream.width, stream.height = self._size
            stream.pix_fmt = str(settings.pixels)
            context.framerate = self._fps
            # One thread keeps up with 1080p30 and costs a tenth less than several.
            context.thread_count = 1
            context.gop_size, context.max_b_frames = _NO_KEYFRAMES, 0
            context.colorspace = _SPACE_RGB if full else _SPACE_SMPTE170M
            context.color_range = _RANGE_FULL if full else _RANGE_LIMITED
            context.color_primaries, context.color_trc = _PRIMARIES_BT709, _TRANSFER_BT709
            if settings.tag:
                context.codec_tag = settings.tag

        _check_present(settings)
        if settings.codec is VideoCodec.AV1:
            os.environ.setdefault("SVT_LOG", "1")  # it writes a page about itself to stderr otherwise
        return CmafEncoder(
            settings.name,
            timescale=TIMESCALE,
            options=settings.options_at(quantiser),
            configure=configure,
            hwaccel=HWAccel(settings.device) if settings.device else None,
        )

    def _requantise(self, quantiser: int) -> None:
        """Go on with another encoder: FFmpeg gives no way to change the quantiser of one that is open."""
        try:
            successor = self._open(quantiser)
        except RequestRejected as error:
            self._give_up(str(error))
            return
        if successor.init != self._cmaf.init:
            # No encoder in `settings_for` is like that; hardware may be.
            _end(successor)
            self._give_up("its pictures would not fit in the track")
            return
        successor.continue_from(self._cmaf)
        _end(self._cmaf)
        self._cmaf, self._quantiser = successor, quantiser

    def _give_up(self, reason: str) -> None:
        """Record on as it is: a track that is too large is worth more than none."""
        self._guard = None
        get_logger().warning("encoder.unbounded", encoder=self._settings.name, reason=reason)


def _end(cmaf: CmafEncoder) -> None:
    """Free an encoder. SVT-AV1 wants to be told that nothing follows, and says so on stderr; there is nothing left."""
    with contextlib.suppress(av.FFmpegError):
        cmaf.encode(None)
    cmaf.close()


def _check_present(settings: Settings) -> None:
    """Raises RequestRejected if this FFmpeg was built without the encoder."""
    try:
        av.Codec(settings.name, "w")
    except ValueError as error:
        other = next(codec for codec in LIBRARIES if codec is not settings.codec)
        raise RequestRejected(
            f"{settings.codec} cannot be recorded here: the FFmpeg of this installation has no {settings.name}",
            code=ErrorCode.DEVICE_FAILED,
            remedy=f"Install PyAV from its wheels, which bring {settings.name}, or record with --codec {other}.",
        ) from error
