"""The index in SQLite. Harm guarded against: forgotten words that stay in the file, a damaged file that is trusted."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.store.index import FILE_NAME
from reeld.store.index.documents import Document
from reeld.store.index.query import parse, rank
from reeld.store.index.scan import search as scan
from reeld.store.index.textindex import IndexUnusable, TextIndex, discard, exists, has_fts5

pytestmark = pytest.mark.skipif(not has_fts5(), reason="this SQLite has no FTS5; the scan has tests of its own")


def name(text: str) -> Document:
    return Document("name", 0, text)


def marker(text: str, at_ns: int = 5) -> Document:
    return Document("marker", at_ns, text)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[TextIndex]:
    opened = TextIndex.open(tmp_path)
    yield opened
    opened.close()


def found(index: TextIndex, text: str) -> list[str]:
    scores = index.search(parse(text))
    return sorted(scores, key=lambda session: -scores[session])


def test_a_name_outranks_a_tag_a_note_and_a_marker(index: TextIndex) -> None:
    index.batch(
        1,
        [
            ("marked", [name("one"), marker("guitar and more")]),
            ("noted", [name("two"), Document("note", 0, "guitar and more")]),
            ("tagged", [name("three"), Document("tag", 0, "guitar")]),
            ("named", [name("guitar")]),
            *((f"other{number}", [name("something else")]) for number in range(20)),
        ],
    )
    assert found(index, "guitar") == ["named", "tagged", "noted", "marked"]


def test_words_of_one_session_are_found_together_wherever_they_stand(index: TextIndex) -> None:
    index.batch(1, [("s1", [name("weekly meeting"), marker("budget")]), ("s2", [name("weekly")])])
    assert found(index, "meet* budget") == ["s1"]
    assert set(found(index, "weekly OR nothing")) == {"s1", "s2"}
    assert found(index, '"meeting budget"') == []


def test_what_is_said_is_replaced_and_what_is_gone_is_not_found(index: TextIndex) -> None:
    index.batch(1, [("s1", [name("old"), marker("kept")]), ("s2", [name("old")])])
    assert index.batch(2, [("s1", [name("new"), marker("kept")]), ("s2", [])])
    assert (found(index, "old"), found(index, "new"), found(index, "kept")) == ([], ["s1"], ["s1"])
    assert index.documents("s1") == [marker("kept"), name("new")]
    assert index.sessions() == {"s1"}
    assert index.revision == 2
    assert not index.batch(3, [("s1", [name("new"), marker("kept")])])


def test_a_batch_that_fails_changes_nothing(index: TextIndex) -> None:
    def changes() -> Iterator[tuple[str, list[Document]]]:
        yield "s1", [name("half")]
        raise KeyError

    index.batch(1, [("s0", [name("before")])])
    with pytest.raises(KeyError):
        index.batch(2, changes())
    assert (index.sessions(), index.revision) == ({"s0"}, 1)


@pytest.mark.parametrize("lately", [True, False])
def test_not_one_forgotten_word_stays_in_the_folder(tmp_path: Path, *, lately: bool) -> None:
    """Neither among the words, nor in freed pages, nor in a journal; be it in a segment of its own or in an old one."""
    index = TextIndex.open(tmp_path)
    secrets = [f"{number}xqz{number}secretword" for number in range(40)]
    index.batch(1, [(f"s{number}", [name(f"session{number}")]) for number in range(200)])
    if lately:
        for number in range(len(secrets)):
            index.batch(2, [("s7", [name("session7"), *(marker(each) for each in secrets[: number + 1])])])
    else:
        index.batch(2, [("s7", [name("session7"), *(marker(each) for each in secrets)])])
        index.batch(3, [(f"t{number}", [marker(f"later{number}")]) for number in range(400)])
    index.batch(4, [("s7", [name("session7")])])
    assert not any(b"secretword" in file.read_bytes() or b"xqz" in file.read_bytes() for file in tmp_path.iterdir())
    assert len(index.search(parse("session*"))) == 200
    assert index.damage() == []
    index.close()
    assert [file.name for file in tmp_path.iterdir()] == [FILE_NAME]


def test_it_is_for_its_owner_alone(index: TextIndex, tmp_path: Path) -> None:
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_what_was_closed_in_order_is_there_again(tmp_path: Path) -> None:
    index = TextIndex.open(tmp_path)
    assert index.revision == -1
    index.batch(5, [("s1", [name("here")])])
    index.close()
    index.close()
    again = TextIndex.open(tmp_path)
    assert (again.revision, found(again, "here")) == (5, ["s1"])
    again.close()
    assert TextIndex.open(tmp_path).revision == 5


def test_what_was_not_closed_in_order_is_not_trusted(tmp_path: Path) -> None:
    """Without a journal a crash may have left half a transaction."""
    child = os.fork()
    if child == 0:
        index = TextIndex.open(tmp_path)
        index.batch(5, [("s1", [name("here")])])
        os._exit(0)
    os.waitpid(child, 0)
    with pytest.raises(IndexUnusable, match="in order"):
        TextIndex.open(tmp_path)


def test_a_file_of_another_layout_is_not_used(tmp_path: Path) -> None:
    TextIndex.open(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("UPDATE state SET value = 99 WHERE name = 'layout'")
    connection.close()
    with pytest.raises(IndexUnusable, match="layout"):
        TextIndex.open(tmp_path)


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_file_that_is_something_else_is_not_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(IndexUnusable):
        TextIndex.open(tmp_path)
    assert exists(tmp_path)
    discard(tmp_path)
    discard(tmp_path)
    assert not exists(tmp_path)


def test_a_folder_that_may_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(IndexUnusable):
        TextIndex.open(tmp_path)


def test_words_that_do_not_fit_their_texts_are_damage(index: TextIndex, tmp_path: Path) -> None:
    index.batch(1, [("s1", [name("here")])])
    index._sql.execute("UPDATE words_content SET c0 = 'there'")
    (fault,) = index.damage()
    assert "words" in fault


def test_a_machine_without_fts5_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain(sqlite3.Connection):
        def execute(self, *_statement: object) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("no such module: fts5")

    real = sqlite3.connect
    monkeypatch.setattr("reeld.store.index.textindex.sqlite3.connect", lambda path: real(path, factory=Plain))
    assert not has_fts5()


_word = st.sampled_from(["a", "b", "ab", "ba", "été", "会"])
_text = st.lists(_word, min_size=1, max_size=4).map(" ".join)
_documents = st.lists(
    st.builds(Document, st.sampled_from(["name", "tag", "note", "marker"]), st.integers(0, 3), _text), max_size=4
).map(lambda each: sorted(set(each)))
_query = st.lists(
    st.sampled_from(["a", "b", "a*", '"a b"', '"a b"*', "OR", "AND", "été", "ete", "会", "-", '"']), max_size=5
)


@settings(max_examples=60, deadline=None)
@given(
    before=st.dictionaries(st.sampled_from("xyz"), _documents),
    after=st.dictionaries(st.sampled_from("xyz"), _documents),
    words=_query,
)
def test_index_and_scan_find_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    before: dict[str, list[Document]],
    after: dict[str, list[Document]],
    words: list[str],
) -> None:
    """On a machine without FTS5 the same question must have the same answer."""
    index = TextIndex.open(tmp_path_factory.mktemp("index"))
    try:
        index.batch(1, before.items())
        index.batch(2, after.items())
        query = parse(" ".join(words))
        scores = index.search(query)
        assert set(scores) == set(scan(query, {**before, **after}.items()))
        # Whether it narrows down first or scores all that has one of the words, the order is the same.
        assert scores == pytest.approx(rank(query, index._find))
    finally:
        index.close()


def test_of_many_words_only_what_has_all_is_scored_and_one_search_leaves_nothing_for_the_next(index: TextIndex) -> None:
    index.batch(1, [("s1", [name("a b c d")]), ("s2", [name("a b"), marker("c")]), ("s3", [marker("a"), name("d")])])
    assert found(index, "a b c") == ["s1", "s2"]
    assert found(index, "a* b* c* d*") == ["s1"]
    assert sorted(found(index, "a b c OR d")) == ["s1", "s2", "s3"]
    assert found(index, "a b nothing") == []
    assert sorted(found(index, "a")) == ["s1", "s2", "s3"]
