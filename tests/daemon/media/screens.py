"""What screens show, and what becomes of it in a recording."""

import io
from typing import Any

import av
import cv2
import numpy as np

from reeld.capture.api import Band, Rect
from reeld.capture.convert import picture_for
from reeld.media.encoder import TIMESCALE, VideoEncoder
from reeld.media.presets import Settings

COLOURS = [
    (255, 255, 255), (180, 255, 180), (120, 200, 255), (80, 80, 255), (0, 220, 220), (200, 200, 0), (160, 160, 160),
]  # fmt: skip


def page(width: int = 640, height: int = 352, *, dark: bool = False, colours: bool = False, seed: int = 1) -> Any:
    """Small text, BGRA: black on white, white on black or, as in an editor, in colours on black."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 4), (0 if dark else 255), np.uint8)
    for line, y in enumerate(range(16, height, 15)):
        text = "".join(chr(code) for code in rng.integers(33, 127, 60))
        ink = COLOURS[line % len(COLOURS)] if colours else COLOURS[0] if dark else (0, 0, 0)
        scale = (0.35, 0.4, 0.5)[line % 3]
        cv2.putText(picture, text, (6, y), cv2.FONT_HERSHEY_SIMPLEX, scale, (*ink, 255), 1, cv2.LINE_AA)
    return picture


def noise(width: int, height: int, seed: int) -> Any:
    """Random pixels, BGRA."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)


def recorded(screens: list[Any], settings: Settings, fps: int = 10) -> bytes:
    """Screens (BGRA, one size) as the capture worker records them: a file of one chunk."""
    height, width = screens[0].shape[:2]
    picture = picture_for(settings.pixels, width, height)
    encoder = VideoEncoder(picture.width, picture.height, 30, settings)
    packets = []
    try:
        for index, screen in enumerate(screens):
            picture.update([Band(Rect(0, 0, width, height), screen)])
            encoded = encoder.encode(picture.frame, index * TIMESCALE // fps, keyframe=index == 0)
            packets.append(encoded.packet)
        return encoder.init + encoder.fragment(packets, len(screens) * TIMESCALE // fps)
    finally:
        encoder.close()


def shown(data: bytes) -> list[Any]:
    """Pictures of a file as a player shows them, BGR: by the matrix and range that the file declares."""
    with av.open(io.BytesIO(data), "r") as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
