"""Listening to sound. Harms guarded against: words that are lost, told twice or at the wrong time where windows, chunks
or clips meet; silence that costs as much as speech; sound that is listened to again and again."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeld.enrich.hearing import SILENT_LOOK_S
from reeld.enrich.listening import Listening
from reeld.enrich.stages import keys_also
from reeld.store import sessions
from reeld.store.spoken import said_in
from reeld_proto.enrich_orders import EngineChoice
from reeld_proto.sound_graph import SoundCodec
from tests.daemon.enrich.library import Shelf
from tests.support.toy_engines import BEEP_S, ToyListener, spelled

EXACT_S = 0.03
NUMBERS = itertools.count()


def listen(shelf: Shelf, session: str, engine: ToyListener) -> Listening:
    run = Listening(shelf.reader, session, engine, "")
    shelf.take_all(run, session)
    return run


def heard(shelf: Shelf, session: str) -> dict[str, list[tuple[float, str]]]:
    found: dict[str, list[tuple[float, str]]] = {}
    with shelf.store.read() as txn:
        for said in said_in(txn, sessions.load(txn, session)):
            found.setdefault(said.track, []).extend((word.start_ns / 1e9, word.text.strip()) for word in said.words)
    return found


def check(found: list[tuple[float, str]], words: dict[float, int]) -> None:
    assert [text for _, text in found] == [spelled(word) for _, word in sorted(words.items())]
    assert all(abs(at_s - wanted_s) <= EXACT_S for (at_s, _), wanted_s in zip(found, sorted(words), strict=True))


def test_words_are_told_on_their_tracks_at_their_times(shelf: Shelf) -> None:
    words = {"mic": {1.0: 1, 3.3: 2, 9.7: 3}, "system": {2.0: 9, 2.6: 8}}
    session = shelf.talk("s", words, 12.0)
    engine = ToyListener()
    run = listen(shelf, session, engine)
    found = heard(shelf, session)
    assert set(found) == set(words)
    for track, wanted in words.items():
        check(found[track], wanted)
    assert (run.total, run.cached, engine.calls) == (24, 0, 2)


def test_silence_calls_no_engine_and_is_never_listened_to_again(shelf: Shelf) -> None:
    session = shelf.talk("s", {"mic": {}}, 300.0, codec=SoundCodec.OPUS)
    for cached in (0, 300):
        engine = ToyListener()
        run = listen(shelf, session, engine)
        assert (engine.calls, run.cached, heard(shelf, session)) == (0, cached, {})


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pauses=st.lists(st.floats(0.5, 12.0), min_size=1, max_size=14))
def test_wherever_windows_end_no_word_is_lost_or_told_twice(shelf: Shelf, pauses: list[float]) -> None:
    words: dict[float, int] = {}
    at_s = 0.0
    for number, pause in enumerate(pauses, 1):
        at_s = round(at_s + pause + BEEP_S, 2)
        words[at_s] = number
    session = shelf.talk(f"s{next(NUMBERS)}", {"mic": words}, at_s + 1.0)
    engine = ToyListener()
    listen(shelf, session, engine)
    check(heard(shelf, session)["mic"], words)
    assert max(engine.windows) <= SILENT_LOOK_S
    assert engine.listened_s <= at_s + 1.0 + EXACT_S


def test_a_clip_calls_no_engine_and_tells_only_words_that_it_has_whole(shelf: Shelf) -> None:
    words = {1.0: 1, 3.3: 2, 5.9: 3, 9.7: 4}
    session = shelf.talk("s", {"mic": words}, 12.0)
    listen(shelf, session, ToyListener())
    clip = shelf.clip(session, "clip", 3.4, 9.71)  # both ends lie in a word
    engine = ToyListener()
    listen(shelf, clip, engine)
    assert engine.calls == 0
    check(heard(shelf, clip)["mic"], {5.9 - 3.4: 3})


def test_a_clip_that_is_listened_to_first_leaves_the_rest_of_its_chunks_to_the_recording(shelf: Shelf) -> None:
    words = {0.4: 1, 1.4: 2, 2.6: 3, 3.5: 4}
    session = shelf.talk("s", {"mic": words}, 5.0)
    clip = shelf.clip(session, "clip", 1.0, 3.0)
    listen(shelf, clip, ToyListener())
    check(heard(shelf, clip)["mic"], {0.4: 2, 1.6: 3})
    listen(shelf, session, ToyListener())
    check(heard(shelf, session)["mic"], words)
    engine = ToyListener()
    listen(shelf, clip, engine)
    assert engine.calls == 0
    check(heard(shelf, clip)["mic"], {0.4: 2, 1.6: 3})


def test_after_an_interruption_only_the_rest_is_listened_to(shelf: Shelf) -> None:
    words = {float(at): at % 50 + 1 for at in range(1, 100, 2)}
    session = shelf.talk("s", {"mic": words}, 100.0)
    whole = ToyListener()
    shelf.keep(Listening(shelf.reader, session, whole, "").step(), session)
    rest = ToyListener()
    run = listen(shelf, session, rest)
    assert run.cached > 20
    assert rest.listened_s < 100 - run.cached + 3
    check(heard(shelf, session)["mic"], words)


def test_what_is_still_being_said_is_left_until_it_is_recorded(shelf: Shelf) -> None:
    session = "live"
    finished = shelf.talk(session, {"mic": {1.0: 1, 9.75: 2}}, 10.0)
    with shelf.store.write() as txn:
        record = sessions.load(txn, finished)
        record.end_ns = None
        sessions.save(txn, record)
    run = Listening(shelf.reader, session, ToyListener(), "")
    found = shelf.take_all(run, session)
    assert found[-1].finished
    assert heard(shelf, session) == {}, "somebody is in the middle of a word; the window is left for later"


@pytest.mark.parametrize("more_ns", [1, 20_000, 31_249, 40_000, 62_000])
def test_a_rest_shorter_than_a_frame_of_sound_does_not_go_on_for_ever(shelf: Shelf, more_ns: int) -> None:
    session = shelf.talk("s", {"mic": {1.0: 1, 2.0: 2}}, 4.0 + more_ns / 1e9)
    run = Listening(shelf.reader, session, ToyListener(), "")
    for _ in range(10):
        found = run.step()
        shelf.keep(found, session)
        if found.finished:
            break
    assert found.finished
    check(heard(shelf, session)["mic"], {1.0: 1, 2.0: 2})


def test_what_a_better_model_heard_is_not_listened_to_again(shelf: Shelf) -> None:
    """Harm: a laptop that is unplugged hears the whole day again with a smaller model."""
    session = shelf.talk("s", {"mic": {1.0: 1, 3.3: 2}}, 6.0)
    shelf.take_all(Listening(shelf.reader, session, ToyListener(version="1/large"), "model=large"), session)
    choice = EngineChoice(engine="toy", parameters={"model": "small"}, also=["huge", "large"])
    engine = ToyListener(version="1/small")
    also = keys_also(choice, engine.name, engine.version)
    run = Listening(shelf.reader, session, engine, "model=small", also)
    shelf.take_all(run, session)
    assert (run.total, run.cached, engine.calls) == (6, 6, 0)
    better = ToyListener(version="1/huge")
    run = Listening(shelf.reader, session, better, "model=huge", ())
    shelf.take_all(run, session)
    assert better.calls == 1, "a better one is worth it"


@pytest.mark.parametrize("first_s", [0.5, 61.0, 400.0])
def test_what_is_looked_at_is_heard_first_and_all_the_rest_after_it(shelf: Shelf, first_s: float) -> None:
    words = {
        track: {3.0 + shift + 8.0 * number: number % 60 + 1 for number in range(14)}
        for track, shift in (("mic", 0.0), ("system", 1.0))
    }
    session = shelf.talk("s", words, 120.0)
    run = Listening(shelf.reader, session, ToyListener(), "", (), round(first_s * 1e9))
    shelf.keep(run.step(), session)
    starts = [start_s for found in heard(shelf, session).values() for start_s, _ in found]
    if first_s == 61.0:
        assert min(starts) > 30
        assert any(start_s < 70 for start_s in starts)
    shelf.take_all(run, session)
    found = heard(shelf, session)
    for track, wanted in words.items():
        check(found[track], wanted)
