"""Where a window of listening ends. Harms guarded against: a stage that never moves on, a voice that nobody listens
to, a word that is cut in two, and an engine that is given more than it can take."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.enrich.hearing import LOOK_S, QUIET_S, SILENT_LOOK_S, WINDOW_S, _window

Voices = list[tuple[float, float]]
EXACT_S = 1e-6


@st.composite
def voices_in(draw: st.DrawFn, longest_s: float) -> tuple[Voices, float]:
    """Stretches in which somebody speaks, in order, and how long the sound is."""
    voices, at_s = [], 0.0
    for _ in range(draw(st.integers(0, 12))):
        start_s = at_s + draw(st.sampled_from([0.0, 0.1, 0.5, 3.0, 29.0, 140.0]) | st.floats(0, 20))
        at_s = start_s + draw(st.sampled_from([0.05, 1.0, 27.9, 28.0, 61.0]) | st.floats(0.05, 20))
        voices.append((start_s, at_s))
    length_s = draw(st.floats(0.01, 30)) + at_s if voices else draw(st.floats(0.01, longest_s))
    return voices, length_s


def ahead(voices: Voices, from_s: float, to_s: float) -> Voices:
    """The voices in a part of the sound, as an engine tells them of it."""
    inside = [(max(start_s, from_s) - from_s, min(end_s, to_s) - from_s) for start_s, end_s in voices]
    return [(start_s, end_s) for start_s, end_s in inside if end_s > max(0.0, start_s)]


def spoken_s(voices: Voices, to_s: float) -> float:
    """How long somebody speaks before an instant."""
    return sum(min(end_s, to_s) - start_s for start_s, end_s in voices if start_s < to_s)


@given(voices_in(200), st.booleans())
def test_it_always_moves_on_and_never_beyond_what_there_is(found: tuple[Voices, float], last: bool) -> None:
    voices, length_s = found
    last = last or length_s < LOOK_S  # what is followed by more was looked through so far
    span_s, listens = _window(voices, length_s, last=last)
    assert 0 < span_s <= length_s
    if listens:
        assert spoken_s(voices, span_s) <= WINDOW_S + EXACT_S
    else:
        assert all(start_s >= span_s for start_s, _ in voices)


@given(voices_in(200))
def test_a_window_ends_where_nobody_speaks_unless_somebody_never_stops(found: tuple[Voices, float]) -> None:
    voices, length_s = found
    length_s = max(length_s, LOOK_S)
    span_s, listens = _window(voices, length_s, last=False)
    if any(start_s + EXACT_S < span_s < end_s - EXACT_S for start_s, end_s in voices):
        assert listens
        assert span_s == min(voices[0][0] + WINDOW_S, length_s)
        assert voices[0][1] - voices[0][0] > WINDOW_S or (voices[0][1] + QUIET_S / 2 > length_s)


@given(voices_in(400))
def test_window_after_window_everything_is_passed_and_every_voice_is_listened_to(
    found: tuple[Voices, float],
) -> None:
    voices, end_s = found
    at_s, look_s, calls = 0.0, LOOK_S, 0
    heard: Voices = []
    while at_s < end_s:
        left_s = end_s - at_s
        near = ahead(voices, at_s, at_s + min(look_s, left_s))
        last = left_s <= look_s
        span_s, listens = _window(near, min(look_s, left_s), last=last)
        assert span_s > 0
        if listens:
            heard.append((at_s, at_s + span_s))
            calls += 1
        look_s = LOOK_S if near else SILENT_LOOK_S
        at_s = end_s if last and span_s >= left_s else at_s + span_s
    for start_s, stop_s in voices:
        parts = [max(0.0, min(stop_s, to_s) - max(start_s, from_s)) for from_s, to_s in heard]
        assert abs(sum(parts) - (stop_s - start_s)) < EXACT_S * (1 + len(heard))
    assert calls <= 1 + 2 * len(voices) + end_s / (WINDOW_S / 2)


def test_silence_is_passed_without_listening_up_to_where_somebody_may_begin() -> None:
    assert _window([], SILENT_LOOK_S, last=False) == (SILENT_LOOK_S - QUIET_S, False)
    assert _window([], SILENT_LOOK_S, last=True) == (SILENT_LOOK_S, False)


def test_a_voice_far_ahead_is_gone_to_and_its_first_letter_is_heard() -> None:
    span_s, listens = _window([(50.0, 60.0)], SILENT_LOOK_S, last=False)
    assert (span_s, listens) == (50.0 - QUIET_S / 2, False)


def test_the_longest_stretch_that_ends_in_a_pause_is_taken() -> None:
    assert _window([(1, 10), (12, 20), (24, 40)], 60, last=False) == (22, True)


def test_silence_between_sentences_does_not_count() -> None:
    """Harm: an engine that takes half a minute at a time is called twice as often where people pause."""
    assert _window([(1, 10), (20, 29), (39, 48), (52, 56)], LOOK_S, last=False) == (50, True)


def test_the_end_of_a_session_is_listened_to_in_one() -> None:
    assert _window([(1, 10), (12, 27.9)], WINDOW_S, last=True) == (WINDOW_S, True)
    assert _window([(1, 10), (30, 40)], 50, last=True) == (50, True)


def test_who_never_stops_is_cut_at_the_length_an_engine_can_take() -> None:
    assert _window([(0, 100)], 112, last=False) == (WINDOW_S, True)
    assert _window([(0, 28)], WINDOW_S, last=False) == (WINDOW_S, True)
    assert _window([(5, 56)], LOOK_S, last=False) == (5 + WINDOW_S, True)
