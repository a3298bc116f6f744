"""What is said about a session. Harm guarded against: a text that cannot be found, or one that should not be."""

import pytest

from reeld.store import revisions, sessions
from reeld.store.environment import StoreEnvironment
from reeld.store.index import documents
from reeld.store.index.documents import Document, changed_after, documents_of, newest, portion
from reeld.store.keys import name_key
from reeld.store.records import NoteEntry
from reeld.store.transaction import Table
from reeld_proto.workers import RecordMarker
from tests.daemon.store.builders import NS, SESSION, creation


def test_name_tags_note_and_markers_are_texts(store: StoreEnvironment) -> None:
    with store.write() as txn:
        sessions.create(txn, creation("s2", "Design Review", tags=["Work", "späť"]))
        sessions.mark(txn, RecordMarker(session="s2", media_ns=2 * NS, text="Decided: YES"))
        sessions.mark(txn, RecordMarker(session="s2", media_ns=NS, text="..."))
        txn.put_record(Table.NOTES, name_key("s2"), NoteEntry("to keep"))
    with store.read() as txn:
        assert documents_of(txn, "s2") == [
            Document("marker", 2 * NS, "decided yes"),
            Document("name", 0, "design review"),
            Document("note", 0, "to keep"),
            Document("tag", 0, "spat"),
            Document("tag", 0, "work"),
        ]
        assert documents_of(txn, SESSION) == [Document("name", 0, "work")]
        assert documents_of(txn, "none") == []


def test_the_rolling_buffer_is_not_found(store: StoreEnvironment) -> None:
    with store.write() as txn:
        record = sessions.load(txn, SESSION)
        record.buffer = True
        revisions.touch(txn, record)
    with store.read() as txn:
        assert documents_of(txn, SESSION) == []


def test_changes_are_told_once_each_in_order(store: StoreEnvironment) -> None:
    with store.write() as txn:
        sessions.create(txn, creation("s2"))
        sessions.create(txn, creation("s3"))
        sessions.mark(txn, RecordMarker(session="s2", media_ns=0, text="x"))
        revisions.bury(txn, sessions.load(txn, "s3"))
    with store.read() as txn:
        assert [session for _, session in changed_after(txn, 0)] == [SESSION, "s2", "s3"]
        numbers = [number for number, _ in changed_after(txn, 0)]
        assert list(changed_after(txn, numbers[1])) == [(numbers[2], "s3")]
        assert newest(txn) == numbers[2]
        assert list(changed_after(txn, newest(txn))) == []


def test_portions_cover_all_sessions_once(store: StoreEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "SESSIONS_PER_READ", 2)
    names = [f"t{number}" for number in range(5)]
    with store.write() as txn:
        for name in names:
            sessions.create(txn, creation(name))
    seen: list[str] = []
    after = b""
    with store.read() as txn:
        while True:
            texts, after = portion(txn, after)
            if not texts:
                break
            seen += texts
    assert sorted(seen) == sorted([SESSION, *names])
