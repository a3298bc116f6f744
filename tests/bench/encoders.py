"""CPU time and rate of every encoder on what screens show: `python -m tests.bench.encoders [codec]…`.

One track of 1080p30, as the capture worker encodes it, without grabbing. Each figure is the best of a few rounds, since
other work on the machine only ever adds to it. CPU time is that of the whole process, so that an encoder's own threads
count.
"""

import resource
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from reeld.capture.api import Band, Rect
from reeld.capture.convert import picture_for
from reeld.capture.picture import Picture
from reeld.media.encoder import TIMESCALE, VideoEncoder
from reeld.media.presets import Settings, settings_for
from reeld_proto.records import Quality, VideoCodec
from tests.bench import scenes
from tests.daemon.media.screens import noise, page

WIDTH, HEIGHT, FPS = scenes.WIDTH, scenes.HEIGHT, scenes.FPS
FRAMES, ROUNDS = 45, 3
ROW = 15
"""Height of a line of `page`, in pixels."""

Scene = Callable[[int], "list[Band]"]


def _all(pixels: Any) -> list[Band]:
    return [Band(Rect(0, 0, WIDTH, HEIGHT), pixels)]


@cache
def _text() -> Any:
    return page(WIDTH, 2 * HEIGHT)


@cache
def _photograph() -> Any:
    return scenes.picture()


@cache
def _flakes(seed: int) -> Any:
    return noise(WIDTH, HEIGHT, seed)


def still(index: int) -> list[Band]:
    """A page that is looked at: only repeats."""
    return _all(_text()[:HEIGHT]) if index == 0 else []


def scrolling(index: int) -> list[Band]:
    """A page that moves up by a line a frame, three times as fast as anybody reads."""
    return _all(_text()[ROW * index : ROW * index + HEIGHT])


def motion(index: int) -> list[Band]:
    """A photograph that slides by 8 pixels a frame."""
    return _all(_photograph()[:, 8 * index : 8 * index + WIDTH])


def snow(index: int) -> list[Band]:
    """Noise on the whole screen."""
    return _all(_flakes(index % 4))


def cpu_s() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(settings: Settings, scene: Scene, frames: int) -> tuple[float, float, float, float]:
    """Milliseconds to encode the first frame and, in the mean, each later one; to convert it; and Mbit/s."""
    picture: Picture = picture_for(settings.pixels, WIDTH, HEIGHT)
    encoder = VideoEncoder(WIDTH, HEIGHT, FPS, settings)
    encoding, converting, size = [], [], 0
    for index in range(frames):
        bands = scene(index)
        before = cpu_s()
        picture.update(bands)
        between = cpu_s()
        encoded = encoder.encode(picture.frame, index * TIMESCALE // FPS, keyframe=index == 0)
        encoding.append(cpu_s() - between)
        converting.append(between - before)
        size += encoded.size if index else 0
    encoder.close()
    rate = 8 * size * FPS / (frames - 1) / 1e6
    return 1e3 * encoding[0], 1e3 * float(np.mean(encoding[1:])), 1e3 * float(np.mean(converting[1:])), rate


def main(codecs: list[VideoCodec]) -> None:
    """Print a row for each encoder, quality and scene."""
    print(f"{'encoder':<12} {'quality':<9} {'scene':<10} {'first ms':>8} {'frame ms':>8} {'convert':>8} {'Mbit/s':>8}")
    for codec in codecs:
        for quality in (Quality.MEDIUM, Quality.LOSSLESS):
            if (codec, quality) == (VideoCodec.AV1, Quality.LOSSLESS):
                continue
            settings = settings_for(codec, quality)
            for scene in (still, scrolling, motion, snow):
                found = [measure(settings, scene, FRAMES) for _ in range(ROUNDS)]
                first, each, convert = (min(row[place] for row in found) for place in range(3))
                print(
                    f"{settings.name:<12} {quality:<9} {scene.__name__:<10}"
                    f" {first:8.0f} {each:8.1f} {convert:8.1f} {found[0][3]:8.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main([VideoCodec(word) for word in sys.argv[1:]] or list(VideoCodec))
