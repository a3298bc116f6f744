"""Moments in the index: texts of screens, of speech and of findings. Harms guarded against: one that is found with an
index and not without, one that is listed before what somebody wrote, and a forgotten word that stays in the file."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from structlog.testing import capture_logs

from reeld.store.environment import StoreEnvironment
from reeld.store.index import FILE_NAME, scan
from reeld.store.index.documents import MADE_OF_MEDIA, MADE_OF_TEXTS, WEIGHTS, Document, Kind, documents_of
from reeld.store.index.finder import Finder
from reeld.store.index.query import parse
from reeld.store.index.textindex import IndexUnusable, Place, TextIndex, has_fts5
from tests.daemon.store.builders import NS, SESSION, creation, new_store
from tests.daemon.store.found import (
    STILLS,
    chapters,
    end,
    film_with_stills,
    finding,
    forget,
    keep,
    page,
    result,
    sound,
    sounds,
    spoken,
    summary,
)
from tests.daemon.store.test_manifests import remove

pytestmark = pytest.mark.skipif(not has_fts5(), reason="this SQLite has no FTS5; the scan has tests of its own")

MANY = 10_000


@pytest.fixture
def index(tmp_path: Path) -> Iterator[TextIndex]:
    opened = TextIndex.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreEnvironment]:
    """Six seconds with stills and sound, and what engines found of all kinds."""
    with new_store(tmp_path / "store", creation(tracks=("video-1", STILLS, "mix"))) as opened:
        film_with_stills(opened, (0, 2, b"desk"), (2, 4, b"mail"), (4, 6, b"web"))
        sounds(opened, 6)
        end(opened, 6)
        keep(
            opened,
            result(b"desk", page("Inbox", "Café menu")),
            result(b"mail", page("zqscreen ahead")),
            result(b"web", page()),
            result(sound(0), spoken((0.5, 0.9, " Good"), (0.9, 1.2, " morning."))),
            result(sound(3), spoken((3.2, 3.6, " zqspeech"))),
            result(sound(5), spoken()),
        )
        keep(opened, finding(opened, chapters((0, "Opening"), (3, "zqchapter"))))
        keep(opened, finding(opened, summary((3.2, "A zqsummary."))))
        yield opened


@pytest.fixture
def find(store: StoreEnvironment) -> Iterator[Finder]:
    made = Finder(store)
    yield made
    made.close()


def screen(text: str, at_ns: int = 0) -> Document:
    return Document(Kind.SCREEN, at_ns, text)


def speech(text: str, at_ns: int = 0) -> Document:
    return Document(Kind.SPEECH, at_ns, text)


def name(text: str) -> Document:
    return Document(Kind.NAME, 0, text)


def moments(
    asked: TextIndex | Finder, text: str, limit: int = MANY, sessions: Sequence[str] | None = None
) -> list[Place]:
    return asked.moments(parse(text), limit, sessions)


def test_everything_that_was_found_is_a_text_of_its_session(store: StoreEnvironment) -> None:
    with store.read() as txn:
        assert documents_of(txn, SESSION) == [
            Document("chapter", 0, "opening"),
            Document("chapter", 3 * NS, "zqchapter"),
            Document("name", 0, "work"),
            Document("screen", 0, "inbox cafe menu"),
            Document("screen", 2 * NS, "zqscreen ahead"),
            Document("speech", round(0.5 * NS), "good morning"),
            Document("speech", round(3.2 * NS), "zqspeech"),
            Document("summary", round(3.2 * NS), "a zqsummary"),
        ]


def test_every_kind_has_a_weight_and_what_somebody_wrote_weighs_more_than_what_an_engine_found() -> None:
    assert set(WEIGHTS) == {kind.value for kind in Kind}
    found = {Kind.SCREEN, Kind.SPEECH, Kind.SUMMARY}
    assert max(WEIGHTS[kind] for kind in found) < min(WEIGHTS[kind] for kind in set(Kind) - found)


def test_what_was_found_is_found_at_its_place_and_counts_for_its_session(find: Finder) -> None:
    for text, place in (
        ("zqscreen", Place(SESSION, "screen", 2 * NS)),
        ("zqspeech", Place(SESSION, "speech", round(3.2 * NS))),
        ("zqchapter", Place(SESSION, "chapter", 3 * NS)),
        ("zqsummary", Place(SESSION, "summary", round(3.2 * NS))),
        ("cafe", Place(SESSION, "screen", 0)),
        ("work", Place(SESSION, "name", 0)),
    ):
        assert moments(find, text) == [place]
        assert set(find.search(parse(text))) == {SESSION}
    assert find.check(rebuild=False) == (1, [])


def test_what_was_found_since_is_found_at_once(store: StoreEnvironment, find: Finder) -> None:
    assert moments(find, "later") == []
    keep(store, result(sound(4), spoken((4.1, 4.4, " later"))))
    assert [place.kind for place in moments(find, "later")] == ["speech"]
    keep(store, result(sound(4), spoken((4.1, 4.4, " latter")), version="2"))
    assert moments(find, "later") == []


def test_nothing_of_a_forgotten_range_is_found_nor_left_in_the_file(store: StoreEnvironment, find: Finder) -> None:
    file = store.path / FILE_NAME
    for word in ("zqscreen", "zqspeech", "zqchapter", "zqsummary"):
        assert moments(find, word), word
        assert word.encode() in file.read_bytes()
    forget(store, 2, 4)
    find.catch_up()
    assert b"zq" not in file.read_bytes()
    assert moments(find, "zq*") == []
    assert find.search(parse("zq*")) == {}
    # What the range does not touch stays.
    assert [place.kind for place in moments(find, "cafe OR morning")] == ["screen", "speech"][::-1]
    assert find.check(rebuild=False) == (1, [])


def test_nothing_of_a_deleted_session_is_left_in_the_file(store: StoreEnvironment, find: Finder) -> None:
    moments(find, "zq*")
    remove(store)
    find.catch_up()
    assert b"zq" not in (store.path / FILE_NAME).read_bytes()
    assert moments(find, "zq* OR work") == []


@pytest.mark.parametrize("lately", [True, False])
def test_not_one_forgotten_word_of_a_screen_or_of_speech_stays_in_the_folder(tmp_path: Path, lately: bool) -> None:
    """Be it in a segment of its own or in an old one."""
    index = TextIndex.open(tmp_path)
    secrets = [f"{number}xqz{number}secretword" for number in range(20)]
    found = [screen(text, at_ns) if at_ns % 2 else speech(text, at_ns) for at_ns, text in enumerate(secrets)]
    index.batch(1, [(f"s{number}", [screen(f"session{number}")]) for number in range(100)])
    if lately:
        for number in range(len(found)):
            index.batch(2, [("s7", [screen("session7"), *found[: number + 1]])])
    else:
        index.batch(2, [("s7", [screen("session7"), *found])])
        index.batch(3, [(f"t{number}", [speech(f"later{number}")]) for number in range(200)])
    assert index.batch(4, [("s7", [screen("session7")])])
    assert not any(b"secretword" in file.read_bytes() or b"xqz" in file.read_bytes() for file in tmp_path.iterdir())
    assert len(moments(index, "session*")) == 100
    assert index.damage() == []
    index.close()


def test_what_somebody_wrote_comes_before_what_was_seen_and_of_that_the_newest_first(index: TextIndex) -> None:
    index.batch(1, [("s1", [screen("budget", 5), screen("budget", 7), speech("budget", 9)])])
    index.batch(2, [("s2", [screen("budget", 3)]), ("s3", [name("budget")])])
    found = moments(index, "budget")
    assert found[0] == Place("s3", "name", 0)
    assert found[1] == Place("s2", "screen", 3)
    assert {place.session for place in found[2:]} == {"s1"}
    assert moments(index, "budget", 2) == found[:2]
    assert moments(index, "budget", 1) == found[:1]


def test_a_limit_is_of_the_sessions_asked_for_and_not_of_others_before_them(index: TextIndex) -> None:
    index.batch(1, [("s1", [screen("budget", 5), name("budget")])])
    index.batch(2, [(f"t{number}", [screen("budget"), name("budget")]) for number in range(10)])
    assert moments(index, "budget", 2, ["s1"]) == [Place("s1", "name", 0), Place("s1", "screen", 5)]
    assert moments(index, "budget", 2, []) == []


def test_all_words_must_stand_in_one_text_for_a_moment_and_anywhere_for_a_session(index: TextIndex) -> None:
    index.batch(1, [("s1", [screen("red"), speech("green")]), ("s2", [screen("green and red", 4)])])
    assert moments(index, "red green") == [Place("s2", "screen", 4)]
    assert set(index.search(parse("red green"))) == {"s1", "s2"}
    assert set(index.search(parse("red green and"))) == {"s2"}
    assert moments(index, '"red green"') == []
    assert moments(index, "?") == []


def test_the_same_text_at_two_times_or_places_is_two_moments(index: TextIndex) -> None:
    index.batch(1, [("s1", [screen("red", 1), screen("red", 2), speech("red", 1)])])
    assert sorted((place.kind, place.at_ns) for place in moments(index, "red")) == [
        ("screen", 1),
        ("screen", 2),
        ("speech", 1),
    ]


def test_what_is_replaced_is_found_no_more_and_the_same_again_changes_nothing(index: TextIndex) -> None:
    found = [screen("old", 1), speech("kept", 2)]
    index.batch(1, [("s1", found)])
    assert not index.batch(2, [("s1", found)])
    assert index.batch(3, [("s1", [screen("new", 1), speech("kept", 2)])])
    assert (moments(index, "old"), len(moments(index, "new OR kept"))) == ([], 2)
    assert index.documents("s1") == [screen("new", 1), speech("kept", 2)]


def test_a_session_that_was_named_so_comes_before_one_in_which_it_was_said_often(index: TextIndex) -> None:
    others = [(f"other{number}", [name("something else")]) for number in range(20)]
    said = [screen("guitar", number) for number in range(50)]
    index.batch(1, [*others, ("said", said), ("named", [name("guitar")])])
    scores = index.search(parse("guitar"))
    assert scores["named"] > scores["said"] > 0


def test_words_of_a_screen_that_do_not_fit_their_text_are_damage(index: TextIndex) -> None:
    index.batch(1, [("s1", [screen("here")])])
    assert index.damage() == []
    index._sql.execute("UPDATE moments_content SET c0 = 'there'")
    (fault,) = index.damage()
    assert "words" in fault


def test_the_index_of_an_older_reeld_is_made_anew_and_not_asked(store: StoreEnvironment) -> None:
    """It knows no moments."""
    with sqlite3.connect(store.path / FILE_NAME) as connection:
        connection.executescript(
            "CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
            "CREATE TABLE documents (id INTEGER PRIMARY KEY, session TEXT, kind TEXT, at_ns INTEGER);"
            "CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'ascii');"
            "INSERT INTO state VALUES ('layout', 1), ('clean', 1), ('revision', 1000);"
        )
    connection.close()
    made = Finder(store)
    with capture_logs() as logs:
        assert [place.kind for place in moments(made, "zqspeech")] == ["speech"]
    assert [entry["event"] for entry in logs] == ["index.discarded"]
    made.close()


def test_where_no_index_can_be_kept_moments_are_found_all_the_same(
    store: StoreEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_folder: Path) -> TextIndex:
        raise IndexUnusable("read-only")

    monkeypatch.setattr(TextIndex, "open", refuse)
    with capture_logs():
        assert [place.kind for place in moments(Finder(store), "zqscreen")] == ["screen"]
    assert [place.kind for place in moments(Finder(store, indexed=False), "zqscreen")] == ["screen"]


def test_an_index_that_breaks_while_it_is_asked_is_made_anew(store: StoreEnvironment, find: Finder) -> None:
    moments(find, "zqspeech")
    assert find._index is not None
    find._index._sql.execute("DROP TABLE moments")
    with capture_logs() as logs:
        assert [place.kind for place in moments(find, "zqspeech")] == ["speech"]
    assert [entry["event"] for entry in logs] == ["index.discarded"]


def test_without_an_index_what_somebody_wrote_comes_first_too_and_the_limit_holds() -> None:
    texts = [
        ("s1", [name("budget"), screen("budget", 3), speech("budget", 5)]),
        ("s2", [Document(Kind.MARKER, 4, "budget"), screen("budget", 1)]),
    ]
    query = parse("budget")
    found = scan.moments(query, texts, MANY, None)
    assert [(place.session, place.kind) for place in found] == [
        ("s1", "name"),
        ("s2", "marker"),
        ("s2", "screen"),
        ("s1", "speech"),
        ("s1", "screen"),
    ]
    assert scan.moments(query, texts, 3, None) == found[:3]
    assert scan.moments(query, texts, MANY, ["s2"]) == [found[1], found[2]]
    assert scan.moments(parse("?"), texts, MANY, None) == []


@pytest.mark.parametrize("stage", ["chapters", "summary"])
def test_a_damaged_finding_costs_the_other_texts_nothing(store: StoreEnvironment, stage: str) -> None:
    what = chapters((0, "Broken")) if stage == "chapters" else summary((0, "Broken."))
    keep(store, structs.replace(finding(store, what, basis=b"other"), payload=b"?"))
    with store.read() as txn:
        kinds = {document.kind for document in documents_of(txn, SESSION)}
    assert {"name", "screen", "speech"} <= kinds
    assert stage.removesuffix("s") not in kinds


_word = st.sampled_from(["a", "b", "ab", "ba", "été", "会"])
_text = st.lists(_word, min_size=1, max_size=5).map(" ".join)
_documents = st.lists(st.builds(Document, st.sampled_from(list(Kind)), st.integers(0, 3), _text), max_size=6).map(
    lambda each: sorted(set(each))
)
_query = st.lists(
    st.sampled_from(["a", "b", "a*", '"a b"', '"a b"*', "OR", "AND", "été", "ete", "会", "-", '"']), max_size=5
)


@given(
    before=st.dictionaries(st.sampled_from("xyz"), _documents),
    after=st.dictionaries(st.sampled_from("xyz"), _documents),
    words=_query,
    sessions=st.none() | st.sets(st.sampled_from("xyz")),
    limit=st.integers(1, 8),
)
def test_index_and_scan_find_the_same_moments(
    tmp_path_factory: pytest.TempPathFactory,
    before: dict[str, list[Document]],
    after: dict[str, list[Document]],
    words: list[str],
    sessions: set[str] | None,
    limit: int,
) -> None:
    """On a machine without FTS5 the same question must have the same answer."""
    index = TextIndex.open(tmp_path_factory.mktemp("index"))
    try:
        index.batch(1, before.items())
        index.batch(2, after.items())
        query = parse(" ".join(words))
        texts = {**before, **after}.items()
        found, other = index.moments(query, MANY, sessions), scan.moments(query, texts, MANY, sessions)

        def in_order(places: Sequence[Place]) -> list[tuple[str, str, int]]:
            return sorted((place.session, place.kind, place.at_ns) for place in places)

        assert in_order(found) == in_order(other)
        assert index.moments(query, limit, sessions) == found[:limit]
        assert scan.moments(query, texts, limit, sessions) == other[:limit]
        for places in (found, other):
            seen = [(place.kind in MADE_OF_TEXTS, place.kind in MADE_OF_MEDIA) for place in places]
            assert seen == sorted(seen), "what people wrote, what was seen and heard, what was made of it"
        assert {place.session for place in index.moments(query, MANY)} <= set(index.search(query))
        assert set(index.search(query)) == set(scan.search(query, texts))
    finally:
        index.close()
