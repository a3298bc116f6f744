"""Pictures of another size. Harm guarded against: a distorted screen, or a size that the encoder refuses."""

from typing import Any

import av
import numpy as np
import pytest

from reeld.media.fit import fitted
from reeld.media.presets import Pixels


def grey(width: int, height: int, level: int = 200) -> Any:
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    planes[:height] = level
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


def test_a_picture_that_fits_is_left_alone() -> None:
    frame = grey(160, 96)
    assert fitted(frame, 160, 96) is frame


@pytest.mark.parametrize(("size", "bars"), [((320, 192), "none"), ((96, 96), "sides"), ((320, 96), "ends")])
def test_other_sizes_are_scaled_as_a_whole_with_black_beside(size: tuple[int, int], bars: str) -> None:
    found = fitted(grey(*size), 160, 96).to_ndarray()
    assert found.shape == (144, 160)
    luma = found[:96]
    assert abs(int(luma[48, 80]) - 200) <= 2
    assert (luma[48, 2] < 20) == (bars == "sides")
    assert (luma[2, 80] < 20) == (bars == "ends")
    assert abs(int(found[96:].mean()) - 128) <= 1


def test_another_format_becomes_that_of_the_track() -> None:
    rgb = av.VideoFrame.from_ndarray(np.full((96, 160, 3), 255, np.uint8), format="rgb24")
    found = fitted(rgb, 160, 96)
    assert (found.format.name, found.width, found.height) == ("yuv420p", 160, 96)


@pytest.mark.parametrize("source", ["rgb24", "gbrp", "bgr0"])
@pytest.mark.parametrize(("level", "luma"), [(255, 235), (0, 16)])
def test_full_colour_in_a_track_of_luma_has_its_limited_range(source: str, level: int, luma: int) -> None:
    """Harm: parts of a lossless recording are too dark and too bright beside others."""
    rgb = av.VideoFrame.from_ndarray(np.full((96, 160, 3), level, np.uint8), format="rgb24").reformat(format=source)
    found = fitted(rgb, 160, 96).to_ndarray()
    assert abs(int(found[48, 80]) - luma) <= 1
    assert abs(int(found[120, 80]) - 128) <= 1


@pytest.mark.parametrize("pixels", [Pixels.PACKED, Pixels.PLANAR])
def test_full_colour_is_carried_over_exactly_and_black_is_black(pixels: Pixels) -> None:
    """Harm: a cut in a lossless recording is not lossless, or has green bars."""
    colours = np.random.default_rng(1).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    for source in ("gbrp", "bgr0"):
        frame = av.VideoFrame.from_ndarray(colours, format="bgr24").reformat(format=source)
        assert np.array_equal(fitted(frame, 96, 96, pixels).to_ndarray(format="bgr24"), colours)
    found = fitted(frame, 160, 96, pixels).to_ndarray(format="bgr24")
    assert np.array_equal(found[:, 32:128], colours)
    assert found[:, :32].max() == found[:, 128:].max() == 0
