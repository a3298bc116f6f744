"""The query language. Harm guarded against: a text that is an error, and a query that means something else."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reeld.store.index.query import Phrase, Query, matching, parse, rank


def word(*words: str, prefix: bool = False) -> Phrase:
    return Phrase(words, prefix)


A, B, C = word("a"), word("b"), word("c")


@pytest.mark.parametrize(
    ("text", "alternatives"),
    [
        ("", []),
        ("!!! OR --", []),
        ("a b", [(A, B)]),
        ("a AND b", [(A, B)]),
        ("a OR b c", [(A,), (B, C)]),
        ("OR a OR OR b OR", [(A,), (B,)]),
        ("AND a AND", [(A,)]),
        ("a a", [(A,)]),
        ("a or b", [(A, word("or"), B)]),
        ('"OR"', [(word("or"),)]),
        ('"a b" c', [(word("a", "b"), C)]),
        ('"a b', [(word("a", "b"),)]),
        ("“a b” «c»", [(word("a", "b"), C)]),
        ("meet*", [(word("meet", prefix=True),)]),
        ('"weekly meet"*', [(word("weekly", "meet", prefix=True),)]),
        ("stand-up", [(word("stand", "up"),)]),
        ("*", []),
        ('x"y z"w', [(word("x"), word("y", "z"), word("w"))]),
        ("NEAR(a b)", [(word("near", "a"), B)]),
        ("name:a", [(word("name", "a"),)]),
        ("Café", [(word("cafe"),)]),
    ],
)
def test_what_a_text_asks_for(text: str, alternatives: list[tuple[Phrase, ...]]) -> None:
    assert parse(text) == Query(tuple(alternatives))


@given(st.text() | st.text(alphabet='ab" *()^:-+ANDOR\x00'))
@example('"')
@example('"" ""* *')
@example("a\x00b")
def test_every_text_is_a_query(text: str) -> None:
    for alternative in parse(text).alternatives:
        assert alternative
        assert all(phrase.words for phrase in alternative)


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        (A, "b a", True),
        (A, "ab", False),
        (word("a", prefix=True), "b ab", True),
        (word("a", "b"), "a b c", True),
        (word("a", "b"), "a c b", False),
        (word("a", "b"), "a", False),
        (word("a", "b", prefix=True), "a bc", True),
        (word("a", "b", prefix=True), "ax bc", False),
        (A, "", False),
    ],
)
def test_a_phrase_is_in_a_text_or_not(phrase: Phrase, text: str, *, found: bool) -> None:
    assert phrase.is_in(text.split()) is found


PLACES = {A: {"s1": 1.0, "s2": 4.0}, B: {"s2": 2.0, "s3": 8.0}, C: {}}


@pytest.mark.parametrize(
    ("text", "scores"),
    [
        ("a", {"s1": 1.0, "s2": 4.0}),
        ("a b", {"s2": 6.0}),
        ("a OR b", {"s1": 1.0, "s2": 6.0, "s3": 8.0}),
        ("a c", {}),
        ("a c OR b", {"s2": 2.0, "s3": 8.0}),
        ("", {}),
    ],
)
def test_all_of_an_alternative_and_one_of_several(text: str, scores: dict[str, float]) -> None:
    assert rank(parse(text), PLACES.__getitem__) == scores


_words = st.sampled_from(["a", "b", "c"])


@given(st.lists(st.lists(_words, min_size=1, max_size=3), min_size=1, max_size=3))
def test_ranking_finds_what_the_words_mean(alternatives: list[list[str]]) -> None:
    text = " OR ".join(" ".join(each) for each in alternatives)
    sets = {"a": {"s1", "s2"}, "b": {"s2", "s3"}, "c": set()}
    expected = {session for each in alternatives for session in set.intersection(*(sets[name] for name in each))}
    assert set(rank(parse(text), PLACES.__getitem__)) == expected
    assert matching(parse(text), {phrase: set(places) for phrase, places in PLACES.items()}) == expected
