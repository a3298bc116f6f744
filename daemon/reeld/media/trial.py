"""A few frames through an encoder. `python -m reeld.media.trial NAME` tells why it is of no use, and ends 1."""

import sys

import av

from reeld.media.decode import pictures
from reeld.media.encoder import TIMESCALE, VideoEncoder
from reeld.media.fragments import parse_chunk, parse_init
from reeld.media.hardware import candidates
from reeld.media.presets import Settings, settings_for
from reeld_proto.errors import ReeldError
from reeld_proto.records import Quality, VideoCodec

_WIDTH, _HEIGHT = 320, 240
"""Small, and above what any of the hardware asks for at least."""
_FRAMES, _KEYFRAME = 6, 4
_LEVELS = 24
"""How far the grey that comes back may be from the one that went in."""


def fault_of(settings: Settings) -> str:
    """Why an encoder cannot be used; empty if each frame gave its packet at once, and the pictures come back."""
    greys = [40 + 30 * index for index in range(_FRAMES)]
    try:
        encoder = VideoEncoder(_WIDTH, _HEIGHT, 30, settings)
        try:
            frames = [
                encoder.encode(_grey(level), index * TIMESCALE // 30, keyframe=index in {0, _KEYFRAME})
                for index, level in enumerate(greys)
            ]
            if not (frames[0].keyframe and frames[_KEYFRAME].keyframe):
                return "it gives no key frame when one is asked for"
            chunk = encoder.fragment([frame.packet for frame in frames], _FRAMES * TIMESCALE // 30)
            init = encoder.init
        finally:
            encoder.close()
        found = [
            bytes(picture.reformat(format="yuv420p").planes[0])[0]
            for picture in pictures(init, parse_chunk(chunk, parse_init(init)), TIMESCALE)
        ]
    except (ReeldError, av.FFmpegError, ValueError) as error:
        return str(error)
    if len(found) != len(greys) or any(abs(a - b) > _LEVELS for a, b in zip(found, greys, strict=True)):
        return "other pictures come back than went in"
    return ""


def _grey(level: int) -> av.VideoFrame:
    frame = av.VideoFrame(_WIDTH, _HEIGHT, "yuv420p")
    for plane, value in zip(frame.planes, (level, 128, 128), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    return frame


def main() -> int:
    """Try the encoder named on the command line."""
    for codec in VideoCodec:
        for settings in (settings_for(codec, Quality.MEDIUM), *candidates(codec, Quality.MEDIUM)):
            if settings.name == sys.argv[1]:
                fault = fault_of(settings)
                print(fault)  # noqa: T201 - the answer
                return 1 if fault else 0
    print(f"there is no candidate {sys.argv[1]}")  # noqa: T201 - the answer
    return 1


if __name__ == "__main__":
    sys.exit(main())
