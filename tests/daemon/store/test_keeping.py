"""Filling kept sessions. Harms guarded against: a session that differs from one made in one go, one that is never
filled after a crash, and bytes that are copied."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from reeld.store import derive, keeping, lineage, replay, rows, sessions, verify
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.records import SessionRecord
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.errors import StoreCorrupt
from reeld_proto.records import GapReason, SessionState
from reeld_proto.store_orders import DeriveSession, SessionPart
from reeld_proto.units import NS_PER_MS
from reeld_proto.workers import CreateSession
from tests.daemon.store.builders import NS, chunk, creation, finish, gap, land, new_store

ONE, TWO = "20261122-100000-aaaa", "20261122-110000-bbbb"
KEPT, DERIVED = "20261122-120000-cccc", "20261122-130000-dddd"
TRACKS = ("video-1", "mix")
EVER = 1e9


def never() -> bool:
    return False


def begin(txn: Transaction, parts: Sequence[SessionPart]) -> None:
    """A kept session of these parts, not filled."""
    wanted = DeriveSession(session=KEPT, name="kept", tags=[], parts=list(parts))
    checked = derive.checked(txn, wanted)
    record = derive.described(txn, wanted, checked)
    record.state = SessionState.PERSISTING
    derive.carry_over(txn, record, checked)
    lineage.inherit(txn, record.id, [(part.source, part.within, part.base_ns) for part in checked])
    keeping.begin(
        txn,
        record,
        [
            keeping.KeptRange(part.asked.session, part.within.start_ns, part.within.end_ns, part.base_ns)
            for part in checked
        ],
    )
    sessions.save(txn, record)


def rows_of(store: StoreEnvironment, session: str) -> list[rows.Row]:
    """Rows of a session but for its own record."""
    with store.read() as txn:
        return [row for row in rows.read_rows(txn, session) if row.table is not Table.SESSIONS]


def record_of(store: StoreEnvironment, session: str) -> SessionRecord:
    with store.read() as txn:
        return sessions.load(txn, session)


def fill_up(store: StoreEnvironment) -> int:
    """One portion a transaction, with a check after each; how many it took."""
    count = 0
    while True:
        with store.write() as txn:
            done = keeping.fill(txn, KEPT, never)
        count += 1
        assert verify.verify(store, None).faults == []
        if done:
            return count


def fill_a_session(store: StoreEnvironment, session: str, pieces: Sequence[tuple[int, bool, bool]]) -> int:
    """Chunks and gaps of so many tenths of a second; its length in tenths."""
    items, at = [], 0
    for number, (length, media, keyframe) in enumerate(pieces):
        for track in TRACKS:
            start_ns, end_ns = at * NS // 10, (at + length) * NS // 10
            if media:
                key = track == "mix" or keyframe or number == 0
                content = f"{session} {track} {at}".encode()
                items.append(chunk(start_ns, end_ns, content, track=track, session=session, keyframe=key))
            else:
                items.append(gap(start_ns, end_ns, GapReason.DEVICE_LOST, track=track, session=session))
        at += length
    land(store, *items)
    return at


PIECES = st.lists(st.tuples(st.integers(1, 20), st.booleans(), st.booleans()), min_size=1, max_size=12)


@given(first=PIECES, second=PIECES, cuts=st.tuples(*[st.floats(0, 0.45)] * 4), portion=st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_it_becomes_what_a_derived_session_is_whatever_the_portions(
    first: Sequence[tuple[int, bool, bool]],
    second: Sequence[tuple[int, bool, bool]],
    cuts: tuple[float, float, float, float],
    portion: int,
) -> None:
    before = keeping.PORTION
    keeping.PORTION = portion
    try:
        with TemporaryDirectory() as folder, new_store(Path(folder), *map(_session, (ONE, TWO))) as store:
            parts = []
            for session, pieces, (begins, ends) in ((ONE, first, cuts[:2]), (TWO, second, cuts[2:])):
                length_ns = fill_a_session(store, session, pieces) * NS // 10
                with store.write() as txn:
                    sessions.finish(txn, finish(length_ns, session))
                from_ns, to_ns = round(begins * length_ns), round((1 - ends) * length_ns)
                parts.append(SessionPart(session=session, from_ns=from_ns, to_ns=max(to_ns, from_ns + NS_PER_MS)))
            with store.write() as txn:
                begin(txn, parts)
            assert verify.verify(store, None).faults == []
            fill_up(store)
            with store.write() as txn:
                wanted = DeriveSession(session=DERIVED, name="kept", tags=[], parts=parts)
                derive.derive(txn, wanted, Circumstances(store.path, set()))
            assert rows_of(store, KEPT) == rows_of(store, DERIVED)
            kept, derived = record_of(store, KEPT), record_of(store, DERIVED)
            assert structs.replace(kept, id="", revision=0) == structs.replace(derived, id="", revision=0)
            assert verify.verify(store, None).faults == []
    finally:
        keeping.PORTION = before


def _session(session: str) -> CreateSession:
    return creation(session, tracks=TRACKS)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "PORTION", 3)


@pytest.mark.usefixtures("small")
def test_no_byte_is_copied_and_every_commit_is_whole(tmp_path: Path) -> None:
    with new_store(tmp_path, _session(ONE)) as store:
        fill_a_session(store, ONE, [(10, True, True)] * 10)
        with store.write() as txn:
            chunks_before = txn.count(Table.CHUNKS)
            begin(txn, [SessionPart(session=ONE, from_ns=NS // 2, to_ns=10 * NS)])
            assert keeping.pending(txn) == [KEPT]
            assert keeping.needed(txn) == {ONE}
        assert record_of(store, KEPT).state is SessionState.PERSISTING
        assert fill_up(store) == 2 * 3
        with store.write() as txn:
            assert txn.count(Table.CHUNKS) == chunks_before
            assert keeping.pending(txn) == []
        assert record_of(store, KEPT).state is SessionState.COMPLETED


@pytest.mark.usefixtures("small")
def test_a_crash_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    with new_store(tmp_path, _session(ONE)) as store:
        fill_a_session(store, ONE, [(10, True, True)] * 10)
        with store.write() as txn:
            sessions.finish(txn, finish(10 * NS, ONE))
            begin(txn, [SessionPart(session=ONE, from_ns=0, to_ns=10 * NS)])
            assert not keeping.fill(txn, KEPT, never)
    with new_store(tmp_path) as store:
        fill_up(store)
        assert [track.chunks for track in record_of(store, KEPT).tracks] == [10, 10]


@pytest.mark.usefixtures("small")
def test_a_source_that_was_removed_meanwhile_leaves_an_absent_gap_and_no_error(tmp_path: Path) -> None:
    with new_store(tmp_path, _session(ONE)) as store:
        fill_a_session(store, ONE, [(10, True, True)] * 10)
        with store.write() as txn:
            sessions.finish(txn, finish(10 * NS, ONE))
            begin(txn, [SessionPart(session=ONE, from_ns=0, to_ns=10 * NS)])
            keeping.fill(txn, KEPT, never)
            rows.erase(txn, ONE, reason="test", now_wall_ns=1)
        fill_up(store)
        assert [track.chunks for track in record_of(store, KEPT).tracks] == [4, 0]


def test_a_kept_session_that_was_removed_is_not_filled(tmp_path: Path) -> None:
    with new_store(tmp_path, _session(ONE)) as store:
        fill_a_session(store, ONE, [(10, True, True)] * 3)
        with store.write() as txn:
            begin(txn, [SessionPart(session=ONE, from_ns=0, to_ns=3 * NS)])
            rows.erase(txn, KEPT, reason="test", now_wall_ns=1)
            assert keeping.fill(txn, KEPT, never)
            assert keeping.pending(txn) == []


def test_a_missing_reference_is_told_and_changes_nothing(tmp_path: Path) -> None:
    with new_store(tmp_path, _session(ONE)) as store:
        fill_a_session(store, ONE, [(10, True, True)] * 3)
        with store.write() as txn:
            begin(txn, [SessionPart(session=ONE, from_ns=0, to_ns=3 * NS)])
            txn.clear(Table.REFERENCES)
        with pytest.raises(StoreCorrupt), store.write() as txn:
            keeping.fill(txn, KEPT, replay.within(EVER))
        with store.read() as txn:
            assert keeping.pending(txn) == [KEPT]
            kept = [key for key, _ in txn.scan(Table.TIMELINE) if key.startswith(KEPT.encode())]
            assert kept == []
            assert decode(txn.get(Table.SESSIONS, KEPT.encode()) or b"", SessionRecord).tracks[0].chunks == 0
