"""What a camera can deliver, which of it suits, and how FFmpeg is told. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

FILM_FPS = 24.0
"""A mode below it is no moving picture: many cameras offer their largest sizes at 5 fps only."""

RATE_SLACK = 0.95
"""29.97 is as good as 30, and 23.976 as 24."""

INPUT_FORMATS = {"YUYV": "yuyv422", "UYVY": "uyvy422", "NV12": "nv12", "YU12": "yuv420p", "MJPG": "mjpeg"}
"""What FFmpeg's v4l2 calls the pixels a camera delivers; in others it is not asked for."""

_COMPRESSED = "MJPG"


class CameraMode(NamedTuple):
    """A picture a camera can deliver. fps: its highest rate at this size, 0 if unknown; pixels: four letters."""

    width: int
    height: int
    fps: float
    pixels: str


def mode_texts(modes: Sequence[CameraMode]) -> list[str]:
    """For people, as `1280x720@30`: each size once, at its highest rate; largest first, slide shows last."""
    rates: dict[tuple[int, int], float] = {}
    for mode in readable(modes):
        size = mode.width, mode.height
        rates[size] = max(mode.fps, rates.get(size, 0.0))
    order = sorted(
        rates.items(), key=lambda entry: (entry[1] < FILM_FPS * RATE_SLACK, -entry[0][0] * entry[0][1], entry[0])
    )
    return [f"{width}x{height}" + (f"@{fps:g}" if fps else "") for (width, height), fps in order]


def readable(modes: Sequence[CameraMode]) -> list[CameraMode]:
    """Those FFmpeg can be asked for."""
    return [mode for mode in modes if mode.pixels in INPUT_FORMATS]


def choose_mode(modes: Sequence[CameraMode], width: int, height: int, fps: float) -> CameraMode | None:
    """The smallest mode that fills `width` x `height` at `fps`, or else at `FILM_FPS`; failing that the largest one.

    Of equal ones uncompressed pixels are preferred: nothing has to be decoded. None if there is none to ask for.
    """
    known = readable(modes)
    for least in (fps * RATE_SLACK, min(fps, FILM_FPS) * RATE_SLACK):
        enough = [mode for mode in known if mode.fps >= least and mode.width >= width and mode.height >= height]
        if enough:
            return min(
                enough, key=lambda mode: (mode.width * mode.height, abs(mode.fps - fps), mode.pixels == _COMPRESSED)
            )
    moving = [mode for mode in known if mode.fps >= min(fps, FILM_FPS) * RATE_SLACK]
    return max(
        moving or known,
        key=lambda mode: (mode.width * mode.height, mode.fps, mode.pixels != _COMPRESSED),
        default=None,
    )


def v4l2_options(mode: CameraMode | None) -> dict[str, str]:
    """FFmpeg's options for a mode; None: the camera's own choice."""
    if mode is None:
        return {}
    rate = {"framerate": f"{mode.fps:g}"} if mode.fps else {}
    return {"video_size": f"{mode.width}x{mode.height}", "input_format": INPUT_FORMATS[mode.pixels], **rate}


def avfoundation_options(width: int, height: int, fps: float) -> dict[str, str]:
    """FFmpeg's options on macOS, where the rate must be said: its default is one that no camera has."""
    return {"video_size": f"{width}x{height}", "framerate": f"{fps:g}"}
