"""Coefficients of filters with two poles and two zeros, after R. Bristow-Johnson's cookbook. Pure."""

import math
from dataclasses import dataclass

from reeld_proto.sound_graph import Band, BandKind

HIGHEST = 0.49
"""Filters above this part of the rate are made at it: nothing can be heard at or above half the rate."""


@dataclass(frozen=True)
class Biquad:
    """Coefficients of a filter, for a0 = 1: y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]."""

    b0: float
    b1: float
    b2: float
    a1: float
    a2: float

    def arguments(self) -> str:
        """For FFmpeg's `biquad`, which computes in double precision then."""
        numbers = {"b0": self.b0, "b1": self.b1, "b2": self.b2, "a0": 1.0, "a1": self.a1, "a2": self.a2}
        return ":".join([*(f"{name}={value!r}" for name, value in numbers.items()), "precision=f64"])


def biquad(band: Band, rate: int) -> Biquad:
    """The filter of one band."""
    omega = 2 * math.pi * min(band.frequency_hz / rate, HIGHEST)
    cos, alpha = math.cos(omega), math.sin(omega) / (2 * band.q)
    height = math.pow(10.0, band.gain_db / 40)
    match band.kind:
        case BandKind.PEAK:
            up, down = alpha * height, alpha / height
            return normalised((1 + up, -2 * cos, 1 - up), (1 + down, -2 * cos, 1 - down))
        case BandKind.LOW_SHELF:
            return shelf(cos, alpha, height)
        case BandKind.HIGH_SHELF:
            low = shelf(-cos, alpha, height)
            return Biquad(low.b0, -low.b1, low.b2, -low.a1, low.a2)
        case BandKind.HIGH_PASS:
            return normalised(((1 + cos) / 2, -1 - cos, (1 + cos) / 2), (1 + alpha, -2 * cos, 1 - alpha))
        case BandKind.LOW_PASS:
            return normalised(((1 - cos) / 2, 1 - cos, (1 - cos) / 2), (1 + alpha, -2 * cos, 1 - alpha))
        case BandKind.NOTCH:
            return normalised((1, -2 * cos, 1), (1 + alpha, -2 * cos, 1 - alpha))


def shelf(cos: float, alpha: float, height: float) -> Biquad:
    """A shelf below the frequency. One above it is the same mirrored at a quarter of the rate: signs of z turned."""
    slope = 2 * math.sqrt(height) * alpha
    more, less = height + 1, height - 1
    return normalised(
        (height * (more - less * cos + slope), 2 * height * (less - more * cos), height * (more - less * cos - slope)),
        (more + less * cos + slope, -2 * (less + more * cos), more + less * cos - slope),
    )


def normalised(b: tuple[float, float, float], a: tuple[float, float, float]) -> Biquad:
    """The same filter with a0 = 1."""
    return Biquad(b[0] / a[0], b[1] / a[0], b[2] / a[0], a[1] / a[0], a[2] / a[0])


def k_weighting(rate: int) -> list[Biquad]:
    """ITU-R BS.1770's two filters for any rate: the head's shelf, and a high pass."""
    head_hz, head_q, head_db = 1681.974450955533, 0.7071752369554196, 3.999843853973347
    turn = math.tan(math.pi * min(head_hz / rate, HIGHEST))
    top = math.pow(10.0, head_db / 20)
    bend = math.pow(top, 0.4996667741545416)
    squared, part = turn * turn, turn / head_q
    head = normalised(
        (top + bend * part + squared, 2 * (squared - top), top - bend * part + squared),
        (1 + part + squared, 2 * (squared - 1), 1 - part + squared),
    )
    low_hz, low_q = 38.13547087602444, 0.5003270373238773
    turn = math.tan(math.pi * low_hz / rate)
    squared, part = turn * turn, turn / low_q
    poles = normalised((1.0, -2.0, 1.0), (1 + part + squared, 2 * (squared - 1), 1 - part + squared))
    # The standard leaves this filter's gain as it is with b = (1, -2, 1).
    return [head, Biquad(1.0, -2.0, 1.0, poles.a1, poles.a2)]
