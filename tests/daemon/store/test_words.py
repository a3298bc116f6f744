"""Figures in reasons. Harm guarded against: a person who cannot read what was dropped and why."""

from datetime import datetime

import pytest

from reeld.store.words import age_text, instant_text, size_text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (99_499, "99.5 kB"),
        (412_000_000, "412 MB"),
        (999_600_000, "1.00 GB"),
        (50e9, "50.0 GB"),
        (3e15, "3000 TB"),
    ],
)
def test_sizes(size: float, text: str) -> None:
    assert size_text(size) == text


def test_instants_are_told_with_the_offset_of_this_machine() -> None:
    told = datetime.fromisoformat(instant_text(1_700_000_000_123_000_000))
    assert told.timestamp() == 1_700_000_000.123
    assert told.utcoffset() is not None


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (41.2, "41 days"),
        (1, "1 day"),
        (1.5, "1.5 days"),
        (30, "30 days"),
        (0.5, "12 hours"),
        (1 / 24, "1 hour"),
        (2 / 1440, "2 minutes"),
        (12 / 86_400, "12 s"),
        (-1, "0 s"),
    ],
)
def test_ages(days: float, text: str) -> None:
    assert age_text(days) == text
