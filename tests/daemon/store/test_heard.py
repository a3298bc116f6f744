"""Harm guarded against: what somebody said is forgotten, but when they spoke is not; or a stretch is told twice."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.store import derive, heard, intake, manifests, sessions, verify
from reeld.store.api import Circumstances, Fate, IngestItem, Landing
from reeld.store.environment import StoreEnvironment
from reeld.store.ingest import Batch
from reeld.store.keys import at, session_prefix
from reeld.store.timeline import Span
from reeld.store.transaction import Table
from reeld_proto import codec
from reeld_proto.sound import SpanKind
from reeld_proto.store_orders import DeriveSession, RemoveSession, SessionPart
from reeld_proto.workers import SpansHeard
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, land, new_store

VOICE, SILENCE = SpanKind.VOICE, SpanKind.SILENCE
Spans = Sequence[tuple[int, int]]


def message(spans: Spans, kind: SpanKind = VOICE, track: str = "mix", session: str = SESSION) -> SpansHeard:
    return SpansHeard(session=session, track=track, epoch=1, kind=kind, spans=list(spans))


def hear(store: StoreEnvironment, spans: Spans, **fields: object) -> Landing:
    with store.write() as txn:
        batch = Batch(txn)
        landing = batch.land(IngestItem("audio-1", 1, message(spans, **fields)))  # type: ignore[arg-type]
        batch.finish()
    return landing


def spans_of(store: StoreEnvironment, session: str = SESSION) -> list[tuple[str, SpanKind, int, int]]:
    with store.read() as txn:
        return [(track, kind, span.start_ns, span.end_ns) for track, kind, span in heard.heard_of(txn, session)]


def recorded(store: StoreEnvironment, seconds: int = 10) -> None:
    for second in range(seconds):
        land(store, chunk(second * NS, (second + 1) * NS, b"%d" % second, track="mix", seq=second + 1))
    land(store, chunk(0, seconds * NS, b"picture"))


def test_what_is_told_twice_is_there_once(store: StoreEnvironment) -> None:
    assert hear(store, [(1, 5), (7, 9)]).fate is Fate.STORED
    assert hear(store, [(1, 5), (7, 9)]).fate is Fate.DUPLICATE
    assert hear(store, [(1, 4)], kind=SILENCE).fate is Fate.STORED
    assert spans_of(store) == [("mix", SILENCE, 1, 4), ("mix", VOICE, 1, 5), ("mix", VOICE, 7, 9)]


def test_a_stretch_grows_and_never_shrinks(store: StoreEnvironment) -> None:
    hear(store, [(1, 5)])
    hear(store, [(1, 8)])
    hear(store, [(1, 6)])
    assert spans_of(store) == [("mix", VOICE, 1, 8)]


def test_a_finished_session_ends_what_was_heard(store: StoreEnvironment) -> None:
    recorded(store)
    with store.write() as txn:
        sessions.finish(txn, finish(10 * NS))
    assert hear(store, [(9 * NS, 11 * NS), (12 * NS, 13 * NS)]).fate is Fate.STORED
    assert spans_of(store) == [("mix", VOICE, 9 * NS, 10 * NS)]


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (message([(5, 5)]), "impossible time"),
        (message([(-1, 5)]), "impossible time"),
        (message([(0, 2**63)]), "impossible time"),
        (message([(1, 2)], track="video-1"), "no track of sound"),
        (message([(1, 2)], track="nobody"), "no track of sound"),
        (message([(1, 2)], session="nobody"), "unknown session"),
        (message([(1, 2)], session=""), "not a valid name"),
        (message([(1, 2)], track="x" * 200), "not a valid name"),
        (message([(1, 2)] * (heard.SPANS_MAX + 1)), "stretches in one message"),
    ],
)
def test_what_can_never_be_stored_is_refused_and_costs_the_others_nothing(
    store: StoreEnvironment, wrong: SpansHeard, word: str
) -> None:
    with store.write() as txn:
        batch = Batch(txn)
        refused = batch.land(IngestItem("audio-1", 1, wrong))
        stored = batch.land(IngestItem("audio-1", 2, message([(1, 2)])))
        batch.finish()
    assert (refused.fate, word in refused.reason) == (Fate.REFUSED, True), refused
    assert stored.fate is Fate.STORED
    assert spans_of(store) == [("mix", VOICE, 1, 2)]


def test_a_clip_has_what_was_heard_in_its_range_at_its_own_times(store: StoreEnvironment) -> None:
    recorded(store)
    with store.write() as txn:
        sessions.finish(txn, finish(10 * NS))
    hear(store, [(0, 1 * NS), (2 * NS, 4 * NS), (5 * NS, 6 * NS), (7 * NS, 9 * NS)])
    parts = [
        SessionPart(session=SESSION, from_ns=3 * NS, to_ns=8 * NS),
        SessionPart(session=SESSION, from_ns=0, to_ns=1 * NS),
    ]
    with store.write() as txn:
        order = DeriveSession(session="clip", name="clip", tags=[], parts=parts)
        derive.derive(txn, order, Circumstances(store.path, ()))
    assert [span[2:] for span in spans_of(store, "clip")] == [
        (0, 1 * NS),
        (2 * NS, 3 * NS),
        (4 * NS, 5 * NS),
        (5 * NS, 6 * NS),
    ]
    assert verify.verify(store, None).ok


def test_a_session_takes_what_was_heard_with_it(store: StoreEnvironment) -> None:
    recorded(store)
    hear(store, [(1, 5)])
    with store.write() as txn:
        sessions.finish(txn, finish(10 * NS))
        manifests.remove(txn, RemoveSession(session=SESSION, reason="deleted"), Circumstances(store.path, ()))
    with store.read() as txn:
        assert txn.count(Table.HEARD) == 0


def test_a_damaged_row_is_found(store: StoreEnvironment) -> None:
    hear(store, [(1, 5)])
    with store.write() as txn:
        txn.put(Table.HEARD, at(session_prefix(SESSION) + b"mix\0voice\0", 1), b"\xc1")
    assert [fault.detail for fault in verify.verify(store, None).faults if "heard" in fault.detail]


@pytest.mark.parametrize(
    "key", [b"", b"mix", b"mix\0", b"mix\0voice\0", b"mix\0song\0" + bytes(8), b"mix\0voice\0" + bytes(9)]
)
def test_a_key_that_is_none_is_not_read_as_one(key: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        heard.parts_of(key)


_BOUNDS = st.lists(st.integers(0, 60), min_size=2, max_size=12, unique=True).map(sorted)


@settings(max_examples=25)
@given(_BOUNDS, _BOUNDS)
def test_nothing_of_a_forgotten_range_is_left_and_all_of_the_rest_is(
    tmp_path_factory: pytest.TempPathFactory, bounds: list[int], ranges: list[int]
) -> None:
    spans = list(zip(bounds[::2], bounds[1::2], strict=False))
    gone = list(zip(ranges[::2], ranges[1::2], strict=False))
    with new_store(tmp_path_factory.mktemp("heard") / "store", creation()) as store:
        hear(store, spans)
        with store.write() as txn:
            record = sessions.load(txn, SESSION)
            heard.remove(txn, record, [Span(*each) for each in gone])
        found = spans_of(store)
    instants = {instant for _, _, start, end in found for instant in range(start, end)}
    spoken = {instant for start, end in spans for instant in range(start, end)}
    assert instants == spoken - {instant for start, end in gone for instant in range(start, end)}
    assert sum(end - start for _, _, start, end in found) == len(instants)


def test_the_largest_message_that_is_taken_fits_through_the_socket() -> None:
    spans = [(2**62 + number, 2**62 + number + 1) for number in range(heard.SPANS_MAX)]
    data = codec.pack(message(spans), seq=1, sender="audio-1")
    item = intake.decode([memoryview(data)])
    assert item.message == message(spans)
