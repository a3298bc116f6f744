"""Finding moments. Harms guarded against: a hit that leads nowhere or to another time than the word's, one line listed
once for each still it was on, words that are found although they were forgotten, and a list that does not say that it
is not all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.store import enrichment, known, manifests, moments, sessions
from reeld.store.environment import StoreEnvironment
from reeld.store.index.finder import Finder
from reeld.store.index.query import parse
from reeld.store.index.words import words_of
from reeld.store.revisions import touch
from reeld_proto.enrich import Moment
from reeld_proto.enrich_orders import UndoEnrichment
from reeld_proto.store_orders import EditRecord
from reeld_proto.workers import RecordMarker
from tests.daemon.export.cutting import check, derive
from tests.daemon.store.builders import NS, SESSION, chunk, creation, land, new_store, still
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
    sound,
    sounds,
    spoken,
    summary,
)
from tests.daemon.store.test_manifests import remove

OTHER = "20261122-180000-abcd"
TRACKS = ("video-1", STILLS, "mix")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreEnvironment]:
    """Ten seconds of stills of two seconds and of sound; and another session with sound."""
    with new_store(tmp_path / "store", creation(tracks=TRACKS), creation(OTHER, "planning", tracks=TRACKS)) as opened:
        film_with_stills(opened, *((at, at + 2, b"still %d" % at) for at in range(0, 10, 2)))
        sounds(opened, 10)
        end(opened, 10)
        land(opened, *(chunk(at * NS, (at + 1) * NS, b"other %d" % at, track="mix", session=OTHER) for at in range(4)))
        end(opened, 4, OTHER)
        yield opened


@pytest.fixture(params=[True, False], ids=["index", "scan"])
def find(store: StoreEnvironment, request: pytest.FixtureRequest) -> Iterator[Finder]:
    """With an index, and as on a machine that cannot have one."""
    made = Finder(store, indexed=request.param)
    yield made
    made.close()


def search(find: Finder, text: str, limit: int = 50, session: str = "") -> tuple[list[Moment], bool]:
    with find._store.read() as txn:
        return moments.search(find, txn, parse(text), limit, session)


def hits(find: Finder, text: str, session: str = "") -> list[tuple[str, float, str]]:
    found, more = search(find, text, session=session)
    assert not more
    return [(moment.kind, moment.at_s, moment.text) for moment in found]


def shows(store: StoreEnvironment, *pages: tuple[int, str]) -> None:
    """What can be read on the stills that come on view at these seconds; lines are parted by a bar."""
    keep(store, *(result(b"still %d" % at, page(*text.split("|"))) for at, text in pages))


def says(store: StoreEnvironment, *words: tuple[float, float, str]) -> None:
    chunks = {int(start): [word for word in words if int(word[0]) == int(start)] for start, _, _ in words}
    keep(store, *(result(sound(second), spoken(*said)) for second, said in chunks.items()))


def edit(store: StoreEnvironment, **fields: object) -> None:
    with store.write() as txn:
        manifests.edit(txn, EditRecord(**{"session": SESSION, **fields}))  # type: ignore[arg-type]


def mark(store: StoreEnvironment, second: float, text: str) -> None:
    with store.write() as txn:
        sessions.mark(txn, RecordMarker(session=SESSION, media_ns=round(second * NS), text=text))


def test_a_hit_tells_where_it_is_and_how_to_open_it(store: StoreEnvironment, find: Finder) -> None:
    says(store, (3.25, 3.5, " budget"))
    (hit,), more = search(find, "budget")
    assert hit == Moment(
        session=SESSION,
        name="work",
        kind="speech",
        at_s=3.25,
        text="budget",
        track="mix",
        link=f"reelctl review {SESSION} --at 3.25",
    )
    assert not more


def test_what_is_said_of_a_session_as_a_whole_is_a_hit_at_its_beginning(store: StoreEnvironment, find: Finder) -> None:
    edit(store, name="Alpha meeting", add_tags=["alphabet", "other"], note="About alpha.")
    assert sorted(hits(find, "alpha*")) == [
        ("name", 0, "Alpha meeting"),
        ("note", 0, "About alpha."),
        ("tag", 0, "alphabet"),
    ]


def test_markers_chapters_and_the_summary_are_hits_at_their_times(store: StoreEnvironment, find: Finder) -> None:
    mark(store, 2.5, "Alpha decided")
    mark(store, 2.5, "Something else")
    keep(store, finding(store, chapters((0, "Start"), (4, "Alpha again"))))
    keep(store, finding(store, summary((6, "Alpha won."), (7, "Beta lost."))))
    assert sorted(hits(find, "alpha")) == [
        ("chapter", 4, "Alpha again"),
        ("marker", 2.5, "Alpha decided"),
        ("summary", 6, "Alpha won."),
    ]


def test_a_hit_in_speech_gives_the_time_of_the_word_and_the_whole_sentence(
    store: StoreEnvironment, find: Finder
) -> None:
    says(
        store,
        (1.1, 1.4, " We"),
        (1.4, 1.9, " agreed"),
        (2.0, 2.2, " on"),
        (2.3, 2.9, " Café-Budget,"),
        (3.0, 3.4, " no?"),
    )
    whole = "We agreed on Café-Budget, no?"
    assert hits(find, "budget") == [("speech", 2.3, whole)]
    assert hits(find, "we") == [("speech", 1.1, whole)]
    assert hits(find, '"on cafe budget"') == [("speech", 2.0, whole)]
    assert hits(find, "no agreed") == [("speech", 1.4, whole)]
    assert hits(find, "bud*") == [("speech", 2.3, whole)]


def test_a_word_that_is_said_in_two_sentences_is_two_hits(store: StoreEnvironment, find: Finder) -> None:
    says(store, (1.1, 1.4, " Alpha."), (2.1, 2.4, " Beta."), (3.1, 3.4, " Alpha!"))
    assert sorted(hits(find, "alpha")) == [("speech", 1.1, "Alpha."), ("speech", 3.1, "Alpha!")]


def test_of_a_screen_the_lines_that_have_the_words_are_told(store: StoreEnvironment, find: Finder) -> None:
    shows(store, (2, "File Edit|Budget 2026|Sum of Budget|Bye"))
    assert hits(find, "budget") == [("screen", 2, "Budget 2026 · Sum of Budget")]
    assert hits(find, "file bye") == [("screen", 2, "File Edit · Bye")]


def test_a_phrase_over_two_lines_of_a_screen_is_found_with_both_lines(store: StoreEnvironment, find: Finder) -> None:
    shows(store, (2, "The annual|budget is|fine"))
    assert hits(find, '"annual budget"') == [("screen", 2, "The annual · budget is")]
    assert hits(find, '"annual fine"') == []


def test_a_line_that_stays_on_the_screen_is_one_hit_at_its_earliest_time(store: StoreEnvironment, find: Finder) -> None:
    shows(store, (0, "nothing"), (2, "Alpha|one"), (4, "Alpha|two"), (6, "other"), (8, "Alpha|three"))
    assert hits(find, "alpha") == [("screen", 2, "Alpha")]
    # What is found in different lines is not one.
    assert sorted(hits(find, "alpha OR one")) == [("screen", 2, "Alpha"), ("screen", 2, "Alpha · one")]


def test_the_same_line_in_another_session_is_another_hit(store: StoreEnvironment, find: Finder) -> None:
    shows(store, (2, "Alpha"))
    derive(store, "clip", (SESSION, 1, 5))
    assert {(moment.session, moment.at_s) for moment in search(find, "alpha")[0]} == {(SESSION, 2), ("clip", 1)}
    assert [moment.session for moment in search(find, "alpha", session="clip")[0]] == ["clip"]


def test_a_screen_is_found_from_when_its_picture_was_and_not_from_when_it_was_told(
    store: StoreEnvironment, find: Finder
) -> None:
    keep(store, result(b"still 2", page("Alpha", lead_s=0.5)), result(b"still 0", page("Beta", lead_s=0.5)))
    assert hits(find, "alpha") == [("screen", 1.5, "Alpha")]
    assert hits(find, "beta") == [("screen", 0, "Beta")]


def test_two_screens_are_two_tracks(tmp_path: Path) -> None:
    tracks = ("video-1", STILLS, "snapshots-2")
    with new_store(tmp_path / "two", creation(tracks=tracks)) as store:
        land(store, chunk(0, NS), still(0, NS, b"left"), still(0, NS, b"right", track="snapshots-2"))
        keep(store, result(b"left", page("Alpha left")), result(b"right", page("Alpha right")))
        find = Finder(store)
        found, _ = search(find, "alpha")
        find.close()
    assert {(moment.track, moment.text) for moment in found} == {(STILLS, "Alpha left"), ("snapshots-2", "Alpha right")}
    assert len(found) == 2


def test_a_text_that_has_all_words_comes_before_words_spread_over_several(
    store: StoreEnvironment, find: Finder
) -> None:
    shows(store, (2, "Alpha"))
    says(store, (5.2, 5.6, " beta."))
    keep(store, result(b"other 1", spoken((1.1, 1.4, " alpha"), (1.4, 1.8, " beta."))), by=job("job-2", OTHER))
    found, _ = search(find, "alpha beta")
    assert (found[0].session, found[0].text) == (OTHER, "alpha beta.")
    assert sorted((moment.session, moment.kind, moment.at_s) for moment in found[1:]) == [
        (SESSION, "screen", 2),
        (SESSION, "speech", 5.2),
    ]


def test_where_one_text_has_all_words_the_words_alone_are_no_hits_in_that_session(
    store: StoreEnvironment, find: Finder
) -> None:
    shows(store, (2, "Alpha"), (4, "Alpha Beta"), (6, "Beta"))
    assert hits(find, "alpha beta") == [("screen", 4, "Alpha Beta")]


def test_a_session_that_lacks_one_of_the_words_is_not_found(store: StoreEnvironment, find: Finder) -> None:
    shows(store, (2, "Alpha"))
    says(store, (5.2, 5.6, " beta."))
    assert hits(find, "alpha gamma") == []
    assert len(hits(find, "alpha gamma OR beta")) == 1
    assert hits(find, "alpha beta", session=OTHER) == []


def test_a_search_in_one_session_finds_nothing_of_another(store: StoreEnvironment, find: Finder) -> None:
    says(store, (1.1, 1.5, " planning"))
    found = {session: hits(find, "planning", session) for session in ("", SESSION, OTHER)}
    assert found[SESSION] == [("speech", 1.1, "planning")]
    assert found[OTHER] == [("name", 0, "planning")]
    assert found[""] == found[OTHER] + found[SESSION]


@pytest.mark.parametrize(("limit", "more"), [(1, True), (4, True), (5, False), (6, False)])
def test_a_list_that_is_not_all_says_so(store: StoreEnvironment, find: Finder, limit: int, more: bool) -> None:
    says(store, *((at + 0.1, at + 0.4, f" Alpha {at}.") for at in range(5)))
    found, told = search(find, "alpha", limit)
    assert (len(found), told) == (min(limit, 5), more)


def test_what_is_spread_fills_the_list_only_up_to_its_limit(store: StoreEnvironment, find: Finder) -> None:
    says(store, *((at + 0.1, at + 0.4, f" Alpha {at}.") for at in range(4)), (5.1, 5.5, " beta."))
    found, more = search(find, "alpha beta", 3)
    assert (len(found), more) == (3, True)


def test_nothing_is_asked_for_nothing_is_found(store: StoreEnvironment, find: Finder) -> None:
    assert search(find, "?!") == ([], False)


def test_a_very_long_text_is_cut(store: StoreEnvironment, find: Finder) -> None:
    edit(store, note="alpha " * 400)
    ((_, _, text),) = hits(find, "alpha")
    assert text.startswith("alpha alpha")
    assert len(text) <= known.TEXT_CHARS_MAX


def test_nothing_of_a_forgotten_range_is_found_in_any_session(store: StoreEnvironment, find: Finder) -> None:
    shows(store, (2, "Alpha before"), (4, "Alpha secret"), (6, "Alpha after"))
    says(store, (2.5, 2.8, " Alpha."), (4.9, 5.3, " Alpha."), (8.1, 8.4, " Alpha."))
    mark(store, 4.5, "Alpha marker")
    keep(store, finding(store, chapters((0, "Alpha chapter"))))
    keep(store, finding(store, summary((9, "Alpha summary."))))
    derive(store, "clip", (SESSION, 3, 7))
    assert len(hits(find, "alpha")) == 14
    forget(store, 4, 6)
    found, _ = search(find, "alpha")
    assert {(moment.session, moment.kind, moment.at_s) for moment in found} == {
        (SESSION, "screen", 2),
        (SESSION, "screen", 6),
        (SESSION, "speech", 2.5),
        (SESSION, "speech", 8.1),
        ("clip", "screen", 0),
        ("clip", "screen", 3),
    }
    assert hits(find, "secret") == []
    check(store)


def test_a_deleted_session_is_not_found(store: StoreEnvironment, find: Finder) -> None:
    says(store, (1.1, 1.5, " alpha"))
    keep(store, finding(store, summary((6, "Alpha won."))))
    assert len(hits(find, "alpha")) == 2
    remove(store)
    assert hits(find, "alpha") == []


def test_what_an_undone_job_found_is_not_found_any_more(store: StoreEnvironment, find: Finder) -> None:
    says(store, (1.1, 1.5, " alpha"))
    assert len(hits(find, "alpha")) == 1
    with store.write() as txn:
        enrichment.undo(txn, UndoEnrichment(job=job()))
    assert hits(find, "alpha") == []


def test_the_rolling_buffer_is_not_found(store: StoreEnvironment, find: Finder) -> None:
    says(store, (1.1, 1.5, " alpha"))
    with store.write() as txn:
        record = sessions.load(txn, SESSION)
        record.buffer = True
        touch(txn, record)
    assert hits(find, "alpha OR work") == []


_word = st.sampled_from(["alpha", "beta", "gamma", "été"])
_line = st.lists(_word, min_size=1, max_size=3).map(" ".join)
_query = st.lists(st.sampled_from(["alpha", "beta", "gam*", '"alpha beta"', "ete", "OR"]), min_size=1, max_size=4)


@given(
    lines=st.lists(st.lists(_line, max_size=2), min_size=3, max_size=3),
    said=st.lists(st.tuples(_word, st.sampled_from(["", ".", "?"])), max_size=8),
    words=_query,
)
def test_every_hit_leads_to_words_that_were_asked_for_and_index_and_scan_agree(
    tmp_path_factory: pytest.TempPathFactory, lines: list[list[str]], said: list[tuple[str, str]], words: list[str]
) -> None:
    with new_store(tmp_path_factory.mktemp("moments") / "store", creation(tracks=TRACKS)) as store:
        film_with_stills(store, *((at, at + 2, b"still %d" % at) for at in (0, 2, 4)))
        sounds(store, 6)
        end(store, 6)
        shows(store, *((2 * number, "|".join(each)) for number, each in enumerate(lines) if each))
        says(store, *((at / 2 + 0.1, at / 2 + 0.4, f" {word}{stop}") for at, (word, stop) in enumerate(said)))
        query = parse(" ".join(words))
        told = []
        for indexed in (True, False):
            find = Finder(store, indexed=indexed)
            found, more = search(find, " ".join(words), 100)
            find.close()
            assert not more
            told.append(sorted((moment.kind, moment.at_s, moment.text) for moment in found))
        assert told[0] == told[1]
        assert len(set(told[0])) == len(told[0])
        asked = {word for phrase in query.phrases() for word in phrase.words}
        for kind, at_s, text in told[0]:
            assert any(each.startswith(tuple(asked)) for each in words_of(text))
            if kind == "screen":
                assert set(text.split(" · ")) <= set(lines[int(at_s) // 2])
