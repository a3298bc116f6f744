"""Forgetting in the quarantine. Harm guarded against: a range that comes back when its chunk is healed."""

from collections import Counter

from reeld.store.aside import forget_set_aside
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import at, track_prefix
from reeld.store.records import ChunkEntry, PrerollEntry, QuarantineEntry
from reeld.store.timeline import Span
from reeld.store.transaction import Table
from reeld_proto import codec
from tests.daemon.store.builders import NS, SESSION

INIT = b"i" * 32


def entry_row(start_s: int, digest: bytes, session: str = SESSION) -> tuple[str, bytes, bytes]:
    entry = ChunkEntry((start_s + 1) * NS, digest, INIT, 5, 1, False, 0, 0, 0, 0)
    return Table.TIMELINE.value, at(track_prefix(session, "video-1"), start_s * NS), codec.pack_record(entry)


def preroll_row(start_s: int, digest: bytes) -> tuple[str, bytes, bytes]:
    key = at(track_prefix(SESSION, "video-1"), start_s * NS)
    return Table.PREROLL.value, key, codec.pack_record(PrerollEntry([(digest, INIT)]))


def left(store: StoreEnvironment, digest: bytes) -> QuarantineEntry | None:
    with store.read() as txn:
        return txn.record(Table.QUARANTINE, digest, QuarantineEntry)


def test_only_rows_of_the_range_go_and_the_bytes_with_them(store: StoreEnvironment) -> None:
    first, second = b"a" * 32, b"b" * 32
    with store.write() as txn:
        rows = [entry_row(10, first), entry_row(11, second), entry_row(100, first)]
        txn.put_record(Table.QUARANTINE, first, QuarantineEntry("damaged", 1, b"bytes", rows))
        rows = [entry_row(200, second), entry_row(10, second, session="20261122-180000-else")]
        txn.put_record(Table.QUARANTINE, second, QuarantineEntry("damaged", 1, b"others", rows))
        given_up = forget_set_aside(txn, {SESSION: [Span(10 * NS, 12 * NS)]})
    assert given_up == Counter({first: 1, second: 1, INIT: 2})
    kept = left(store, first)
    assert kept is not None
    assert (kept.data, len(kept.rows)) == (b"", 1)
    untouched = left(store, second)
    assert untouched is not None
    assert (untouched.data, len(untouched.rows)) == (b"others", 2)


def test_an_entry_whose_preroll_may_hold_the_range_goes_with_it(store: StoreEnvironment) -> None:
    digest = b"a" * 32
    with store.write() as txn:
        rows = [entry_row(50, digest), preroll_row(50, b"p" * 32)]
        txn.put_record(Table.QUARANTINE, digest, QuarantineEntry("damaged", 1, b"bytes", rows))
        given_up = forget_set_aside(txn, {SESSION: [Span(10 * NS, 12 * NS)]})
    assert given_up == Counter({digest: 1, b"p" * 32: 1, INIT: 2})
    assert left(store, digest) is None
