"""Filters. Harm guarded against: a session that is there and not listed, and a typing error taken for a filter."""

import contextlib
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.store.listing import Card
from reeld.store.selection import EVERYTHING, Selection, pick, selection_of
from reeld_proto import codec
from reeld_proto.commands import ListSessions, Ping
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionState

NS = 1_000_000_000
QUERY = selection_of(ListSessions(text="x")).query


def card(
    session: str = "s",
    state: SessionState = SessionState.COMPLETED,
    tags: tuple[str, ...] = (),
    started_ns: int = 100,
    ended_ns: int | None = 200,
    *,
    hidden: bool = False,
) -> Card:
    return Card(session, state, tags, started_ns, ended_ns, hidden, codec.encoded(Ping()), 1)


def local_ns(*parts: int) -> int:
    return round(datetime(*parts).astimezone().timestamp() * NS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "since_ns", "until_ns"),
    [
        ("2026-11-22", local_ns(2026, 11, 22), local_ns(2026, 11, 23)),
        ("2026-11-22T17:05", local_ns(2026, 11, 22, 17, 5), local_ns(2026, 11, 22, 17, 5)),
        (
            " 2026-11-22 17:05:09.5 ",
            local_ns(2026, 11, 22, 17, 5, 9) + NS // 2,
            local_ns(2026, 11, 22, 17, 5, 9) + NS // 2,
        ),
        ("2026-11-22T17:05:09Z", 1795367109 * NS, 1795367109 * NS),
        ("2026-11-22T17:05:09+01:00", 1795363509 * NS, 1795363509 * NS),
    ],
)
def test_instants_and_dates(text: str, since_ns: int, until_ns: int) -> None:
    """A date as an end means its whole day; without an offset the clock on the wall is meant."""
    assert selection_of(ListSessions(since=text)).since_ns == since_ns
    assert selection_of(ListSessions(until=text)).until_ns == until_ns


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "99999-01-01", "17:05", "\0", "2026-11-22T25:00"])
def test_what_is_no_time_is_refused_with_a_remedy(text: str) -> None:
    for command in (ListSessions(since=text), ListSessions(until=text)):
        with pytest.raises(RequestRejected, match="neither a date nor an instant") as caught:
            selection_of(command)
        assert caught.value.code is ErrorCode.INVALID_REQUEST
        assert "date" in caught.value.remedy


@given(st.text(max_size=30) | st.sampled_from(["0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00"]))
def test_no_text_for_a_time_is_an_accident(text: str) -> None:
    with contextlib.suppress(RequestRejected):
        selection_of(ListSessions(since=text))
    with contextlib.suppress(RequestRejected):
        selection_of(ListSessions(until=text))


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(RequestRejected) as caught:
        selection_of(ListSessions(since="soon", until="late", limit=0, tag=" "))
    assert len(caught.value.faults) == 4
    with pytest.raises(RequestRejected, match="not after"):
        selection_of(ListSessions(since="2026-11-22", until="2026-11-21"))


def test_a_day_from_itself_to_itself_is_that_day() -> None:
    chosen = selection_of(ListSessions(since="2026-06-01", until="2026-06-01"))
    assert chosen.until_ns is not None
    assert chosen.since_ns is not None
    assert chosen.until_ns - chosen.since_ns == 86400 * NS


def test_no_filter_is_everything_and_a_blank_text_is_none() -> None:
    assert selection_of(ListSessions()) == EVERYTHING
    assert selection_of(ListSessions(text="  ")) == EVERYTHING
    assert selection_of(ListSessions(text="?")) != EVERYTHING


@pytest.mark.parametrize(
    ("since_ns", "until_ns", "taken"),
    [
        (None, None, True),
        (199, None, True),
        (200, None, False),
        (None, 100, False),
        (None, 101, True),
        (120, 130, True),
        (0, 100, False),
        (300, 400, False),
    ],
)
def test_a_session_is_in_a_time_if_they_overlap(since_ns: int | None, until_ns: int | None, *, taken: bool) -> None:
    assert Selection(since_ns=since_ns, until_ns=until_ns).takes(card(), found=False) is taken


def test_a_session_that_lasts_has_no_end_and_an_empty_one_an_instant() -> None:
    assert Selection(since_ns=10**18).takes(card(ended_ns=None), found=False)
    assert Selection(since_ns=100, until_ns=101).takes(card(ended_ns=100), found=False)


@pytest.mark.parametrize(
    ("selection", "found", "taken"),
    [
        (Selection(status=SessionState.COMPLETED, tag="a"), False, True),
        (Selection(status=SessionState.ACTIVE, tag="a"), False, False),
        (Selection(status=SessionState.ACTIVE, tag="a", any_of=True), False, True),
        (Selection(status=SessionState.ACTIVE, tag="c", any_of=True), False, False),
        (Selection(tag="a", query=QUERY), False, False),
        (Selection(tag="a", query=QUERY), True, True),
        (Selection(tag="c", query=QUERY, any_of=True), True, True),
        (Selection(tag="a", query=QUERY, any_of=True), False, True),
        (Selection(any_of=True), False, True),
    ],
)
def test_all_filters_must_hold_or_one_of_them(selection: Selection, *, found: bool, taken: bool) -> None:
    assert selection.takes(card(tags=("a", "b")), found=found) is taken


def test_the_rolling_buffer_is_shown_to_nobody() -> None:
    hidden = card(hidden=True)
    assert pick([hidden], EVERYTHING) == []
    assert pick([hidden], Selection(any_of=True, status=SessionState.COMPLETED)) == []
    assert pick([hidden], Selection(query=QUERY), {"s": 1.0}) == []


def test_the_best_match_comes_first_and_equal_ones_keep_their_order() -> None:
    cards = [card(name, tags=("t",)) for name in ("s4", "s3", "s2", "s1")]
    scores = {"s3": 1.0, "s2": 5.0, "s1": 1.0}
    assert [each.session for each in pick(cards, Selection(query=QUERY), scores)] == ["s2", "s3", "s1"]
    assert [each.session for each in pick(cards, Selection(query=QUERY, limit=2), scores)] == ["s2", "s3"]
    either = Selection(query=QUERY, tag="t", any_of=True)
    assert [each.session for each in pick(cards, either, scores)] == ["s2", "s3", "s1", "s4"]
    assert pick(cards, Selection(query=QUERY), {}) == []
    assert [each.session for each in pick(cards, Selection(limit=1))] == ["s4"]


def test_only_what_the_text_finds_need_be_looked_at() -> None:
    assert Selection(query=QUERY, tag="t").needs_text
    assert Selection(query=QUERY, any_of=True).needs_text
    assert not Selection(query=QUERY, tag="t", any_of=True).needs_text
    assert not EVERYTHING.needs_text
