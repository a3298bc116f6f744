"""Words that tell something. Harms guarded against: chapters named "the and you", and a word that all texts have taken
for what one of them is about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.enrich.terms import LETTERS_MIN, telling, unlike, weights

WORDS = st.frozensets(st.sampled_from("abcdefgh"))
TEXTS = st.lists(st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta"]), max_size=8), max_size=8)


def test_words_that_every_text_has_and_short_ones_and_numbers_tell_nothing() -> None:
    assert telling("The budget and YOU: 2026, it is a Café, naïve und der die das") == ["budget", "cafe", "naive"]


def test_common_words_of_several_languages_are_known_with_their_marks() -> None:
    assert telling("für também también über") == ["tambem"]


@given(st.text())
def test_whatever_the_text_only_long_enough_words_are_left(text: str) -> None:
    for word in telling(text):
        assert len(word) >= LETTERS_MIN
        assert not word.isdecimal()


@given(TEXTS)
def test_every_word_of_a_text_has_a_weight_above_zero(texts: list[list[str]]) -> None:
    found = weights(texts)
    assert [set(each) for each in found] == [set(words) for words in texts]
    assert all(weight > 0 for each in found for weight in each.values())


def test_a_word_that_one_text_has_weighs_more_than_one_that_all_have() -> None:
    first, *_ = weights([["meeting", "budget"], ["meeting", "holiday"], ["meeting", "garden"]])
    assert first["budget"] > first["meeting"]


def test_a_word_that_comes_often_weighs_more_but_not_by_as_much() -> None:
    (found, _) = weights([["rare", *["often"] * 8], ["other"]])
    assert found["rare"] < found["often"] < 8 * found["rare"]


@given(WORDS, WORDS)
def test_unlikeness_is_the_same_both_ways_and_between_none_and_all(one: frozenset[str], other: frozenset[str]) -> None:
    found = unlike(one, other)
    assert 0 <= found <= 1
    assert found == unlike(other, one)
    assert (found == 0) == (one == other)
    if one and not one & other:
        assert found == 1


def test_half_of_the_words_is_half_unlike() -> None:
    assert unlike(frozenset("abc"), frozenset("bcd")) == pytest.approx(0.5)
