"""Words that come over and over. Harms guarded against: a transcript full of what nobody said, and one that lacks what
somebody did say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.enrich.engines.api import Heard
from reeld.enrich.guard import PHRASE_WORDS_MAX, TIMES_MIN, without_loops

WORD = st.sampled_from(["yes", "no", "well", "Yes,", "-"])
UNLIKE = st.lists(st.sampled_from("abcdefghijklmnop"), unique=True, max_size=6)


def heard(texts: list[str]) -> list[Heard]:
    return [Heard(at, at + 0.5, f" {text}", 0.9) for at, text in enumerate(texts)]


def left(*texts: str) -> list[str]:
    return [word.text.strip() for word in without_loops(heard(list(texts)))]


def loops(plain: list[str]) -> bool:
    """Whether some phrase comes four times without a break."""
    return any(
        plain[at : at + length] * TIMES_MIN == plain[at : at + length * TIMES_MIN]
        for length in range(1, PHRASE_WORDS_MAX + 1)
        for at in range(len(plain) - length * TIMES_MIN + 1)
    )


@given(st.lists(WORD, max_size=40))
def test_no_word_is_added_changed_or_moved(texts: list[str]) -> None:
    words = heard(texts)
    kept = without_loops(words)
    places = [words.index(word) for word in kept]
    assert places == sorted(set(places))
    assert kept[:1] == words[:1]


@given(st.lists(st.sampled_from("abc"), max_size=40))
def test_what_does_not_loop_stays_as_it_is(texts: list[str]) -> None:
    words = heard(texts)
    assert loops(texts) or without_loops(words) == words


@given(
    UNLIKE,
    st.lists(st.sampled_from("qrstuvwxyz"), unique=True, min_size=1, max_size=10),
    st.integers(TIMES_MIN, 60),
    UNLIKE.map(lambda words: [f"{word}2" for word in words]),
)
def test_a_model_that_went_astray_leaves_its_phrase_once(
    before: list[str], phrase: list[str], times: int, after: list[str]
) -> None:
    words = heard([*before, *phrase * times, *after])
    first = len(before) + len(phrase)
    assert without_loops(words) == words[:first] + words[first + len(phrase) * (times - 1) :]


@pytest.mark.parametrize("length", [1, 2, 7, PHRASE_WORDS_MAX])
def test_people_may_say_a_thing_three_times(length: int) -> None:
    phrase = [f"word{place}" for place in range(length)]
    assert left(*phrase * (TIMES_MIN - 1)) == phrase * (TIMES_MIN - 1)
    assert left(*phrase * TIMES_MIN) == phrase


def test_case_and_punctuation_do_not_hide_a_loop() -> None:
    assert left("Thank", "you.", "thank", "you,", "THANK", "YOU!", "Thank", "you", "all") == ["Thank", "you.", "all"]


def test_a_loop_that_is_cut_off_leaves_what_is_not_a_whole_phrase() -> None:
    assert left(*["a", "b"] * 5, "a") == ["a", "b", "a"]


def test_punctuation_alone_is_no_phrase() -> None:
    assert left(*["-"] * 9) == ["-"] * 9


def test_silence_stays_silence() -> None:
    assert without_loops([]) == []
