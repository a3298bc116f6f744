"""The measure itself. Harm guarded against: a test of legibility that anything passes."""

import cv2
import numpy as np
import pytest

from tests.daemon.media.screens import noise, page
from tests.support.ssim import luma, ssim


def test_a_picture_is_wholly_like_itself_and_the_order_does_not_matter() -> None:
    one, other = page()[..., :3], page(seed=2)[..., :3]
    assert ssim(one, one) == pytest.approx(1.0)
    assert ssim(one, other) == pytest.approx(ssim(other, one))


def test_text_that_cannot_be_read_is_far_below_the_bar() -> None:
    screen = luma(page()[..., :3])
    small = cv2.resize(screen, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    assert ssim(screen, cv2.resize(small, screen.shape[::-1])) < 0.9
    assert ssim(screen, cv2.GaussianBlur(screen, (0, 0), 1)) < 0.95
    assert ssim(screen, page(seed=2)[..., 0]) < 0.6
    assert ssim(screen, np.full_like(screen, 255)) < 0.6


def test_more_error_is_less_alike() -> None:
    screen = page()[..., :3].astype(int)
    grain = noise(640, 352, 1)[..., :3].astype(int) - 128
    found = [ssim(screen, np.clip(screen + grain * share // 100, 0, 255)) for share in (1, 5, 20, 60)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.97 > found[2]


def test_known_values_of_flat_pictures() -> None:
    """Without structure only the means count: (2ab + c) / (aa + bb + c), c = 6.5025."""
    one, other = np.full((32, 32), 100, np.uint8), np.full((32, 32), 50, np.uint8)
    assert ssim(one, other) == pytest.approx((2 * 100 * 50 + 6.5025) / (100**2 + 50**2 + 6.5025))
