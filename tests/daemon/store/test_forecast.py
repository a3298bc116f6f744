"""The forecast. Harm guarded against: a disk that is full a week before it was said to be."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.store.forecast import bytes_per_day, days_left
from reeld_proto.store_orders import KeyRoom

TODAY = date(2026, 11, 22)


def day(ago: int, unique: int, shared: int = 0) -> KeyRoom:
    key = (TODAY - timedelta(days=ago)).isoformat()
    return KeyRoom(key=key, label=key, unique_bytes=unique, shared_bytes=shared, duration_ns=0)


def test_who_records_daily_fills_it_at_the_mean_of_a_week() -> None:
    days = [day(ago, 100 if ago < 7 else 9999) for ago in range(20)]
    assert bytes_per_day(days, TODAY) == 100


def test_days_without_a_recording_count_too() -> None:
    assert bytes_per_day([day(13, 700), day(0, 700)], TODAY) == 100
    assert bytes_per_day([day(6, 350, 350)], TODAY) == 100


def test_days_that_were_emptied_do_not_slow_it_down() -> None:
    assert bytes_per_day([day(1, 0), day(0, 50)], TODAY) == 50


def test_without_recordings_or_limits_there_is_no_forecast() -> None:
    assert bytes_per_day([], TODAY) == 0
    assert days_left(0.0, [100]) is None
    assert days_left(10.0, []) is None


def test_the_nearest_limit_counts_and_what_is_over_is_over_now() -> None:
    assert days_left(10.0, [4100, 410]) == 41
    assert days_left(10.0, [4100, -3]) == 0


@given(st.lists(st.tuples(st.integers(-1, 400), st.integers(0, 10**12)), max_size=20, unique_by=lambda each: each[0]))
def test_the_pace_is_never_beyond_the_best_day(found: list[tuple[int, int]]) -> None:
    """Also with a day that lies ahead, because the clock was set back."""
    pace = bytes_per_day([day(ago, size) for ago, size in found], TODAY)
    assert 0 <= pace <= max((size for _, size in found), default=0) * (1 + 1e-9)
    assert pace == pytest.approx(pace)
