"""Rules and facts. Harm guarded against: a private window that is recorded, or everything hidden for no reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.capture.privacy import PrivacyRules
from reeld_proto.privacy import PrivacyRule

NOON = 12 * 60
MINUTES = st.integers(0, 1439)


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def rules(**conditions: str) -> PrivacyRules:
    return PrivacyRules([PrivacyRule(name="rule", **conditions)])


@pytest.mark.parametrize(
    ("pattern", "app", "hidden"),
    [
        ("firefox", "Firefox", True),
        ("FIREFOX*", "firefox-esr", True),
        ("fire?ox", "Firefox", True),
        ("fox", "Firefox", False),
        ("STRASSE", "Straße", True),
        ("keepass*", "Firefox", False),
    ],
)
def test_names_of_programs_are_globs_that_do_not_care_for_capitals(pattern: str, app: str, hidden: bool) -> None:
    assert (rules(app=pattern).hidden_by(app, "t", None, NOON) == "rule") is hidden


def test_a_title_with_line_breaks_or_brackets_matches_too() -> None:
    """Harm: `.` of regular expressions does not match a line break, so a page could unhide itself."""
    assert rules(title="*bank*").hidden_by("a", "one\nbank\ntwo", None, NOON)
    assert rules(title="[[]private]*").hidden_by("a", "[Private] mail", None, NOON)


def test_all_conditions_of_a_rule_must_hold() -> None:
    both = rules(app="firefox", title="*bank*", screen="LEFT", hours="09:00-17:00")
    assert both.hidden_by("firefox", "my bank", "LEFT", NOON) == "rule"
    assert both.hidden_by("chrome", "my bank", "LEFT", NOON) is None
    assert both.hidden_by("firefox", "news", "LEFT", NOON) is None
    assert both.hidden_by("firefox", "my bank", "RIGHT", NOON) is None
    assert both.hidden_by("firefox", "my bank", None, NOON) is None
    assert both.hidden_by("firefox", "my bank", "LEFT", 18 * 60) is None


def test_a_rule_of_windows_never_hides_a_whole_screen() -> None:
    assert rules(app="*", screen="LEFT").screen(["LEFT"], NOON) is None


def test_a_screen_is_hidden_by_its_name_and_everything_by_the_hour() -> None:
    assert rules(screen="left").screen(["LEFT"], NOON) == "rule"
    assert rules(screen="left").screen(["RIGHT"], NOON) is None
    assert rules(screen="left").screen(["RIGHT", "LEFT"], NOON) == "rule"
    assert rules(hours="11:00-13:00").screen([], NOON) == "rule"
    assert rules(hours="11:00-13:00").hidden_by("any", "any", "RIGHT", NOON) == "rule"


def test_without_rules_nothing_is_hidden_or_watched() -> None:
    none = PrivacyRules()
    assert none.hidden_by("a", "b", "c", NOON) is None
    assert [none.mask_pixels, none.name_screens, none.watch_clock] == [False] * 3
    assert none.steady_minutes(NOON) == 1440


@given(MINUTES, MINUTES, MINUTES)
def test_hours_hold_from_their_start_to_their_end_also_over_midnight(start: int, end: int, now: int) -> None:
    if start == end:
        return
    inside, minute = set(), start
    while minute != end:
        inside.add(minute)
        minute = (minute + 1) % 1440
    found = rules(hours=f"{clock(start)}-{clock(end)}")
    assert (found.screen([], now) == "rule") == (now in inside)


@given(st.lists(st.tuples(MINUTES, MINUTES).filter(lambda pair: pair[0] != pair[1]), max_size=4), MINUTES)
def test_no_answer_changes_before_the_time_it_is_said_to(spans: list[tuple[int, int]], now: int) -> None:
    """Harm: the private hour begins and nobody looks at the clock."""
    found = PrivacyRules([PrivacyRule(name=str(n), hours=f"{clock(a)}-{clock(b)}") for n, (a, b) in enumerate(spans)])
    steady = found.steady_minutes(now)
    assert 1 <= steady <= 1440
    names = {found.screen([], (now + minute) % 1440) for minute in range(steady)}
    assert len(names) == 1


TEXTS = st.text(max_size=12)
PATTERNS = st.text(alphabet="ab*?[]!-", min_size=1, max_size=8)


@given(PATTERNS, TEXTS, PATTERNS, TEXTS)
def test_title_matters_whenever_it_could_make_a_difference(app: str, name: str, title: str, text: str) -> None:
    """Harm: a title that comes to match is not looked at, because its window was taken to be harmless."""
    found = rules(app=app, title=title)
    if found.hidden_by(name, text, None, NOON):
        assert found.title_matters([name])
