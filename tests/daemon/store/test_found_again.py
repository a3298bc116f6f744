"""What once went wrong with what enrichment found. Harms guarded against: words of a forgotten range that stay in the
index of a clip, words at joins that are told twice or cut in half, and one bad row that hides all others."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from reeld.store import enrichment, manifests
from reeld.store import rows as store_rows
from reeld.store.environment import StoreEnvironment
from reeld.store.index import FILE_NAME
from reeld.store.index.finder import Finder
from reeld.store.transaction import Table
from reeld_proto.enrich import EnrichState
from reeld_proto.enrich_orders import UndoEnrichment
from reeld_proto.store_orders import EditRecord
from tests.daemon.export.cutting import derive
from tests.daemon.store.builders import SESSION, creation, new_store
from tests.daemon.store.found import (
    STILLS,
    chapters,
    end,
    film_with_stills,
    finding,
    forget,
    job,
    keep,
    page,
    result,
    rows,
    sound,
    sounds,
    spoken,
    summary,
)
from tests.daemon.store.test_manifests import remove
from tests.daemon.store.test_moments import search
from tests.daemon.store.test_spoken import hear, texts, words_of

SECRET = "zqalpha"


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[StoreEnvironment]:
    """Ten seconds of pictures and sound, a second a chunk."""
    with new_store(tmp_path / "store", creation(tracks=("video-1", STILLS, "mix"))) as store:
        film_with_stills(store, *((at, at + 2, b"still %d" % at) for at in range(0, 10, 2)))
        sounds(store, 10)
        end(store, 10)
        yield store


def test_a_word_cut_off_by_a_join_is_not_told(talk: StoreEnvironment) -> None:
    hear(talk, {4: [(4.1, 4.3, " whole"), (4.8, 5.9, " cut")]})
    derive(talk, "trim", (SESSION, 0, 5), (SESSION, 7, 10))
    assert texts(talk, "trim") == [" whole"]


def test_a_word_at_the_border_of_two_parts_of_one_chunk_is_told_once(talk: StoreEnvironment) -> None:
    hear(talk, {4: [(4.4996, 4.9, " word")]})
    derive(talk, "trim", (SESSION, 0, 4.5), (SESSION, 4.5, 10))
    assert texts(talk, "trim") == [" word"]


def test_words_are_in_order_though_one_lasts_longer_than_the_next(talk: StoreEnvironment) -> None:
    hear(talk, {0: [(0.8, 3.5, " long")], 1: [(1.2, 1.4, " short")]})
    found = words_of(talk)
    assert found == sorted(found)


def test_a_clip_that_was_indexed_before_learns_what_was_found_since(talk: StoreEnvironment) -> None:
    derive(talk, "clip", (SESSION, 0, 5))
    find = Finder(talk)
    assert search(find, SECRET) == ([], False)
    keep(talk, result(sound(1), spoken((1.1, 1.5, f" {SECRET}"))))
    assert {moment.session for moment in search(find, SECRET)[0]} == {SESSION, "clip"}
    with talk.write() as txn:
        enrichment.undo(txn, UndoEnrichment(job=job()))
    assert search(find, SECRET)[0] == []
    assert find.check(rebuild=False)[1] == []
    find.close()


def test_a_word_that_reaches_into_a_forgotten_range_stays_in_no_index(talk: StoreEnvironment) -> None:
    keep(talk, result(sound(1), spoken((1.85, 2.2, f" {SECRET}"))))
    derive(talk, "clip", (SESSION, 0, 2))
    find = Finder(talk)
    assert len(search(find, SECRET)[0]) == 2
    forget(talk, 2.1, 3)
    find.catch_up()
    assert SECRET.encode() not in (talk.path / FILE_NAME).read_bytes()
    find.close()


def test_a_word_longer_than_a_chunk_that_reaches_into_a_forgotten_range_is_not_told(talk: StoreEnvironment) -> None:
    hear(talk, {0: [(0.8, 2.2, " secret")], 4: [(4.2, 4.4, " fine")]})
    forget(talk, 2.0, 2.5)
    assert texts(talk) == [" fine"]


def test_one_unreadable_result_hides_no_other(talk: StoreEnvironment) -> None:
    keep(talk, result(b"still 0", page("Alpha")), result(sound(1), spoken((1.1, 1.3, " alpha"))))
    keep(talk, structs.replace(result(b"still 4", page()), payload=b"?"))
    keep(talk, structs.replace(result(sound(7), spoken()), payload=b"?"))
    find = Finder(talk, indexed=False)
    assert sorted(moment.kind for moment in search(find, "alpha")[0]) == ["screen", "speech"]


def test_tags_that_both_fit_are_each_found_once(talk: StoreEnvironment) -> None:
    with talk.write() as txn:
        manifests.edit(txn, EditRecord(session=SESSION, add_tags=["guitar", "guide"]))
    assert sorted(moment.text for moment in search(Finder(talk, indexed=False), "gui*")[0]) == ["guide", "guitar"]


def test_a_line_that_stays_longer_than_was_asked_for_has_its_first_moment(talk: StoreEnvironment) -> None:
    keep(talk, *(result(b"still %d" % at, page("Alpha", f"n{at}")) for at in range(0, 10, 2)))
    assert [moment.at_s for moment in search(Finder(talk, indexed=False), "alpha", 1)[0]] == [0.0]


def test_with_an_index_and_without_the_same_comes_first(talk: StoreEnvironment) -> None:
    with talk.write() as txn:
        manifests.edit(txn, EditRecord(session=SESSION, name="alpha beta gamma delta epsilon"))
    keep(talk, finding(talk, chapters((0, "Alpha"))))
    indexed = Finder(talk)
    first = [search(find, "alpha", 1)[0][0].kind for find in (indexed, Finder(talk, indexed=False))]
    indexed.close()
    assert first == ["name", "name"]


def test_a_phrase_that_goes_on_in_the_next_line_shows_both(talk: StoreEnvironment) -> None:
    keep(talk, result(b"still 2", page("annual", "budgets are")))
    (found,) = search(Finder(talk, indexed=False), '"annual budg"*')[0]
    assert found.text == "annual \u00b7 budgets are"


def test_jobs_that_end_late_are_forgotten_like_others(talk: StoreEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrichment, "JOBS_KEPT_MAX", 4)
    for state in (EnrichState.PENDING, EnrichState.COMPLETED):
        for number in range(10):
            keep(talk, by=job(f"j{number}", state=state))
    with talk.read() as txn:
        assert len(enrichment.jobs_of(txn)) <= 4


def test_a_job_does_not_come_back_after_its_session(talk: StoreEnvironment) -> None:
    keep(talk)
    remove(talk)
    keep(talk, by=job(state=EnrichState.FAILED))
    assert rows(talk, Table.ENRICH_JOBS) == []


def test_a_session_that_a_copy_gives_up_leaves_no_findings(talk: StoreEnvironment) -> None:
    keep(talk, finding(talk, summary((0, "secret"))))
    with talk.write() as txn:
        store_rows.erase(txn, SESSION, reason="test", now_wall_ns=1)
    assert rows(talk, Table.FINDINGS, Table.ENRICH_JOBS) == []
