"""Index and store together. Harm guarded against: an index that lags, lies, is lost, or keeps what was forgotten."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from reeld.store import revisions, sessions
from reeld.store.environment import StoreEnvironment
from reeld.store.index import FILE_NAME, finder, textindex
from reeld.store.index.finder import Finder
from reeld.store.index.query import parse
from reeld.store.index.textindex import IndexUnusable, TextIndex
from reeld.store.keys import name_key, session_prefix
from reeld.store.records import NoteEntry
from reeld.store.transaction import Table
from reeld_proto.workers import RecordMarker
from tests.daemon.store.builders import NS, SESSION, creation


@pytest.fixture
def find(store: StoreEnvironment) -> Iterator[Finder]:
    made = Finder(store)
    yield made
    made.close()


def found(find: Finder, text: str) -> list[str]:
    return sorted(find.search(parse(text)))


def rename(store: StoreEnvironment, session: str, name: str) -> None:
    with store.write() as txn:
        record = sessions.load(txn, session)
        record.name = name
        revisions.touch(txn, record)


def remove(store: StoreEnvironment, session: str) -> None:
    with store.write() as txn:
        record = sessions.load(txn, session)
        for key, _ in list(txn.scan(Table.MARKERS, session_prefix(session))):
            txn.delete(Table.MARKERS, key)
        revisions.bury(txn, record)


def test_what_has_just_been_said_is_found(store: StoreEnvironment, find: Finder) -> None:
    assert found(find, "work") == [SESSION]
    with store.write() as txn:
        sessions.create(txn, creation("s2", "Guitar"))
        sessions.mark(txn, RecordMarker(session=SESSION, media_ns=NS, text="Café opened"))
        txn.put_record(Table.NOTES, name_key(SESSION), NoteEntry("for later"))
    assert (found(find, "guitar"), found(find, "cafe open*"), found(find, "later")) == (["s2"], [SESSION], [SESSION])
    rename(store, "s2", "Piano")
    assert (found(find, "guitar"), found(find, "piano")) == ([], ["s2"])
    remove(store, "s2")
    assert found(find, "piano") == []


def test_more_changes_than_a_batch_holds_are_all_seen(
    store: StoreEnvironment, find: Finder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finder, "CHANGES_PER_BATCH", 2)
    found(find, "x")
    with store.write() as txn:
        for number in range(7):
            sessions.create(txn, creation(f"t{number}", "many"))
    assert len(found(find, "many")) == 7


def test_a_deleted_index_is_made_anew_by_itself(store: StoreEnvironment, find: Finder) -> None:
    assert found(find, "work") == [SESSION]
    find.close()
    textindex.discard(store.path)
    assert found(find, "work") == [SESSION]


@pytest.mark.parametrize("cut", [0, 100, 4096, 9000])
def test_a_truncated_index_is_made_anew_by_itself(store: StoreEnvironment, find: Finder, cut: int) -> None:
    assert found(find, "work") == [SESSION]
    find.close()
    file = store.path / FILE_NAME
    file.write_bytes(file.read_bytes()[:cut])
    assert found(find, "work") == [SESSION]
    assert find.check(rebuild=False) == (1, [])


def test_bit_flips_never_reach_the_person_who_searches(store: StoreEnvironment) -> None:
    """Every page in turn is filled with junk; the answer stays right or, where texts were hit, `check` tells."""
    first = Finder(store)
    found(first, "work")
    first.close()
    file = store.path / FILE_NAME
    sound = file.read_bytes()
    for page in range(len(sound) // 4096):
        file.write_bytes(sound[: page * 4096] + b"\xa5" * 4096 + sound[(page + 1) * 4096 :])
        damaged = Finder(store)
        with capture_logs():
            answer = found(damaged, "work")
            assert answer == [SESSION] or damaged.check(rebuild=False)[1]
            damaged.check(rebuild=True)
        assert found(damaged, "work") == [SESSION]
        damaged.close()


def test_an_index_of_a_later_state_is_made_anew(store: StoreEnvironment, find: Finder) -> None:
    """A store that was put back from a copy beside the newer index."""
    found(find, "work")
    assert find._index is not None
    find._index.batch(10**6, [("ghost", find._index.documents(SESSION))])
    with capture_logs() as logs:
        assert found(find, "work") == [SESSION]
    assert [entry["event"] for entry in logs] == ["index.discarded"]


def test_where_no_index_can_be_kept_the_store_is_read(store: StoreEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_folder: Path) -> TextIndex:
        raise IndexUnusable("read-only")

    monkeypatch.setattr(TextIndex, "open", refuse)
    with capture_logs():
        assert found(Finder(store), "wor*") == [SESSION]


def test_without_fts5_everything_is_found_all_the_same(store: StoreEnvironment) -> None:
    plain = Finder(store, indexed=False)
    assert found(plain, "work OR nothing") == [SESSION]
    assert plain.check(rebuild=True) == (0, [])
    (store.path / FILE_NAME).touch()
    plain.catch_up()
    assert not (store.path / FILE_NAME).exists()


def test_what_was_removed_leaves_the_file_when_the_index_catches_up(store: StoreEnvironment, find: Finder) -> None:
    with store.write() as txn:
        sessions.create(txn, creation("s2", "xqzsecret"))
        sessions.mark(txn, RecordMarker(session="s2", media_ns=0, text="yqzsecret"))
    found(find, "x")
    file = store.path / FILE_NAME
    assert b"xqzsecret" in file.read_bytes()
    remove(store, "s2")
    find.catch_up()
    assert b"qzsecret" not in file.read_bytes()


def test_catching_up_begins_no_index(store: StoreEnvironment, find: Finder) -> None:
    find.catch_up()
    assert not (store.path / FILE_NAME).exists()


def test_an_index_that_cannot_catch_up_is_removed(store: StoreEnvironment, find: Finder) -> None:
    """It may hold what was forgotten."""
    (store.path / FILE_NAME).write_bytes(b"what was forgotten")
    with capture_logs() as logs:
        find.catch_up()
    assert not (store.path / FILE_NAME).exists()
    assert logs[0]["event"] == "index.discarded"


def test_differences_are_named_both_ways_but_not_their_words(store: StoreEnvironment, find: Finder) -> None:
    with store.write() as txn:
        sessions.create(txn, creation("s2", "Guitar", tags=["music"]))
    found(find, "x")
    assert find._index is not None
    texts = find._index.documents("s2")
    find._index.batch(find._index.revision, [("ghost", texts), ("s2", texts[1:]), (SESSION, texts)])
    compared, faults = find.check(rebuild=False)
    assert compared == 2
    assert faults == [
        f"session {SESSION}: the index lacks name",
        f"session {SESSION}: the index has an unknown name",
        f"session {SESSION}: the index has an unknown tag",
        "session s2: the index lacks name",
        "session ghost: in the index, but not in the store",
    ]
    assert not any("guitar" in fault or "music" in fault for fault in faults)
    assert find.check(rebuild=True) == (2, faults)
    assert find.check(rebuild=False) == (2, [])


def test_damage_in_the_file_itself_is_a_fault(store: StoreEnvironment, find: Finder) -> None:
    found(find, "x")
    find.close()
    with sqlite3.connect(store.path / FILE_NAME) as connection:
        connection.execute("UPDATE words_content SET c0 = 'play'")
    connection.close()
    _, faults = find.check(rebuild=False)
    assert any(fault.startswith("the index: its words") for fault in faults)


def test_an_unusable_file_is_a_fault_and_mended_by_a_rebuild(store: StoreEnvironment, find: Finder) -> None:
    (store.path / FILE_NAME).write_bytes(b"junk" * 2000)
    with capture_logs():
        compared, faults = find.check(rebuild=True)
    assert compared == 1
    assert len(faults) == 1
    assert find.check(rebuild=False) == (1, [])
