"""Ranges taken out of sessions and looked for everywhere. Harm guarded against: one picture, or one packet of sound, of
what was to be forgotten that anybody can still see or hear; and media lost that nobody asked to lose."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld.store.staging import FOLDER
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import GapReason
from reeld_proto.store_orders import ForgetMedia, RemoveSession
from reeld_proto.workers import RecordMarker
from tests.daemon.export.cutting import (
    FPS,
    capture,
    carry_out,
    check,
    derive,
    film,
    forget,
    held_numbers,
    made_anew,
    redact,
)
from tests.daemon.export.recording import NS, RATE, Recording
from tests.daemon.export.test_remux import beep, beeps

FRAMES = 150


@pytest.fixture
def store(recording: Recording) -> StoreEnvironment:
    """Five seconds, key frames at 0, 2 and 4 s, beeps at 1, 2.5 and 4 s."""
    capture(recording, FRAMES, keyframes=(0, 60, 120))
    recording.sound(0, 5.0, beep(1.0, 2.5, 4.0))
    recording.finish(5.0)
    return recording.store


SESSION = "20261122-170509-test"


def numbers(store: StoreEnvironment, session: str, path: Path) -> list[int]:
    return [number for _, number in film(store, session, path / "film.mp4").pictures]


def test_a_redacted_session_closes_up_and_holds_nothing_of_the_range(store: StoreEnvironment, tmp_path: Path) -> None:
    made = redact(store, SESSION, 2.4, 2.8, "redacted")
    check(store)
    shown = film(store, "redacted", tmp_path / "film.mp4")
    assert [number for _, number in shown.pictures] == [*range(72), *range(84, 150)]
    assert [time for time, _ in shown.pictures] == pytest.approx([index / 30 for index in range(138)], abs=1e-4)
    assert shown.duration_s == pytest.approx(4.6, abs=0.001)
    assert [start for start, _ in beeps(shown.sounds[0])] == pytest.approx([1.0, 3.6], abs=0.03)
    # The original is deleted: what is left is what the new session holds.
    whole = StoreReader(store).show(SESSION).bytes
    assert 0 < made.new_bytes < whole / 2, "no more than up to the next key frame is encoded again"
    held = _held_by(store, "redacted")
    assert not held & set(range(72, 84))


def _held_by(store: StoreEnvironment, session: str) -> set[int]:
    others = [info.session for info in StoreReader(store).list_sessions() if info.session != session]
    for other in others:
        carry_out(store, RemoveSession(session=other, reason="test"))
    return held_numbers(store)


def test_forgetting_reaches_everything_that_holds_the_range(store: StoreEnvironment, tmp_path: Path) -> None:
    derive(store, "clip", (SESSION, 1.15, 3.05))
    derive(store, "hides", (SESSION, 2.9, 3.5))  # shows nothing of the range, but its preroll holds it
    derive(store, "before", (SESSION, 0.5, 2.38))  # shows nothing of it, but its last chunk holds it
    derive(store, "merge", ("clip", 0, None), (SESSION, 4.2, 4.8), (SESSION, 0.5, 1.0))
    derive(store, "far", (SESSION, 4.2, 4.8))
    receipt = forget(store, SESSION, 2.4, 2.8)
    check(store)
    assert held_numbers(store) == set(range(150)) - set(range(72, 84))
    assert set(receipt.sessions) == {SESSION, "clip", "hides", "before", "merge"}
    assert receipt.gone
    assert receipt.kept == []
    assert receipt.new_bytes > 0
    assert numbers(store, SESSION, tmp_path) == [*range(72), *range(84, 150)]
    assert numbers(store, "clip", tmp_path) == [*range(34, 72), *range(84, 92)]
    assert numbers(store, "hides", tmp_path) == list(range(87, 105))
    assert numbers(store, "before", tmp_path) == list(range(15, 72))
    assert numbers(store, "merge", tmp_path) == [*range(34, 72), *range(84, 92), *range(126, 144), *range(15, 30)]
    assert [start for start, _ in beeps(film(store, SESSION, tmp_path / "f.mp4").sounds[0])] == pytest.approx(
        [1.0, 4.0], abs=0.03
    )


def test_length_stays_and_the_range_is_a_gap_on_every_track(store: StoreEnvironment, tmp_path: Path) -> None:
    forget(store, SESSION, 2.4, 2.8)
    info = StoreReader(store).show(SESSION)
    assert info.duration_s == 5.0
    assert film(store, SESSION, tmp_path / "film.mp4").duration_s == pytest.approx(5.0, abs=0.001)
    gaps = [gap for gap in info.gaps if gap.reason is GapReason.FORGOTTEN]
    assert {gap.track for gap in gaps} == {"video-1", "mix", "mic", "system"}
    for gap in gaps:
        # Two packets before the range reach into it, and one after it begins in it.
        assert 2.4 - 3 * 1024 / RATE <= gap.media_start_s <= 2.4
        assert 2.8 <= gap.media_end_s <= 2.8 + 1024 / RATE + 0.001


def test_forgetting_a_range_that_was_redacted_and_encoded_again_elsewhere_finds_it_there(
    store: StoreEnvironment,
) -> None:
    # The redaction holds 2.8 s to 4 s under other digests than the original.
    redact(store, SESSION, 2.4, 2.8, "redacted")
    receipt = forget(store, SESSION, 3.0, 3.2)
    check(store)
    assert "redacted" in receipt.sessions
    assert not held_numbers(store) & set(range(90, 96))


def test_forgetting_in_a_clip_reaches_the_recording_and_its_other_clips(store: StoreEnvironment) -> None:
    derive(store, "one", (SESSION, 2.0, 4.0))
    derive(store, "two", (SESSION, 1.0, 3.0))
    receipt = forget(store, "one", 0.4, 0.8)
    assert set(receipt.sessions) == {"one", "two", SESSION}
    assert not held_numbers(store) & set(range(72, 84))
    check(store)


def test_a_session_of_other_media_is_not_touched(store: StoreEnvironment, recording: Recording) -> None:
    other = Recording(store, session="20261122-180000-else", _seq=recording._seq)
    before = StoreReader(store).show(SESSION)
    assert other.session not in forget(store, SESSION, 2.4, 2.8).sessions
    assert before.bytes > StoreReader(store).show(SESSION).bytes


def test_markers_of_the_range_go_too_because_words_tell(store: StoreEnvironment) -> None:
    for at_s, text in ((2.39, "before"), (2.5, "secret"), (2.8, "after")):
        carry_out(store, RecordMarker(session=SESSION, media_ns=round(at_s * NS), text=text))
    derive(store, "clip", (SESSION, 2.0, 3.0))
    assert forget(store, SESSION, 2.4, 2.8).markers == 2
    for session in (SESSION, "clip"):
        assert [marker.text for marker in StoreReader(store).show(session).markers] == ["before", "after"]


def test_asked_again_it_gives_the_same_receipt(store: StoreEnvironment) -> None:
    # The store may be asked twice for one order when it restarts: the second answer must not be an empty receipt.
    first = forget(store, SESSION, 2.4, 2.8)
    assert forget(store, SESSION, 2.4, 2.8) == first


def test_without_what_was_staged_the_margins_go_rather_than_the_promise(store: StoreEnvironment) -> None:
    carry_out(store, ForgetMedia(session=SESSION, from_ns=round(2.4 * NS), to_ns=round(2.8 * NS)))
    check(store)
    assert held_numbers(store) == {*range(70), *range(120, 150)}


def test_the_whole_of_a_session_can_be_forgotten(store: StoreEnvironment) -> None:
    forget(store, SESSION, 0, 5.0)
    check(store)
    assert held_numbers(store) == set()
    assert StoreReader(store).show(SESSION).bytes == 0


@pytest.mark.parametrize("range_s", [(-1.0, 2.0), (6.0, 7.0), (1.0, 8.0), (2.0, 2.0)])
def test_a_bad_range_changes_nothing_and_leaves_nothing(store: StoreEnvironment, range_s: tuple[float, float]) -> None:
    with pytest.raises(RequestRejected) as caught:
        forget(store, SESSION, *range_s)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert caught.value.remedy
    assert held_numbers(store) == set(range(150))
    assert not list(store.path.glob(f"{FOLDER}/*"))


def test_a_recording_that_goes_on_must_be_stopped_first(recording: Recording) -> None:
    capture(recording, 30)
    with pytest.raises(RequestRejected) as caught:
        made_anew(recording.store, SESSION, 0.2, 0.4)
    assert caught.value.code is ErrorCode.WRONG_STATE
    assert "stop" in caught.value.remedy


def test_a_still_screen_keeps_its_picture_when_the_range_shows_nothing_new(
    recording: Recording, tmp_path: Path
) -> None:
    capture(recording, 10)
    recording.gap("video-1", 1 / 3, 3.0, GapReason.HIDDEN)
    recording.finish(3.0)
    forget(recording.store, SESSION, 1.0, 2.0)
    check(recording.store)
    assert numbers(recording.store, SESSION, tmp_path) == list(range(10))


tenths = st.integers(0, 50).map(lambda each: each / 10)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_cut_and_forgotten_nothing_of_it_is_left_and_everything_else_is(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("property")
    recording = Recording.new(folder / "store", tracks=("video-1", "mix"))
    store = recording.store
    try:
        keyframes = sorted({0, *data.draw(st.lists(st.sampled_from(range(10, 150, 10)), max_size=4))})
        capture(recording, FRAMES, keyframes=keyframes)
        recording.sound(0, 5.0, lambda time_s: np.sin(2 * np.pi * 500 * time_s) * 0.5)
        recording.finish(5.0)
        names = [SESSION]
        for number in range(data.draw(st.integers(0, 3))):
            parts = []
            for _ in range(data.draw(st.integers(1, 2))):
                source = data.draw(st.sampled_from(names))
                end_ms = int(StoreReader(store).show(source).duration_s * 1000)
                start_ms = data.draw(st.integers(0, end_ms - 300))
                stop_ms = data.draw(st.integers(start_ms + 300, end_ms))
                parts.append((source, start_ms / 1000, stop_ms / 1000))
            names.append(derive(store, f"derived-{number}", *parts))
        start = data.draw(tenths.filter(lambda each: each < 4.9))
        end = data.draw(tenths.filter(lambda each: each > start))
        before = held_numbers(store)
        forget(store, SESSION, start, end)
        check(store)
        gone = {number for number in range(FRAMES) if start <= number / FPS < end}
        left = held_numbers(store)
        assert not left & gone
        # One picture at each end may fall to a rounding.
        assert len(before - gone - left) <= 2
    finally:
        store.close()
