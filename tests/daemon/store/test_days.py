"""Days of a session. Harm guarded against: a night's recording counted on the wrong day, so that the forecast lies."""

import time
from collections.abc import Iterator
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.store.days import day_map
from reeld.store.timeline import Pause, PauseMap
from reeld_proto.units import NS_PER_S

HOUR_NS = 3600 * NS_PER_S
NO_PAUSES = PauseMap([])


@pytest.fixture(autouse=True)
def _zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A zone with summer time, away from UTC."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def wall(*parts: int) -> int:
    return round(datetime(*parts).astimezone().timestamp()) * NS_PER_S  # type: ignore[arg-type]


def test_a_session_within_a_day_lies_on_that_day() -> None:
    days = day_map(wall(2026, 11, 22, 9), 5 * HOUR_NS, NO_PAUSES, [])
    assert list(days.lengths_ns(5 * HOUR_NS)) == [(date(2026, 11, 22), 5 * HOUR_NS)]


def test_a_session_through_the_night_lies_on_both_days() -> None:
    days = day_map(wall(2026, 11, 22, 22), 50 * HOUR_NS, NO_PAUSES, [])
    assert list(days.lengths_ns(50 * HOUR_NS)) == [
        (date(2026, 11, 22), 2 * HOUR_NS),
        (date(2026, 11, 23), 24 * HOUR_NS),
        (date(2026, 11, 24), 24 * HOUR_NS),
    ]
    assert days.day_at(2 * HOUR_NS - 1) == date(2026, 11, 22)
    assert days.day_at(2 * HOUR_NS) == date(2026, 11, 23)


def test_midnight_is_found_behind_a_pause() -> None:
    """Media time stands still in a pause, the calendar does not."""
    pauses = PauseMap([Pause(1 * HOUR_NS, 3 * HOUR_NS)])
    days = day_map(wall(2026, 11, 22, 22), 2 * HOUR_NS, pauses, [])
    assert list(days.lengths_ns(2 * HOUR_NS)) == [(date(2026, 11, 22), HOUR_NS), (date(2026, 11, 23), HOUR_NS)]


def test_the_day_on_which_the_clock_is_put_back_has_25_hours() -> None:
    days = day_map(wall(2026, 10, 25, 0), 30 * HOUR_NS, NO_PAUSES, [])
    assert next(iter(days.lengths_ns(30 * HOUR_NS))) == (date(2026, 10, 25), 25 * HOUR_NS)


def test_a_session_put_together_of_two_days_lies_on_these() -> None:
    jumps = [(HOUR_NS, wall(2026, 11, 25, 9))]
    days = day_map(wall(2026, 11, 22, 9), 2 * HOUR_NS, NO_PAUSES, jumps)
    assert list(days.lengths_ns(2 * HOUR_NS)) == [(date(2026, 11, 22), HOUR_NS), (date(2026, 11, 25), HOUR_NS)]


def test_a_clock_that_is_set_a_little_makes_no_new_day() -> None:
    days = day_map(wall(2026, 11, 22, 9), 2 * HOUR_NS, NO_PAUSES, [(HOUR_NS, wall(2026, 11, 22, 10) + 5)])
    assert list(days.lengths_ns(2 * HOUR_NS)) == [(date(2026, 11, 22), 2 * HOUR_NS)]


@given(
    start=st.integers(0, 4 * 10**9),
    hours=st.integers(0, 100),
    pauses=st.lists(st.tuples(st.integers(0, 90), st.integers(1, 30)), max_size=3),
    jumps=st.lists(st.tuples(st.integers(0, 100), st.integers(0, 4 * 10**9)), max_size=3),
)
def test_the_days_cover_every_session_exactly_once(
    start: int, hours: int, pauses: list[tuple[int, int]], jumps: list[tuple[int, int]]
) -> None:
    spans, clock = [], 0
    for gap, length in pauses:
        spans.append(Pause((clock + gap) * HOUR_NS, (clock + gap + length) * HOUR_NS))
        clock += gap + length
    end_ns = hours * HOUR_NS
    sorted_jumps = sorted((at * HOUR_NS, wall_s * NS_PER_S) for at, wall_s in jumps)
    days = day_map(start * NS_PER_S, end_ns, PauseMap(spans), sorted_jumps)
    lengths = list(days.lengths_ns(end_ns))
    assert sum(length for _, length in lengths) == end_ns
    assert days.starts_ns[0] == 0
    assert list(days.starts_ns) == sorted(days.starts_ns)
    assert days.day_at(0) in days.days
