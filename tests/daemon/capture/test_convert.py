import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.capture.api import Band, Rect
from reeld.capture.convert import STRIP_HEIGHT, PackedPicture, PlanarPicture, YuvPicture, picture_for
from reeld.capture.picture import Picture
from reeld.media.presets import Pixels


def noise(width: int, height: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)


def band(pixels: np.ndarray, x: int = 0, y: int = 0) -> Band:
    return Band(Rect(x, y, pixels.shape[1], pixels.shape[0]), pixels)


def planes(picture: YuvPicture) -> np.ndarray:
    """The picture as one I420 array, shape (height * 3 / 2, width)."""
    return picture.frame.to_ndarray()


def reference(pixels: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(pixels, cv2.COLOR_BGRA2YUV_I420)


@pytest.mark.parametrize("height", [64, 66, 270, 2 * STRIP_HEIGHT + 2])
def test_a_full_picture_equals_one_conversion(height: int) -> None:
    """Harm: strips whose height is not a multiple of four have their chroma rows in the wrong place."""
    pixels = noise(96, height)
    picture = YuvPicture(96, height)
    assert picture.update([band(pixels)])
    assert planes(picture).tobytes() == reference(pixels).tobytes()


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 30), st.integers(0, 60), st.integers(1, 32), st.integers(1, 90))
def test_a_band_changes_its_own_pixels_only(x: int, y: int, width: int, height: int) -> None:
    """Harm: updating one window smears the one beside it."""
    whole = noise(128, 300)
    picture = YuvPicture(128, 300)
    picture.update([band(whole)])
    part = noise(2 * width, 2 * height, seed=2)
    whole[2 * y : 2 * (y + height), 2 * x : 2 * (x + width)] = part
    picture.update([band(part, 2 * x, 2 * y)])
    assert planes(picture).tobytes() == reference(whole).tobytes()


@pytest.mark.parametrize(("width", "height"), [(97, 65), (97, 64), (96, 65), (1, 1), (3, 201)])
def test_odd_sizes_are_padded_by_the_last_column_and_row(width: int, height: int) -> None:
    """Harm: a region of odd size has a green line at its edge."""
    pixels = noise(width, height)
    picture = YuvPicture(width, height)
    picture.update([band(pixels)])
    padded = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    assert (picture.width, picture.height) == (width + width % 2, height + height % 2)
    assert planes(picture).tobytes() == reference(padded).tobytes()


def test_pixels_may_be_read_only_views_of_wider_rows() -> None:
    """Harm: bands that lie in shared memory cannot be converted."""
    wide = noise(200, 80)
    part = wide[10:50, 20:120]
    part.flags.writeable = False
    picture = YuvPicture(100, 40)
    picture.update([band(part)])
    assert planes(picture).tobytes() == reference(np.ascontiguousarray(part)).tobytes()


def test_drawing_what_is_there_already_is_no_change() -> None:
    """Harm: a program that redraws the same picture is encoded at the full rate."""
    pixels = noise(128, 200)
    picture = YuvPicture(128, 200)
    assert picture.update([band(pixels)])
    assert not picture.update([band(pixels), band(pixels[:20, :20])])
    assert not picture.update([])


def test_a_change_in_the_last_strip_or_in_colour_alone_is_a_change() -> None:
    """Harm: a change below or of equal brightness is not recorded."""
    pixels = np.full((200, 128, 4), 128, np.uint8)
    picture = YuvPicture(128, 200)
    picture.update([band(pixels)])
    pixels[199, 127] = (0, 0, 255, 0)
    assert picture.update([band(pixels)])
    tint = pixels.copy()
    tint[:, :, 0] += 4
    assert picture.update([band(tint)])
    assert planes(picture).tobytes() == reference(tint).tobytes()


@pytest.mark.parametrize(
    ("bgr", "yuv"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((0, 0, 255), (81, 90, 240)),
        ((0, 255, 0), (145, 54, 34)),
        ((255, 0, 0), (41, 240, 110)),
    ],
)
def test_colours_follow_bt601_in_limited_range(bgr: tuple[int, int, int], yuv: tuple[int, int, int]) -> None:
    """Harm: the stream declares one matrix and holds another: skin turns green. Values: ITU-R BT.601-7."""
    picture = YuvPicture(16, 16)
    picture.update([band(np.full((16, 16, 4), (*bgr, 0), np.uint8))])
    found = [int(bytes(plane)[0]) for plane in picture.frame.planes]
    assert np.allclose(found, yuv, atol=1)


def test_a_new_picture_is_black() -> None:
    """Harm: the first frame shows memory of another program."""
    frame: av.VideoFrame = YuvPicture(32, 32).frame
    assert frame.to_ndarray(format="rgb24").max() <= 1


def colours(picture: Picture) -> np.ndarray:
    """The samples of a picture of full colour, BGR."""
    return picture.frame.to_ndarray(format="bgr24")


exact = pytest.mark.parametrize("kind", [PackedPicture, PlanarPicture])


@exact
@pytest.mark.parametrize(("width", "height"), [(96, 64), (130, 200), (97, 65), (1, 1), (3, 201)])
def test_a_picture_of_full_colour_holds_every_pixel(kind: type[Picture], width: int, height: int) -> None:
    """Harm: lossless recordings have lost something before they are encoded, or two colours are exchanged."""
    pixels = noise(width, height)
    picture = kind(width, height)  # type: ignore[call-arg]
    assert picture.update([band(pixels)])
    padded = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    assert np.array_equal(colours(picture), padded[..., :3])
    assert not picture.update([band(pixels)])


@exact
@settings(deadline=None, max_examples=30)
@given(st.integers(0, 30), st.integers(0, 60), st.integers(1, 32), st.integers(1, 90))
def test_a_band_of_full_colour_changes_its_own_pixels_only(
    kind: type[Picture], x: int, y: int, width: int, height: int
) -> None:
    """Harm: updating one window smears the one beside it in lossless recordings."""
    whole = noise(128, 300)
    picture = kind(128, 300)  # type: ignore[call-arg]
    picture.update([band(whole)])
    part = noise(2 * width, 2 * height, seed=2)
    whole[2 * y : 2 * (y + height), 2 * x : 2 * (x + width)] = part
    picture.update([band(part, 2 * x, 2 * y)])
    assert np.array_equal(colours(picture), whole[..., :3])


@exact
def test_one_level_of_one_colour_is_a_change(kind: type[Picture]) -> None:
    """Harm: the smallest change is taken for none, and lossless is not."""
    pixels = noise(64, 130)
    picture = kind(64, 130)  # type: ignore[call-arg]
    picture.update([band(pixels)])
    for channel in range(3):
        pixels[129, 63, channel] ^= 1
        assert picture.update([band(pixels)])
    assert np.array_equal(colours(picture), pixels[..., :3])


@pytest.mark.parametrize("pixels", list(Pixels))
def test_each_encoder_finds_its_kind_of_picture(pixels: Pixels) -> None:
    """Harm: a picture that the encoder silently converts again, 7 ms a frame."""
    picture = picture_for(pixels, 48, 32)
    assert (picture.frame.format.name, picture.width, picture.height) == (pixels, 48, 32)
    assert colours(picture).max() <= 1
