"""Cards. Harm guarded against: a list that shows yesterday's state, or costs seconds."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reeld.store import listing, revisions, sessions
from reeld.store.description import describe
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import name_key
from reeld.store.listing import Card, Cards
from reeld.store.reader import StoreReader
from reeld.store.records import NoteEntry
from reeld.store.said import said_of
from reeld.store.transaction import Table
from reeld_proto import codec
from reeld_proto.records import GapReason, SessionInfo
from reeld_proto.workers import RecordMarker, RecordPause
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, gap, land


def infos(cards: list[Card]) -> list[SessionInfo]:
    return codec.unpack_all([card.info for card in cards], SessionInfo)


def slowly(store: StoreEnvironment) -> list[SessionInfo]:
    """Every session described by itself, newest first."""
    with store.read() as txn:
        names = [key.decode() for key, _ in txn.scan_back(Table.SESSIONS)]
        return [describe(sessions.load(txn, name), said_of(txn, name)).info for name in names]


def all_of(cards: Cards, store: StoreEnvironment) -> list[Card]:
    with store.read() as txn:
        return cards.all(txn)


# Ids of which one begins another: their rows must not be taken for each other's.
NAMES = ["a", "a\x01", "ab", "abc", "b"]


@pytest.fixture
def shelf(store: StoreEnvironment) -> StoreEnvironment:
    """Finished sessions, each with something of every kind, and one that lasts."""
    with store.write() as txn:
        for number, name in enumerate(NAMES):
            sessions.create(txn, creation(name, f"name {name}", tags=[name], warnings=[f"warning {name}"]))
            sessions.mark(txn, RecordMarker(session=name, media_ns=number, text=f"mark {name}"))
            if number % 2:
                txn.put_record(Table.NOTES, name_key(name), NoteEntry(f"note {name}"))
                sessions.pause(txn, RecordPause(session=name, start_ns=NS, end_ns=2 * NS))
    for name in NAMES:
        land(store, chunk(0, NS, session=name), gap(NS, 2 * NS, GapReason.HIDDEN, session=name))
    with store.write() as txn:
        for name in NAMES:
            sessions.finish(txn, finish(3 * NS, name))
    return store


@pytest.mark.parametrize("singly_max", [0, 100])
def test_a_list_says_what_each_session_says_of_itself(
    shelf: StoreEnvironment, monkeypatch: pytest.MonkeyPatch, singly_max: int
) -> None:
    """In one pass or one by one, new or known."""
    monkeypatch.setattr(listing, "SINGLY_MAX", singly_max)
    cards = Cards()
    for _ in range(2):
        assert infos(all_of(cards, shelf)) == slowly(shelf)
    with shelf.read() as txn:
        assert [each.session for each in Cards().some(txn, ["b", "gone", "a", "ab"])] == ["b", "ab", "a"]
        assert infos(Cards().some(txn, NAMES)) == [each for each in slowly(shelf) if each.session != SESSION]


def test_known_sessions_are_not_described_again(shelf: StoreEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is what makes the list fast."""
    described: list[str] = []

    def spy(record: Any, said: Any) -> Any:
        described.append(record.id)
        return describe(record, said)

    monkeypatch.setattr(listing, "describe", spy)
    cards = Cards()
    all_of(cards, shelf)
    assert sorted(described) == sorted([*NAMES, SESSION])
    described.clear()
    all_of(cards, shelf)
    assert described == [SESSION]  # it is being recorded
    described.clear()
    with shelf.write() as txn:
        record = sessions.load(txn, "ab")
        record.pinned = True
        revisions.touch(txn, record)
    all_of(cards, shelf)
    assert sorted(described) == sorted([SESSION, "ab"])


def test_a_session_that_is_gone_takes_no_memory(shelf: StoreEnvironment) -> None:
    cards = Cards()
    all_of(cards, shelf)
    with shelf.write() as txn:
        revisions.bury(txn, sessions.load(txn, "b"))
    assert "b" not in [card.session for card in all_of(cards, shelf)]
    assert b"b" not in cards._known


def test_what_filters_ask_is_on_the_card(shelf: StoreEnvironment) -> None:
    with shelf.write() as txn:
        record = sessions.load(txn, "b")
        record.buffer = True
        revisions.touch(txn, record)
    by_name = {card.session: card for card in all_of(Cards(), shelf)}
    assert by_name["b"].hidden
    assert not by_name["a"].hidden
    assert by_name["ab"].tags == ("ab",)
    assert by_name["a"].ended_ns == by_name["a"].started_ns + 3 * NS
    assert by_name["a\x01"].ended_ns == by_name["a\x01"].started_ns + 4 * NS
    assert by_name[SESSION].ended_ns is None
    assert by_name["a"].size == len(bytes(by_name["a"].info))


def warm_all(cards: Cards, store: StoreEnvironment) -> int:
    """Portions that it took."""
    after: bytes | None = b""
    portions = 0
    with store.read() as txn:
        while after is not None:
            after = cards.warm(txn, after)
            portions += 1
            assert portions < 100
    return portions


@pytest.mark.parametrize(("new", "seen"), [(1, 100), (2, 3), (100, 100), (100, 1)])
def test_what_was_prepared_in_portions_need_not_be_described_at_the_first_list(
    shelf: StoreEnvironment, monkeypatch: pytest.MonkeyPatch, new: int, seen: int
) -> None:
    monkeypatch.setattr(listing, "WARM_NEW", new)
    monkeypatch.setattr(listing, "WARM_SEEN", seen)
    cards = Cards()
    assert warm_all(cards, shelf) > len(NAMES) / min(new, seen)
    described: list[str] = []

    def spy(record: Any, said: Any) -> Any:
        described.append(record.id)
        return describe(record, said)

    monkeypatch.setattr(listing, "describe", spy)
    assert infos(all_of(cards, shelf)) == slowly(shelf)
    assert described == [SESSION], "the running one, as ever"


def test_preparing_goes_on_where_it_was_left_and_past_what_is_damaged(
    shelf: StoreEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "WARM_NEW", 1)
    with shelf.write() as txn:
        txn.put(Table.SESSIONS, b"ab", b"\xc1")
    cards = Cards()
    warm_all(cards, shelf)
    assert sorted(cards._known) == [b"a", b"a\x01", b"abc", b"b"]
    assert list(cards.damaged) == ["ab"]
    with shelf.read() as txn:
        assert cards.warm(txn, b"b") is None


def test_a_damaged_session_is_named_until_it_is_mended(shelf: StoreEnvironment) -> None:
    cards = Cards()
    all_of(cards, shelf)
    with shelf.write() as txn:
        whole = txn.get(Table.SESSIONS, b"ab") or b""
        txn.put(Table.SESSIONS, b"ab", b"\xc1")
    assert "ab" not in [card.session for card in all_of(cards, shelf)]
    assert list(cards.damaged) == ["ab"]
    with shelf.read() as txn:
        assert cards.some(txn, ["a", "ab"])[0].session == "a"
    with shelf.write() as txn:
        txn.put(Table.SESSIONS, b"ab", whole)
    assert "ab" in [card.session for card in all_of(cards, shelf)]
    assert cards.damaged == {}


class Changes(RuleBasedStateMachine):
    """Whatever happens to sessions, the list that knows them says what a new one says."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.store = StoreEnvironment.open_write(Path(self._folder.name))
        self.cards = Cards()
        self.count = 0

    def teardown(self) -> None:
        self.store.close()
        self._folder.cleanup()

    def _any(self, number: int) -> str:
        return f"s{number % self.count}"

    @rule()
    def create(self) -> None:
        with self.store.write() as txn:
            sessions.create(txn, creation(f"s{self.count}"))
        self.count += 1

    @precondition(lambda self: self.count)
    @rule(number=st.integers(0, 50), at=st.integers(0, 5), text=st.sampled_from(["x", "y"]))
    def mark(self, number: int, at: int, text: str) -> None:
        with self.store.write() as txn:
            if txn.get(Table.SESSIONS, name_key(self._any(number))) is not None:
                sessions.mark(txn, RecordMarker(session=self._any(number), media_ns=at * NS, text=text))

    @precondition(lambda self: self.count)
    @rule(number=st.integers(0, 50), start=st.integers(0, 5))
    def record(self, number: int, start: int) -> None:
        land(self.store, chunk(start * NS, (start + 1) * NS, session=self._any(number)))

    @precondition(lambda self: self.count)
    @rule(number=st.integers(0, 50))
    def finish(self, number: int) -> None:
        with self.store.write() as txn:
            if txn.get(Table.SESSIONS, name_key(self._any(number))) is not None:
                sessions.finish(txn, finish(6 * NS, self._any(number)))

    @precondition(lambda self: self.count)
    @rule(number=st.integers(0, 50))
    def remove(self, number: int) -> None:
        with self.store.write() as txn:
            if txn.get(Table.SESSIONS, name_key(self._any(number))) is not None:
                revisions.bury(txn, sessions.load(txn, self._any(number)))

    @invariant()
    def the_list_is_what_is_said(self) -> None:
        assert infos(all_of(self.cards, self.store)) == slowly(self.store)


Changes.TestCase.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
TestChanges = Changes.TestCase


def test_a_part_of_the_list_is_what_the_whole_says_of_it(shelf: StoreEnvironment) -> None:
    with shelf.write() as txn:
        sessions.create(txn, creation("zz", "the buffer", buffer=True))
    reader = StoreReader(shelf)
    whole = reader.list_sessions()
    assert {each.session for each in whole} == {*NAMES, SESSION}
    for offset in range(len(whole) + 2):
        for count in range(len(whole) + 2):
            assert reader.newest(offset, count) == (len(whole), whole[offset : offset + count], {})
    with shelf.write() as txn:
        txn.put(Table.SESSIONS, name_key("b"), b"\xc1")
    total, found, damaged = reader.newest(0, 2)
    assert (total, [each.session for each in found], list(damaged)) == (len(whole), ["abc"], ["b"])
