"""How pictures of each codec and quality are encoded: a table of settings, chosen by measurement. Pure.

DESIGN: every encoder gives one packet for each frame at once: no B-frames, no look-ahead, key frames where they are
asked for. Quantisers are constant: to vary them x264 analyses a half-size copy of every frame first, 2 to 3 ms of about
10 for a 1080p frame. The parameter sets are the same at every quantiser, so that `RateGuard` can change it within a
track; that is what `stitchable` is for.

CPU time a 1080p frame and Mbit/s at 30 frames a second, at medium (`python -m tests.bench.encoders`), for a page that
stands still, one that scrolls by a line a frame, and a photograph that slides:
x264 ultrafast 2.7 ms; 3.6 ms, 1.5 Mbit/s; 3.5 ms, 0.1 Mbit/s. `me=umh` finds the line that moved: without it scrolling
dense text takes 47 Mbit/s instead of 3.6, and more time.
x265 ultrafast 20 ms; 22 ms, 1.8 Mbit/s; 22 ms, 0.1 Mbit/s. Here, too, `me=umh`: without it 126 ms and 60 Mbit/s instead
of 32 ms and 3.6. superfast is no smaller and needs 1.1 s for a key frame instead of 0.3 s.
SVT-AV1 preset 12 with `rtc` 3.2 ms; 7.9 ms, 2.1 Mbit/s; 7.7 ms. Preset 10 is a quarter smaller and takes nearly twice
as long; 13 is 12. A key frame takes 0.1 to 0.6 s.
Lossless, x264: 15 ms; 16 ms, 5.8 Mbit/s; 15 ms, 3.9 Mbit/s. x265: 21 ms; 26 ms, 7.3 Mbit/s; 25 ms, 3.8 Mbit/s.
"""

from dataclasses import dataclass
from enum import StrEnum

from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import Quality, VideoCodec


class Pixels(StrEnum):
    """What an encoder takes, as FFmpeg names it. Only the two of full colour can be lossless."""

    YUV = "yuv420p"
    PACKED = "bgr0"
    PLANAR = "gbrp"

    @property
    def exact(self) -> bool:
        """Whether it holds a screen's pixels as they are."""
        return self is not Pixels.YUV


@dataclass(frozen=True, slots=True)
class Settings:
    """How the pictures of a track are encoded.

    name: FFmpeg's name of the encoder. options: `{q}` in a value stands for the quantiser. quantiser: where it is while
    the rate allows; worst: the highest. halving: how much higher it must be for about half the rate. ceiling: bits of a
    1080p30 track a second, None: unbounded. tag: the sample entry in MP4 if FFmpeg would choose another. device:
    hardware that frames are sent to, as FFmpeg names it.
    """

    name: str
    codec: VideoCodec
    pixels: Pixels
    options: dict[str, str]
    quantiser: int
    worst: int
    halving: float = 6.0
    ceiling: int | None = None
    tag: str = ""
    device: str = ""

    def options_at(self, quantiser: int) -> dict[str, str]:
        """The encoder's options at this quantiser."""
        return {key: value.replace("{q}", str(quantiser)) for key, value in self.options.items()}


CEILINGS = {Quality.LOW: 20_000_000, Quality.MEDIUM: 40_000_000, Quality.HIGH: 80_000_000}
"""Bits a second of 1080p at 30 frames a second, in proportion for other sizes and rates. A film on the whole screen
stays below; noise would take 390 Mbit/s at medium. Lossless has none: what is exact takes what it takes."""

_AV1_CEILING_MIN = 60_000_000
"""SVT-AV1 makes 54 Mbit/s of noise at its coarsest."""

_X264 = "keyint=infinite:scenecut=0:stitchable=1:me=umh:merange=16"
_X265 = "log-level=error:info=0:keyint=-1:scenecut=0:frame-threads=1:pools=none:wpp=0:me=umh:merange=32:early-skip=1"
_SVT = "pred-struct=1:lookahead=0:rtc=1:scm=1:lp=1"
_FAST = {"preset": "ultrafast", "tune": "zerolatency"}

_H264_QUANTISERS = {Quality.LOW: 26, Quality.MEDIUM: 21, Quality.HIGH: 16}
_HEVC_QUANTISERS = {Quality.LOW: 27, Quality.MEDIUM: 22, Quality.HIGH: 17}
_AV1_QUANTISERS = {Quality.LOW: 44, Quality.MEDIUM: 34, Quality.HIGH: 22}

LIBRARIES = {VideoCodec.H264: "libx264", VideoCodec.HEVC: "libx265", VideoCodec.AV1: "libsvtav1"}
"""The software encoder of each codec."""


def settings_for(codec: VideoCodec, quality: Quality) -> Settings:
    """The software encoder's settings. Raises RequestRejected (INVALID_REQUEST) for what no encoder can do."""
    if quality is Quality.LOSSLESS:
        return _lossless(codec)
    ceiling = CEILINGS[quality]
    match codec:
        case VideoCodec.H264:
            options = {**_FAST, "x264-params": _X264, "qp": "{q}"}
            return Settings("libx264", codec, Pixels.YUV, options, _H264_QUANTISERS[quality], worst=51, ceiling=ceiling)
        case VideoCodec.HEVC:
            options = {**_FAST, "forced-idr": "1", "x265-params": f"{_X265}:qp={{q}}"}
            return Settings(
                "libx265", codec, Pixels.YUV, options, _HEVC_QUANTISERS[quality], worst=51, ceiling=ceiling, tag="hvc1"
            )
        case VideoCodec.AV1:
            options = {"preset": "12", "crf": "{q}", "svtav1-params": _SVT}
            return Settings(
                "libsvtav1",
                codec,
                Pixels.YUV,
                options,
                _AV1_QUANTISERS[quality],
                worst=63,
                halving=8.0,
                ceiling=max(ceiling, _AV1_CEILING_MIN),
            )


def _lossless(codec: VideoCodec) -> Settings:
    """Pixels as the screen has them: without the conversion to luma and chroma, which rounds, nothing is lost."""
    match codec:
        case VideoCodec.H264:
            # From `subme=6` on it finds that a block did not change: else a repeat takes 8 kB, 19 MB in a still hour.
            options = {**_FAST, "x264-params": f"{_X264}:subme=6", "qp": "0"}
            return Settings("libx264rgb", codec, Pixels.PACKED, options, quantiser=0, worst=0)
        case VideoCodec.HEVC:
            options = {**_FAST, "forced-idr": "1", "x265-params": f"{_X265}:lossless=1"}
            return Settings("libx265", codec, Pixels.PLANAR, options, quantiser=0, worst=0, tag="hvc1")
        case VideoCodec.AV1:
            raise RequestRejected(
                "AV1 cannot be recorded lossless: its encoder takes no pictures of full colour",
                code=ErrorCode.INVALID_REQUEST,
                remedy="Choose --codec h264 or hevc for lossless, or --quality high.",
            )
