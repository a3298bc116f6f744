"""Numbers as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld_client.cli import human


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9_994, "9.99 kB"),
        (9_996, "10.0 kB"),
        (123_456, "123 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (1_240_000_000, "1.24 GB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert human.size(count) == text


@given(st.integers(0, 10**14))
def test_sizes_are_short_and_right_within_a_hundredth(count: int) -> None:
    number, unit = human.size(count).split()
    factor = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}[unit]
    assert len(number) <= 4
    assert abs(float(number) * factor - count) <= max(1, 0.01 * count)


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [(0, "0:00"), (59.9, "0:59"), (60, "1:00"), (3599, "59:59"), (3661, "1:01:01"), (-5, "0:00")],
)
def test_clock(duration_s: float, text: str) -> None:
    assert human.clock(duration_s) == text


@pytest.mark.parametrize(
    ("duration_s", "text"), [(7.42, "7.4 s"), (59.94, "59.9 s"), (60, "1:00.0"), (119.96, "2:00.0"), (125.3, "2:05.3")]
)
def test_seconds(duration_s: float, text: str) -> None:
    assert human.seconds(duration_s) == text


def test_latencies_and_counts() -> None:
    assert human.milliseconds(84.2) == "84 ms"
    assert human.milliseconds(1234) == "1.2 s"
    assert human.count(1234567).replace("\N{NARROW NO-BREAK SPACE}", " ") == "1 234 567"
    assert human.plural(1, "chunk") == "1 chunk"
    assert human.plural(3, "chunk") == "3 chunks"
