import dataclasses
import hashlib

import pytest

from reeld.store import chunks, sessions, verify
from reeld.store.api import Fate, IngestItem
from reeld.store.environment import StoreEnvironment
from reeld.store.ingest import INIT_BYTES_MAX, Batch
from reeld.store.reader import StoreReader
from reeld.store.timeline import Span
from reeld.store.transaction import Table, Transaction
from reeld_proto.records import GapReason, SessionState
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, gap, land


def fates(store: StoreEnvironment, *items: IngestItem) -> list[Fate]:
    return [landing.fate for landing in land(store, *items)]


def counted(store: StoreEnvironment) -> tuple[int, int, int]:
    track = StoreReader(store).show(SESSION).tracks[0]
    return track.chunks, track.bytes, track.frames


def test_chunk_timeline_references_and_counters_arrive_together(store: StoreEnvironment) -> None:
    first = chunk(0, NS, b"x" * 100, frames=30, dropped=2, unchanged=5, silence_ns=NS // 2)
    assert fates(store, first, chunk(NS, 2 * NS, b"y" * 50, frames=20)) == [Fate.STORED] * 2
    info = StoreReader(store).show(SESSION)
    track = info.tracks[0]
    assert (track.chunks, track.bytes, track.frames, track.dropped, track.unchanged) == (2, 150, 50, 2, 5)
    assert (track.silence_s, track.codec, info.bytes, info.duration_s) == (0.5, "avc1", 150, 2.0)
    assert verify.verify(store, None).ok


@pytest.mark.parametrize("on_arrival", [True, False])
def test_a_chunk_is_hashed_once(store: StoreEnvironment, monkeypatch: pytest.MonkeyPatch, *, on_arrival: bool) -> None:
    """On arrival, or where it lands: twice would be a tenth of a commit."""
    hashed: list[bytes] = []

    def spy(data: bytes) -> bytes:
        hashed.append(bytes(data))
        return hashlib.sha256(data).digest()

    item = chunk(0, NS, b"payload")
    if on_arrival:
        item = dataclasses.replace(item, digest=hashlib.sha256(b"payload").digest())
    monkeypatch.setattr(chunks, "digest_of", spy)
    assert fates(store, item) == [Fate.STORED]
    assert hashed == ([b"init"] if on_arrival else [b"payload", b"init"])
    monkeypatch.undo()
    assert verify.verify(store, None).ok


def test_a_batch_that_fails_leaves_nothing_of_any_message(store: StoreEnvironment) -> None:
    # Else a timeline could name a chunk that was not stored, or a counter count one that is not there.
    def fail(txn: Transaction) -> None:
        batch = Batch(txn)
        batch.land(chunk(0, NS))
        batch.finish()
        raise KeyError("power cut")

    with pytest.raises(KeyError), store.write() as txn:
        fail(txn)
    with store.read() as txn:
        assert [txn.count(table) for table in (Table.CHUNKS, Table.TIMELINE, Table.REFERENCES)] == [0, 0, 0]
    assert counted(store) == (0, 0, 0)


def test_what_is_sent_again_lands_once(store: StoreEnvironment) -> None:
    items = [chunk(0, NS), gap(NS, 2 * NS), chunk(2 * NS, 3 * NS)]
    land(store, *items)
    before = counted(store)
    assert fates(store, *items, *items) == [Fate.DUPLICATE] * 6
    assert counted(store) == before
    assert verify.verify(store, None).ok


def test_a_chunk_sent_again_is_known_even_where_it_was_shortened(store: StoreEnvironment) -> None:
    late = chunk(8 * NS, 12 * NS)
    assert fates(store, chunk(0, 10 * NS), late, late) == [Fate.STORED, Fate.STORED, Fate.DUPLICATE]
    assert [(each.start_ns, each.end_ns) for each in StoreReader(store).segments(SESSION, "video-1")] == [
        (0, 10 * NS),
        (10 * NS, 12 * NS),
    ]


def test_equal_bytes_at_two_times_are_two_entries_of_one_chunk(store: StoreEnvironment) -> None:
    assert fates(store, chunk(0, NS, b"still"), chunk(NS, 2 * NS, b"still")) == [Fate.STORED] * 2
    with store.read() as txn:
        assert txn.count(Table.CHUNKS) == 2  # the chunk and the init segment
    assert verify.verify(store, None).ok


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([chunk(NS, 2 * NS)], GapReason.DROPPED),
        ([chunk(0, NS, epoch=1), chunk(2 * NS, 3 * NS, epoch=2)], GapReason.WORKER_RESTART),
        ([chunk(0, NS), chunk(2 * NS, 3 * NS)], GapReason.DROPPED),
        ([chunk(0, NS), gap(NS, 2 * NS, GapReason.HIDDEN), chunk(2 * NS, 3 * NS)], GapReason.HIDDEN),
        ([chunk(0, NS), chunk(2 * NS, 3 * NS), gap(NS, 2 * NS, GapReason.ASLEEP)], GapReason.ASLEEP),
    ],
)
def test_every_hole_has_its_reason(store: StoreEnvironment, items: list[IngestItem], reason: GapReason) -> None:
    land(store, *items)
    gaps = StoreReader(store).gaps(SESSION, "video-1")
    assert [each.reason for each in gaps] == [reason]
    assert gaps[0].end_ns - gaps[0].start_ns == NS
    assert verify.verify(store, None).ok


def test_a_hidden_stretch_names_its_rule_to_the_end(store: StoreEnvironment) -> None:
    """Harm: the person who looks for an hour that is missing is not told which rule hid it."""
    land(store, chunk(0, NS), gap(NS, 4 * NS, detail="bank"), chunk(2 * NS, 3 * NS))
    with store.write() as txn:
        sessions.finish(txn, finish(4 * NS))
    shown = [(each.start_s, each.end_s, each.detail) for each in StoreReader(store).show(SESSION).gaps]
    assert sorted(shown) == [(0.0, 4.0, ""), (1.0, 2.0, "bank"), (3.0, 4.0, "bank")]
    assert verify.verify(store, None).ok


def test_a_hole_after_a_full_disk_says_so(store: StoreEnvironment) -> None:
    with store.write() as txn:
        batch = Batch(txn, disk_was_full=lambda session: session == SESSION)
        batch.land(chunk(0, NS))
        batch.land(chunk(2 * NS, 3 * NS))
        batch.finish()
    assert StoreReader(store).gaps(SESSION, "video-1") == [Span(NS, 2 * NS, GapReason.DISK_FULL)]


def test_chunks_of_a_session_that_ended_fill_its_gaps_but_never_extend_it(store: StoreEnvironment) -> None:
    land(store, chunk(0, NS))
    with store.write() as txn:
        sessions.finish(txn, finish(3 * NS))
    late = land(store, chunk(NS, 2 * NS), chunk(2 * NS, 9 * NS), chunk(5 * NS, 6 * NS))
    assert [each.fate for each in late] == [Fate.STORED, Fate.STORED, Fate.REFUSED]
    info = StoreReader(store).show(SESSION)
    assert (info.duration_s, info.state) == (3.0, SessionState.COMPLETED)
    assert [each.track for each in info.gaps] == ["mix"]
    assert verify.verify(store, None).ok


@pytest.mark.parametrize(
    "item",
    [
        chunk(0, NS, session="unknown"),
        chunk(0, NS, session=""),
        chunk(0, NS, session="x" * 600),
        chunk(0, NS, track="unknown"),
        chunk(0, NS, track="mix\0"),
        chunk(NS, NS),
        chunk(2 * NS, NS),
        chunk(-1, NS),
        chunk(0, 2**63),
        chunk(0, NS, epoch=-1),
        chunk(0, NS, frames=-1),
        chunk(0, NS, init=b""),
        chunk(0, NS, init=bytes(INIT_BYTES_MAX + 1)),
        gap(NS, NS),
        gap(0, NS, session="unknown"),
        gap(0, NS, detail="x" * 65),
    ],
)
def test_what_can_never_be_stored_is_refused_and_costs_nobody_else(store: StoreEnvironment, item: IngestItem) -> None:
    outcome = land(store, item, chunk(0, NS, b"good"))
    assert [each.fate for each in outcome] == [Fate.REFUSED, Fate.STORED]
    assert outcome[0].reason
    assert counted(store) == (1, 4, 3)


def test_sessions_of_one_batch_are_kept_apart(store: StoreEnvironment) -> None:
    with store.write() as txn:
        sessions.create(txn, creation("other"))
    land(store, chunk(0, NS, b"same"), chunk(0, 2 * NS, b"same", session="other"))
    reader = StoreReader(store)
    assert (reader.show(SESSION).duration_s, reader.show("other").duration_s) == (1.0, 2.0)
    assert verify.verify(store, None).ok
