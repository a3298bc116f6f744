import pytest

from reeld.store.wording import NAME_CHARS_MAX, NOTE_CHARS_MAX, TAG_CHARS_MAX, word_faults


def test_what_is_not_said_has_no_fault() -> None:
    assert word_faults() == []
    assert word_faults(note="") == []


@pytest.mark.parametrize(
    "words",
    [
        {"name": ""},
        {"name": "  "},
        {"name": "x" * (NAME_CHARS_MAX + 1)},
        {"tags": [""]},
        {"tags": ["ok", "x" * (TAG_CHARS_MAX + 1)]},
        {"note": "x" * (NOTE_CHARS_MAX + 1)},
    ],
)
def test_each_fault_is_one_sentence(words: dict[str, object]) -> None:
    assert len(word_faults(**words)) == 1  # type: ignore[arg-type]


def test_the_longest_words_are_taken() -> None:
    assert not word_faults(name="é" * NAME_CHARS_MAX, tags=["é" * TAG_CHARS_MAX], note="é" * NOTE_CHARS_MAX)


def test_every_fault_is_told() -> None:
    assert len(word_faults(name="", tags=["", ""], note="x" * (NOTE_CHARS_MAX + 1))) == 4
