"""Words. Harm guarded against: a text that is indexed under one spelling and asked for under another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.store.index.words import words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  ... !?", []),
        ("Stand-up, daily_2", ["stand", "up", "daily", "2"]),
        ("Café NAÏVE", ["cafe", "naive"]),
        ("Straße", ["strasse"]),
        ("İstanbul ﬁx \uff21\uff22", ["istanbul", "fix", "ab"]),
        ("Ёлка", ["елка"]),
        ("会議の記録 v2", ["会", "議", "の", "記", "録", "v2"]),
        ("x²", ["x2"]),
    ],
)
def test_words_are_folded(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text())
def test_words_hold_nothing_that_an_engine_could_read_as_syntax(text: str) -> None:
    for word in words_of(text):
        assert word
        assert all(character.isalnum() for character in word if character.isascii())


@given(st.text())
def test_words_of_words_are_the_same(text: str) -> None:
    """Else what the index keeps would not be what the query makes of the same text."""
    words = words_of(text)
    assert words_of(" ".join(words)) == words


@given(st.text(alphabet=st.characters(max_codepoint=0x24F)))
def test_case_does_not_matter(text: str) -> None:
    assert words_of(text.upper()) == words_of(text.upper().lower())
