"""Rules as they are written. Harm guarded against: a rule that is mistyped and silently hides nothing."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld_proto.privacy import PrivacyRule, parse_hours


def test_hours_are_minutes_of_the_day() -> None:
    assert parse_hours("22:00-06:30") == (1320, 390)
    assert parse_hours("00:00-23:59") == (0, 1439)


@pytest.mark.parametrize(
    "text", ["", "22-06", "24:00-06:00", "22:60-06:00", "6:00-7:00", "22:00 - 06:00", "08:00-08:00"]
)
def test_what_is_no_span_of_the_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"22:00-06:00|whole day"):
        parse_hours(text)


@given(st.text())
def test_any_text_is_hours_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert all(0 <= minute < 1440 for minute in parse_hours(text))


def test_a_rule_without_a_condition_is_refused_because_it_would_hide_everything_or_nothing() -> None:
    with pytest.raises(ValueError, match="needs one of app, title, screen and hours"):
        PrivacyRule(name="empty")


@pytest.mark.parametrize(
    "rule",
    [
        {"name": "", "app": "x"},
        {"name": "n" * 65, "app": "x"},
        {"name": "n", "app": ""},
        {"name": "n", "title": "t" * 257},
        {"name": "n", "hours": "whenever"},
        {"name": "n", "app": "x", "colour": "red"},
    ],
)
def test_rules_from_outside_are_checked_on_arrival(rule: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(rule, PrivacyRule)
