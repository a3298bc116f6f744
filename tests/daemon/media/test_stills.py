"""Pictures into files. Harms guarded against: text that cannot be read any more, a photograph that takes ten times its
room, colours that are not those of the screen, and a picture that is not recognised when it comes back."""

from typing import Any

import av
import cv2
import numpy as np
import pytest

from reeld.capture.api import Band, Rect
from reeld.capture.convert import YuvPicture, picture_for
from reeld.media.presets import Pixels
from reeld.media.still_header import PNG, WEBP, parse_header
from reeld.media.stills import HASH_BITS, PictureCopy, copy_of, distance, encode, fingerprint, flat_share
from reeld_proto.errors import InternalError

WIDTH, HEIGHT = 640, 480


def text(first_line: int = 0, lines: int = 20) -> Any:
    """BGRA: a terminal."""
    screen: Any = np.full((HEIGHT, WIDTH, 4), 30, np.uint8)
    for row in range(lines):
        words = f"line {first_line + row}: {hash((first_line + row) * 7919) % 10**12} reeld"
        cv2.putText(screen, words, (10, 20 + 20 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (220, 230, 210, 0), 1)
    return screen


def photograph(seed: int = 1) -> Any:
    """BGRA: soft shapes with the noise of a sensor."""
    random = np.random.default_rng(seed)
    soft = cv2.resize(random.integers(0, 255, (12, 16, 3), dtype=np.uint8), (WIDTH, HEIGHT)).astype(np.int16)
    noisy = np.clip(soft + random.normal(0, 4, soft.shape), 0, 255).astype(np.uint8)
    return cv2.cvtColor(noisy, cv2.COLOR_BGR2BGRA)


def recorded(screen: Any) -> PictureCopy:
    """As the recorder's persistent picture holds it."""
    picture = YuvPicture(screen.shape[1], screen.shape[0])
    picture.update([Band(Rect(0, 0, screen.shape[1], screen.shape[0]), screen)])
    return copy_of(picture.frame)


def opened(payload: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_COLOR)


def psnr_db(one: Any, other: Any) -> float:
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return 100.0 if error == 0 else 10 * np.log10(255**2 / error)


def test_text_is_stored_exactly_as_it_was_recorded() -> None:
    picture = recorded(text())
    still = encode(picture, hash_bits=5, of="video-1", taken_ns=7)
    assert still.format == PNG
    assert np.array_equal(opened(still.payload), picture.bgr())
    assert psnr_db(opened(still.payload), text()[:, :, :3]) > 35
    header = parse_header(still.init)
    assert (header.width, header.height, header.of, header.taken_ns) == (WIDTH, HEIGHT, "video-1", 7)
    assert (header.format, int(header.hash, 16), len(header.hash)) == (PNG, 5, HASH_BITS // 4)


def test_a_photograph_takes_a_fraction_of_its_png_and_looks_the_same() -> None:
    picture = recorded(photograph())
    still = encode(picture, hash_bits=0, of="video-1", taken_ns=0)
    assert still.format == WEBP
    exact = len(cv2.imencode(".png", picture.bgr())[1])
    assert len(still.payload) * 4 < exact
    assert psnr_db(opened(still.payload), picture.bgr()) > 30
    assert flat_share(picture.luma()) < 0.3
    assert flat_share(recorded(text()).luma()) > 0.7


def test_exact_pictures_are_taken_in_their_own_colours() -> None:
    screen = text()
    screen[100:200, 100:300] = (255, 0, 10, 77)
    frame = av.VideoFrame(WIDTH, HEIGHT, "bgr0")
    plane: Any = frame.planes[0]
    rows: Any = np.frombuffer(plane, np.uint8).reshape(HEIGHT, -1)
    rows[:, : WIDTH * 4] = screen.reshape(HEIGHT, -1)
    picture = copy_of(frame)
    assert (picture.width, picture.height, picture.kind) == (WIDTH, HEIGHT, Pixels.PACKED)
    still = encode(picture, hash_bits=0, of="video-1", taken_ns=0)
    assert np.array_equal(opened(still.payload), screen[:, :, :3])


@pytest.mark.parametrize("kind", Pixels)
def test_every_format_of_the_recorder_gives_the_same_picture(kind: Pixels) -> None:
    screen = text()
    screen[100:200, 100:300] = (255, 0, 10, 77)
    picture = picture_for(kind, WIDTH, HEIGHT)
    picture.update([Band(Rect(0, 0, WIDTH, HEIGHT), screen)])
    copied = copy_of(picture.frame)
    still = encode(copied, hash_bits=0, of="video-1", taken_ns=0)
    assert still.format == PNG
    assert psnr_db(opened(still.payload), screen[:, :, :3]) > (99 if kind.exact else 30)
    assert copied.luma().shape == (HEIGHT, WIDTH)
    assert copy_of(picture.frame, copied) is copied


def test_a_copy_goes_into_the_memory_of_the_one_before_and_leaves_the_picture_alone() -> None:
    """Fresh memory for every look would cost more than the copy."""
    first = recorded(text())
    frame = YuvPicture(WIDTH, HEIGHT).frame
    again = copy_of(frame, first)
    assert again is first
    assert (again.luma() == 16).all()
    other = copy_of(YuvPicture(WIDTH + 2, HEIGHT).frame, first)
    assert other is not first
    assert other.width == WIDTH + 2


def test_a_format_that_nobody_expects_is_told_at_once() -> None:
    with pytest.raises(InternalError, match="rgb24"):
        copy_of(av.VideoFrame(16, 16, "rgb24"))


def test_the_hash_finds_a_picture_again_and_tells_others_apart() -> None:
    picture = recorded(photograph())
    small_change = photograph()
    small_change[10:14, 10:14] = 255
    same, near = fingerprint(picture.luma()), fingerprint(recorded(small_change).luma())
    other = fingerprint(recorded(photograph(2)).luma())
    assert same == fingerprint(recorded(photograph()).luma())
    assert distance(same, near) <= 31 < distance(same, other)
    assert 0 <= same < 2**HASH_BITS
