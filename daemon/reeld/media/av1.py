"""AV1 for pictures that are kept long: a third to a half of the bytes of live H.264, at the price of time."""

from fractions import Fraction
from typing import Any

import av

from reeld.media.cmaf import CmafEncoder
from reeld.media.encoder import TIMESCALE

CODEC = "av1"
"""Name of the codec in the store."""

_PICTURE_INTRA = 1
_OPTIONS = {
    # Screens: edges of text stay sharp at 30. pred-struct 1 keeps the order of pictures, so that times are those of the
    # capture and a chunk can end anywhere; lp 1 is one thread, because this runs beside other work.
    "preset": "8",
    "crf": "30",
    "svtav1-params": "pred-struct=1:lp=1:scm=1",
}


class Av1Encoder:
    """An SVT-AV1 encoder of one track. Used by one thread.

    width, height: even, in pixels. like: a frame whose colour description the track has.
    Raises RequestRejected (DEVICE_FAILED) when this machine's FFmpeg has no libsvtav1.
    """

    def __init__(self, width: int, height: int, like: Any) -> None:
        def configure(stream: Any) -> None:
            context = stream.codec_context
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            context.framerate = Fraction(30)
            context.colorspace, context.color_range = like.colorspace, like.color_range
            context.color_primaries, context.color_trc = like.color_primaries, like.color_trc
            # Key frames come where they are asked for.
            context.gop_size = 1 << 20

        self._cmaf = CmafEncoder("libsvtav1", timescale=TIMESCALE, options=_OPTIONS, configure=configure)

    @property
    def init(self) -> bytes:
        """Init segment of the track."""
        return self._cmaf.init

    def encode(self, frame: av.VideoFrame | None, ticks: int = 0, *, keyframe: bool = False) -> list[Any]:
        """Packets that came out, in order, some frames late; None for a frame flushes the rest. Changes the frame."""
        if frame is not None:
            frame.pts, frame.time_base = ticks, Fraction(1, TIMESCALE)
            frame.pict_type = _PICTURE_INTRA if keyframe else 0
        return self._cmaf.encode(frame)

    def fragment(self, packets: list[Any], end_ticks: int) -> bytes:
        """One chunk of packets; see `CmafEncoder.fragment`."""
        return self._cmaf.fragment(packets, end_ticks)

    def close(self) -> None:
        """Free the encoder. May be called twice."""
        self._cmaf.close()
