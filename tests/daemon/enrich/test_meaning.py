"""Searching by meaning. Harms guarded against: what was forgotten or is hidden and is found all the same, what is found
at another moment, and vectors of another model that are compared with these."""

from collections.abc import Callable
from functools import partial

import pytest
from msgspec.structs import replace

from reeld.enrich.meaning import SAME_MAX, search
from reeld.enrich.stages import open_stage
from reeld.store import sessions
from reeld.store.index.documents import documents_of
from reeld.store.keys import name_key
from reeld.store.meanings import meanings_of, passages_in
from reeld.store.records import FindingEntry
from reeld.store.transaction import Table
from reeld_proto import codec
from reeld_proto.enrich import Moment
from reeld_proto.enrich_orders import EngineChoice, OpenStage, SliceDone
from reeld_proto.findings import Meanings, Stage
from reeld_proto.store_orders import RemoveSession
from tests.daemon.enrich.library import Shelf, put_read
from tests.support.toy_engines import ToyEmbedder

ORDER = OpenStage(session="s", stage=Stage.EMBEDDINGS, choice=EngineChoice(engine="toy"))


@pytest.fixture
def shown(shelf: Shelf) -> Callable[..., str]:
    """Puts a session on the shelf whose screen shows these lines, one after the other for 10 s each."""
    return partial(put_read, shelf)


def embed(shelf: Shelf, session: str, engine: ToyEmbedder) -> SliceDone:
    order = OpenStage(session=session, stage=Stage.EMBEDDINGS, choice=ORDER.choice)
    (found,) = shelf.take_all(open_stage(shelf.reader, order, engine), session)
    return found


def find(shelf: Shelf, text: str, session: str = "", engine: ToyEmbedder | None = None) -> tuple[list[Moment], bool]:
    with shelf.store.read() as txn:
        hits, _, known = search(txn, engine or ToyEmbedder(), text, session, 10)
    return hits, known


def test_what_means_the_same_is_found_at_its_moment_the_nearest_first(shelf: Shelf, shown: Callable[..., str]) -> None:
    shown("a", "the ship came", "you must pay the boat")
    shown("b", "no words known", "the invoice is here")
    for session in ("a", "b"):
        assert embed(shelf, session, ToyEmbedder()).calls == 1
    hits, known = find(shelf, "money")
    assert known
    assert [(hit.session, hit.at_s, hit.kind, hit.text) for hit in hits] == [
        ("b", 10.0, "screen", "the invoice is here"),
        ("a", 10.0, "screen", "you must pay the boat"),
    ]
    assert hits[0].link == "reelctl review b --at 10.00"
    assert [hit.session for hit in find(shelf, "sail", "a")[0]] == ["a", "a"]
    assert find(shelf, "unheard of") == ([], True)


def test_it_is_not_done_twice_and_again_by_another_version(shelf: Shelf, shown: Callable[..., str]) -> None:
    shown("a", "the ship came")
    engine = ToyEmbedder()
    embed(shelf, "a", engine)
    assert embed(shelf, "a", engine).calls == 0
    assert engine.calls == 1
    newer = ToyEmbedder("2")
    assert find(shelf, "boat", engine=newer) == ([], False)
    assert embed(shelf, "a", newer).calls == 1
    assert find(shelf, "boat") == ([], False)
    assert len(find(shelf, "boat", engine=newer)[0]) == 1


def test_what_was_deleted_is_found_no_more_and_leaves_nothing(shelf: Shelf, shown: Callable[..., str]) -> None:
    shown("a", "the ship came")
    embed(shelf, "a", ToyEmbedder())
    shelf.order(RemoveSession(session="a", reason="test"))
    assert find(shelf, "boat") == ([], False)
    with shelf.store.read() as txn:
        assert list(meanings_of(txn)) == []
        assert passages_in(txn, "a") == []


def test_a_session_without_texts_has_no_meanings_and_is_done(shelf: Shelf) -> None:
    shelf.pages("a", [[1]])
    embed(shelf, "a", ToyEmbedder())
    assert embed(shelf, "a", ToyEmbedder()).calls == 0
    assert find(shelf, "boat") == ([], False)


def test_nothing_of_it_is_in_the_text_index(shelf: Shelf, shown: Callable[..., str]) -> None:
    """Harm: each passage is found by its words a second time."""
    shown("a", "the ship came")
    with shelf.store.read() as txn:
        before = documents_of(txn, "a")
    embed(shelf, "a", ToyEmbedder())
    with shelf.store.read() as txn:
        assert documents_of(txn, "a") == before


def test_the_same_line_in_many_sessions_does_not_hide_all_else(shelf: Shelf, shown: Callable[..., str]) -> None:
    for number in range(12):
        embed(shelf, shown(f"daily{number}", "the ship came"), ToyEmbedder())
    embed(shelf, shown("once", "we sail or pay"), ToyEmbedder())
    hits, _ = find(shelf, "boat")
    assert [hit.text for hit in hits] == ["the ship came"] * SAME_MAX + ["we sail or pay"]


def test_what_is_in_the_rolling_buffer_is_not_found_and_takes_nobodys_place(
    shelf: Shelf, shown: Callable[..., str]
) -> None:
    for number in range(12):
        embed(shelf, shown(f"hidden{number}", f"the ship came {number}"), ToyEmbedder())
    embed(shelf, shown("seen", "we sail or pay"), ToyEmbedder())
    with shelf.store.write() as txn:
        for number in range(12):
            record = sessions.load(txn, f"hidden{number}")
            txn.put_record(Table.SESSIONS, name_key(record.id), replace(record, buffer=True))
    with shelf.store.read() as txn:
        hits, more, known = search(txn, ToyEmbedder(), "boat", "", 2)
    assert ([hit.session for hit in hits], more, known) == (["seen"], False, True)


def test_damaged_vectors_of_one_session_leave_those_of_others(shelf: Shelf, shown: Callable[..., str]) -> None:
    for session in ("a", "b"):
        embed(shelf, shown(session, f"the ship {session}"), ToyEmbedder())
    with shelf.store.write() as txn:
        (key,) = [key for key, _ in txn.scan(Table.FINDINGS, b"a") if key.endswith(b"embeddings")]
        entry = txn.record(Table.FINDINGS, key, FindingEntry)
        assert entry is not None
        txn.put_record(Table.FINDINGS, key, replace(entry, payload=codec.pack_record(Meanings(b"odd"))))
    assert [hit.session for hit in find(shelf, "boat")[0]] == ["b"]


def test_there_are_more_where_some_were_left_out(shelf: Shelf, shown: Callable[..., str]) -> None:
    embed(shelf, shown("a", *(f"the ship {number}" for number in range(5))), ToyEmbedder())
    for limit, more in ((2, True), (5, False)):
        with shelf.store.read() as txn:
            hits, told, _ = search(txn, ToyEmbedder(), "boat", "", limit)
        assert (len(hits), told) == (limit, more)
