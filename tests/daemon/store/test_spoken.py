"""What was said. Harms guarded against: a word that was cut off or forgotten is told all the same, one is told twice or
not at all where two chunks meet, and a transcript of one endless line."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.sessions.sounds import usual_graph
from reeld.store import sessions
from reeld.store import spoken as telling
from reeld.store.api import IngestItem
from reeld.store.environment import StoreEnvironment
from reeld.store.spoken import Said, Spoken
from reeld_proto.findings import SpokenWords
from tests.daemon.export.cutting import check, derive
from tests.daemon.store.builders import NS, SESSION, chunk, creation, gap, land, new_store
from tests.daemon.store.found import end, forget, job, keep, result, sound, sounds, spoken

Word = tuple[float, float, str]
MS = NS // 1000


def hear(store: StoreEnvironment, words: dict[int, Sequence[Word]], track: str = "mix") -> None:
    """Words of the chunks that begin at these seconds."""
    found = [result(sound(second, track), spoken(*said)) for second, said in words.items()]
    keep(store, *found)


def words_of(store: StoreEnvironment, session: str = SESSION, track: str = "mix", from_s: float = 0) -> list[Word]:
    with store.read() as txn:
        record = sessions.load(txn, session)
        state = record.track(track)
        assert state is not None
        words = list(telling.words_of(txn, record, state, round(from_s * NS)))
    return [(word.start_ns / NS, word.end_ns / NS, word.text) for word in words]


def texts(store: StoreEnvironment, session: str = SESSION) -> list[str]:
    return [text for _, _, text in words_of(store, session)]


def said_in(store: StoreEnvironment, session: str = SESSION) -> list[Said]:
    with store.read() as txn:
        return telling.said_in(txn, sessions.load(txn, session))


def said_from(store: StoreEnvironment, from_ns: int, session: str = SESSION) -> list[Said]:
    with store.read() as txn:
        record = sessions.load(txn, session)
        state = record.track("mix")
        assert state is not None
        return telling.said_from(txn, record, state, from_ns)


def line(*words: Word) -> list[str]:
    """Texts of the utterances that words make."""
    found = (Spoken(round(start * NS), round(stop * NS), text, 0.9) for start, stop, text in words)
    return [said.text for said in telling.in_one_go("mix", found)]


@pytest.fixture
def recorded(store: StoreEnvironment) -> StoreEnvironment:
    """Ten seconds of sound in chunks of one."""
    sounds(store, 10)
    end(store, 10)
    return store


def test_a_chunk_that_nobody_listened_to_says_nothing_and_hides_nothing(recorded: StoreEnvironment) -> None:
    hear(recorded, {0: [(0.1, 0.4, " one")], 1: [], 3: [(3.1, 3.4, " two")]})
    assert words_of(recorded) == [(0.1, 0.4, " one"), (3.1, 3.4, " two")]
    with recorded.read() as txn:
        entries = list(telling.entries_of(txn, SESSION, "mix"))
    assert [words is None for _, _, words in entries] == [False, False, True, False] + [True] * 6
    assert [start for start, _, _ in entries] == [each * NS for each in range(10)]


def test_a_track_of_pictures_says_nothing(recorded: StoreEnvironment) -> None:
    land(recorded, chunk(0, NS, b"picture"))
    keep(recorded, result(b"picture", spoken((0.1, 0.4, " impossible"))))
    assert words_of(recorded, track="video-1") == []


def test_a_word_that_goes_over_the_border_of_two_chunks_is_told_once_and_whole(recorded: StoreEnvironment) -> None:
    hear(recorded, {0: [(0.2, 0.5, " a"), (0.8, 1.3, " border")], 1: [(1.4, 1.9, " b")]})
    assert words_of(recorded) == [(0.2, 0.5, " a"), (0.8, 1.3, " border"), (1.4, 1.9, " b")]


def test_a_word_may_go_over_a_chunk_as_a_whole_and_comes_in_its_order(recorded: StoreEnvironment) -> None:
    hear(recorded, {0: [(0.8, 2.2, " looong")], 1: [], 2: [(2.3, 2.5, " b")]})
    assert texts(recorded) == [" looong", " b"]


def test_a_word_that_another_chunk_begins_is_not_told_by_this_one(recorded: StoreEnvironment) -> None:
    """An engine hears more than the chunk; what begins outside it is its neighbour's to tell."""
    hear(recorded, {1: [(0.9, 1.2, " before"), (1.5, 1.8, " within"), (2.0, 2.3, " after")]})
    assert texts(recorded) == [" within"]


def test_rounding_at_a_border_loses_no_word_and_moves_none_out_of_its_chunk(recorded: StoreEnvironment) -> None:
    hear(recorded, {1: [(0.9995, 1.2, " early")]})
    assert words_of(recorded) == [(1.0, 1.2, " early")]


@pytest.mark.parametrize(("ends_s", "told"), [(3.2, True), (3.25, True), (3.3, False), (4.5, False)])
def test_a_word_that_reaches_into_a_gap_is_not_told(store: StoreEnvironment, ends_s: float, told: bool) -> None:
    """Beyond what an engine's times are inexact by."""
    sounds(store, 3)
    land(store, gap(3 * NS, 5 * NS, track="mix"))
    sounds(store, 2, start_s=5)
    end(store, 7)
    hear(store, {2: [(2.1, 2.3, " whole"), (2.8, ends_s, " reaching")], 5: [(5.1, 5.4, " later")]})
    assert texts(store) == [" whole", *([" reaching"] if told else []), " later"]


def test_neighbours_that_are_a_packet_apart_are_no_gap(store: StoreEnvironment) -> None:
    land(store, chunk(0, NS, sound(0), track="mix"), chunk(NS + 15 * MS, 2 * NS, sound(1), track="mix", seq=2))
    hear(store, {0: [(0.8, 1.5, " border")]})
    assert texts(store) == [" border"]


def test_a_word_that_reaches_beyond_the_end_is_not_told(recorded: StoreEnvironment) -> None:
    hear(recorded, {9: [(9.1, 9.4, " whole"), (9.8, 10.6, " cut")]})
    assert texts(recorded) == [" whole"]


def test_a_clip_tells_the_words_it_shows_at_its_own_times_and_none_that_was_cut_off(
    recorded: StoreEnvironment,
) -> None:
    hear(
        recorded,
        {
            2: [(2.2, 2.6, " cut"), (2.7, 2.9, " first")],
            3: [(3.8, 4.1, " border")],
            5: [(5.1, 5.3, " last"), (5.4, 6.2, " off")],
        },
    )
    derive(recorded, "clip", (SESSION, 2.5, 5.5))
    clip = [(round(start, 6), round(stop, 6), text) for start, stop, text in words_of(recorded, "clip")]
    assert clip == [(0.2, 0.4, " first"), (1.3, 1.6, " border"), (2.6, 2.8, " last")]


def test_a_chunk_that_is_shown_at_two_places_is_told_at_both(recorded: StoreEnvironment) -> None:
    hear(recorded, {1: [(1.2, 1.6, " again")]})
    derive(recorded, "twice", (SESSION, 1, 2), (SESSION, 5, 6), (SESSION, 1, 2))
    assert [(start, text) for start, _, text in words_of(recorded, "twice")] == [(0.2, " again"), (2.2, " again")]


def test_what_was_forgotten_is_not_told_nor_a_word_that_reached_into_it(recorded: StoreEnvironment) -> None:
    derive(recorded, "clip", (SESSION, 2, 8))
    hear(
        recorded,
        {
            2: [(2.1, 2.3, " before")],
            3: [(3.2, 3.4, " beside"), (3.9, 4.2, " secretly")],
            4: [(4.3, 4.6, " secret")],
            5: [(5.0, 5.2, " whisper")],
            6: [(6.2, 6.4, " after")],
        },
    )
    assert len(texts(recorded, "clip")) == 6
    forget(recorded, 4.1, 4.9)
    for session in (SESSION, "clip"):
        assert texts(recorded, session) == [" before", " after"]
    check(recorded)


def test_the_newest_engine_is_believed(recorded: StoreEnvironment) -> None:
    hear(recorded, {0: [(0.1, 0.4, " wreck")]})
    keep(recorded, result(sound(0), spoken((0.1, 0.4, " recognise")), version="2"), by=job("job-2"))
    assert texts(recorded) == [" recognise"]


def test_utterances_end_where_somebody_is_silent() -> None:
    pause = telling.PAUSE_NS / NS
    assert line((0, 1, " one"), (1 + pause, 2.5, " two"), (2.5 + pause + 0.001, 4, " three")) == ["one two", "three"]


def test_utterances_end_at_the_end_of_a_sentence_and_not_within_a_number() -> None:
    words = [" It", " costs", " 3.5", ".", " Really?", " Yes!", "\u3002", " So"]
    timed = [(number / 4, number / 4 + 0.2, word) for number, word in enumerate(words)]
    assert line(*timed) == ["It costs 3.5.", "Really?", "Yes!", "\u3002", "So"]


def test_a_sentence_is_ended_by_a_stop_that_a_blank_follows() -> None:
    assert line((0, 0.5, " Stop. "), (0.6, 1, " Go")) == ["Stop.", "Go"]


def test_nobody_speaks_for_longer_than_twelve_seconds_in_one_go() -> None:
    words = [(float(second), second + 0.9, f" {second}") for second in range(30)]
    found = list(telling.in_one_go("mix", (Spoken(round(a * NS), round(b * NS), text, 1.0) for a, b, text in words)))
    assert all(said.end_ns - said.start_ns <= telling.UTTERANCE_NS_MAX for said in found)
    assert [len(said.words) for said in found] == [12, 12, 6]
    assert [word.text for said in found for word in said.words] == [text for _, _, text in words]


def test_a_single_word_that_is_longer_than_that_is_an_utterance_of_its_own() -> None:
    assert line((0, 0.5, " a"), (0.6, 20, " mmm"), (20.1, 20.3, " b")) == ["a", "mmm", "b"]


def test_silence_is_no_utterance() -> None:
    assert line() == []


@pytest.fixture
def two_voices(tmp_path: Path) -> Iterator[StoreEnvironment]:
    order = creation(tracks=("video-1", "mix", "mic", "system"), sound=usual_graph())
    with new_store(tmp_path / "voices", order) as store:
        for track in ("mix", "mic", "system"):
            sounds(store, 4, track=track)
        end(store, 4)
        yield store


def test_two_people_are_told_apart_in_the_order_of_time_and_the_mix_is_not_told_again(
    two_voices: StoreEnvironment,
) -> None:
    hear(two_voices, {0: [(0.2, 0.5, " Hello.")], 2: [(2.2, 2.5, " Fine.")]}, "mic")
    hear(two_voices, {1: [(1.2, 1.5, " How"), (1.5, 1.6, " are"), (1.6, 1.8, " you?")]}, "system")
    hear(two_voices, {0: [(0.2, 0.5, " Hello.")]}, "mix")
    assert [(said.track, said.text) for said in said_in(two_voices)] == [
        ("mic", "Hello."),
        ("system", "How are you?"),
        ("mic", "Fine."),
    ]


def test_an_utterance_begins_with_its_first_word_and_ends_with_its_last(recorded: StoreEnvironment) -> None:
    hear(recorded, {0: [(0.8, 1.3, " one")], 1: [(1.4, 1.9, " two.")], 5: [(5.2, 5.4, " three")]})
    first, second = said_in(recorded)
    assert (first.start_ns, first.end_ns, first.text) == (round(0.8 * NS), round(1.9 * NS), "one two.")
    assert said_from(recorded, first.start_ns) == [first]
    assert said_from(recorded, second.start_ns) == [second]
    assert said_from(recorded, first.start_ns + 1) == []
    assert said_from(recorded, 9 * NS) == []


# Times in the tests below are in hundredths of a second; a chunk is a second.
_CENT = NS // 100


def _spoken_by_chunk(words: Sequence[tuple[int, int, str]]) -> dict[int, SpokenWords]:
    """Each word with the chunk in which it begins."""
    found: dict[int, list[Word]] = {}
    for start, stop, text in words:
        found.setdefault(start // 100, []).append((start / 100, stop / 100, text))
    return {second: spoken(*said) for second, said in found.items()}


@st.composite
def _talk(draw: st.DrawFn) -> list[tuple[int, int, str]]:
    """Words one after the other within 600 hundredths, each shorter than a chunk; no two of the same text."""
    bounds = sorted(draw(st.lists(st.integers(0, 60), max_size=24, unique=True)))
    pairs = zip(bounds[::2], bounds[1::2], strict=False)
    return [
        (10 * start, 10 * min(stop, start + 9), f" w{number}{draw(st.sampled_from(['', '.', ',']))}")
        for number, (start, stop) in enumerate(pairs)
    ]


def _talked(store: StoreEnvironment, words: Sequence[tuple[int, int, str]], missing: set[int]) -> None:
    """Six seconds with these words; in place of the missing chunks are gaps."""
    items: list[IngestItem] = []
    for second in range(6):
        times = (second * NS, (second + 1) * NS)
        items.append(gap(*times, track="mix") if second in missing else chunk(*times, sound(second), track="mix"))
    land(store, *items)
    end(store, 6)
    held = {second: said for second, said in _spoken_by_chunk(words).items() if second not in missing}
    keep(store, *(result(sound(second), said) for second, said in held.items()))


def _unbroken(start: int, stop: int, missing: set[int], within: tuple[int, int], reach: int) -> bool:
    """Whether all of a word is in chunks that are there and in the range, but for what an engine may be wrong by."""
    if not within[0] <= start < within[1] or start // 100 in missing:
        return False
    shown = start
    while shown < within[1] and shown // 100 not in missing:
        shown += 1
    return stop <= shown + reach


@given(_talk(), st.sets(st.integers(0, 5), max_size=2), st.integers(0, 590), st.integers(10, 600))
def test_a_clip_tells_every_word_that_lies_in_what_it_shows_once_and_no_other(
    tmp_path_factory: pytest.TempPathFactory,
    words: list[tuple[int, int, str]],
    missing: set[int],
    from_: int,
    length: int,
) -> None:
    within = (from_, min(from_ + length, 600))
    with new_store(tmp_path_factory.mktemp("spoken") / "store", creation()) as store:
        _talked(store, words, missing)
        derive(store, "clip", (SESSION, within[0] / 100, within[1] / 100))
        for session, range_ in ((SESSION, (0, 600)), ("clip", within)):
            expected = [
                (start - range_[0], stop - range_[0], text)
                for start, stop, text in words
                if _unbroken(start, stop, missing, range_, 25)
            ]
            told = [(round(start * 100), round(stop * 100), text) for start, stop, text in words_of(store, session)]
            assert told == expected


@given(_talk(), st.integers(0, 9), st.integers(0, 590), st.integers(10, 300))
def test_an_utterance_is_found_again_by_when_it_begins(
    tmp_path_factory: pytest.TempPathFactory,
    words: list[tuple[int, int, str]],
    missing: int,
    from_: int,
    length: int,
) -> None:
    """A search knows only where it began; else a hit leads to nothing."""
    with new_store(tmp_path_factory.mktemp("spoken") / "store", creation()) as store:
        _talked(store, words, {missing})
        derive(store, "clip", (SESSION, from_ / 100, min(from_ + length, 600) / 100))
        for session in (SESSION, "clip"):
            for said in said_in(store, session):
                assert said in said_from(store, said.start_ns, session)


@given(_talk(), st.integers(0, 590), st.integers(1, 300))
def test_no_word_of_a_forgotten_range_is_told_by_anybody(
    tmp_path_factory: pytest.TempPathFactory, words: list[tuple[int, int, str]], from_: int, length: int
) -> None:
    to = min(from_ + length, 600)
    with new_store(tmp_path_factory.mktemp("spoken") / "store", creation()) as store:
        _talked(store, words, set())
        derive(store, "clip", (SESSION, 1.5, 4.5))
        forget(store, from_ / 100, to / 100)
        doomed = {text for start, stop, text in words if start < to and stop > from_}
        for session in (SESSION, "clip"):
            assert not doomed.intersection(texts(store, session))


@given(_talk())
def test_utterances_have_every_word_once_in_order_and_break_where_they_must(words: list[tuple[int, int, str]]) -> None:
    spoken_words = [Spoken(start * _CENT, stop * _CENT, text, 1.0) for start, stop, text in words]
    found = list(telling.in_one_go("mix", spoken_words))
    assert [word for said in found for word in said.words] == spoken_words
    for said in found:
        assert said.end_ns - said.start_ns <= telling.UTTERANCE_NS_MAX or len(said.words) == 1
        assert not any(word.text.endswith(".") for word in said.words[:-1])
        for before, after in zip(said.words, said.words[1:], strict=False):
            assert after.start_ns - before.end_ns <= telling.PAUSE_NS
