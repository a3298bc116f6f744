"""How alike two pictures are to the eye: the structural similarity of Wang et al., 2004."""

from typing import Any

import cv2
import numpy as np

_WINDOW, _SIGMA = (11, 11), 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def ssim(one: Any, other: Any) -> float:
    """Mean structural similarity of two uint8 pictures of one shape; of all channels if they have several. 1: equal."""
    assert one.shape == other.shape
    a, b = one.astype(np.float64), other.astype(np.float64)
    mean_a, mean_b = _blurred(a), _blurred(b)
    variance_a = _blurred(a * a) - mean_a**2
    variance_b = _blurred(b * b) - mean_b**2
    covariance = _blurred(a * b) - mean_a * mean_b
    alike = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    return float((alike / ((mean_a**2 + mean_b**2 + _C1) * (variance_a + variance_b + _C2))).mean())


def luma(bgr: Any) -> Any:
    """The brightness of a BGR picture, uint8."""
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)


def _blurred(values: Any) -> Any:
    # Only where the window is inside the picture, as the paper has it.
    return cv2.GaussianBlur(values, _WINDOW, _SIGMA)[5:-5, 5:-5]
