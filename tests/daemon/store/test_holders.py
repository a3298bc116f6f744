"""Who holds a range. Harm guarded against: a session that holds it, hidden or under another digest, and not found."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.store import chunks
from reeld.store.environment import StoreEnvironment
from reeld.store.holders import checked_range, content_of, plan_of_one, plans_of_all
from reeld.store.keys import at, number_of, session_prefix, track_prefix
from reeld.store.records import ChunkEntry
from reeld.store.sessions import load
from reeld.store.timeline import Span
from reeld.store.transaction import Table, decode
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.daemon.export.cutting import capture, derive
from tests.daemon.export.recording import NS, Recording

SESSION = "20261122-170509-test"


def ns(at_s: float) -> int:
    return round(at_s * NS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreEnvironment]:
    recording = Recording.new(tmp_path / "store", tracks=("video-1",))
    capture(recording, 90, keyframes=(0, 60))
    recording.finish(3.0)
    yield recording.store
    recording.store.close()


def found(store: StoreEnvironment, session: str, from_s: float, to_s: float) -> dict[str, list[int]]:
    """By session: the numbers of the entries that hold something of the range."""
    with store.read() as txn:
        plans = plans_of_all(txn, session, ns(from_s), ns(to_s))
    return {plan.record.id: [redo.index for redo in plan.tracks["video-1"].redos if redo.dirty] for plan in plans}


def test_clips_that_show_it_and_clips_that_hide_it_are_found_and_others_not(store: StoreEnvironment) -> None:
    derive(store, "shows", (SESSION, 0.9, 1.5))
    derive(store, "hides", (SESSION, 1.2, 1.5))
    derive(store, "leads", (SESSION, 1.4, 2.0))
    derive(store, "after", (SESSION, 2.1, 2.5))
    holding = found(store, SESSION, 1.0, 1.1)
    assert holding == {SESSION: [3], "shows": [1], "hides": [0], "leads": []}
    with store.read() as txn:
        lead = next(plan for plan in plans_of_all(txn, SESSION, ns(1.0), ns(1.1)) if plan.record.id == "leads")
    assert not lead.tracks["video-1"].redos[0].clean_preroll


def test_a_range_of_a_clip_leads_to_the_recording(store: StoreEnvironment) -> None:
    derive(store, "clip", (SESSION, 0.5, 2.5))
    derive(store, "merge", ("clip", 1.0, 1.5), ("clip", 0.0, 0.4))
    assert set(found(store, "clip", 0.1, 0.2)) == {"clip", SESSION, "merge"}
    with store.read() as txn:
        plans = {plan.record.id: plan for plan in plans_of_all(txn, "clip", ns(0.1), ns(0.2))}
    assert plans[SESSION].cleared == [Span(ns(0.6), ns(0.7))]
    assert plans["merge"].cleared == [Span(ns(0.6), ns(0.7))]


def test_a_session_that_came_without_lines_is_found_by_its_chunks(store: StoreEnvironment) -> None:
    derive(store, "imported", (SESSION, 0.9, 1.5))
    with store.write() as txn:
        for key, _ in list(txn.scan(Table.LINEAGE, session_prefix("imported"))):
            txn.delete(Table.LINEAGE, key)
    assert found(store, SESSION, 1.0, 1.1)["imported"] == [1]
    with store.read() as txn:
        plans = {plan.record.id: plan for plan in plans_of_all(txn, SESSION, ns(1.0), ns(1.1))}
    cleared = plans["imported"].tracks["video-1"].cleared
    assert [each.start_ns for each in cleared] == [pytest.approx(ns(0.1), abs=50)]
    assert [each.end_ns for each in cleared] == [pytest.approx(ns(0.2), abs=50)]


def test_content_is_what_the_samples_say_and_unreadable_bytes_say_nothing(store: StoreEnvironment) -> None:
    with store.write() as txn:
        track = load(txn, SESSION).tracks[0]
        prefix = track_prefix(SESSION, "video-1")
        key, value = next(txn.scan(Table.TIMELINE, prefix, at(prefix, 1)))
        entry = decode(value, ChunkEntry)
        content = content_of(txn, track, entry.chunk, entry.init, 5)
        assert content is not None
        assert content.start_ns == pytest.approx(number_of(key, prefix) + 5, abs=20_000)
        assert content.end_ns == pytest.approx(entry.end_ns + 5, abs=20_000)
        assert content_of(txn, track, chunks.add(txn, b"no media"), entry.init, 0) is None
        assert content_of(txn, track, b"missing", entry.init, 0) is None


@pytest.mark.parametrize("span", [(-1, 5), (4 * NS, 5 * NS), (NS, 4 * NS), (2, 2), (5, 2)])
def test_a_range_outside_the_session_is_refused_with_its_length(store: StoreEnvironment, span: tuple[int, int]) -> None:
    with store.read() as txn:
        with pytest.raises(RequestRejected, match=r"lasts from 0 to 3\.0 s") as caught:
            plan_of_one(txn, SESSION, *span)
        assert caught.value.remedy
        assert checked_range(load(txn, SESSION), 0, 3 * NS + 500_000) == Span(0, 3 * NS)


def test_unknown_and_running_sessions_are_refused(store: StoreEnvironment) -> None:
    with store.write() as txn:
        record = load(txn, SESSION)
        record.end_ns = None
        with pytest.raises(RequestRejected) as caught:
            checked_range(record, 0, NS)
        assert caught.value.code is ErrorCode.WRONG_STATE
        with pytest.raises(RequestRejected) as unknown:
            plan_of_one(txn, "nobody", 0, NS)
        assert unknown.value.code is ErrorCode.NOT_FOUND
