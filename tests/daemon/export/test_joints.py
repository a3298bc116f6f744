"""Derived sessions as a player shows them. Harm guarded against: a wrong picture after a joint, a file that plays
hidden pictures, and a day encoded again for one cut."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeld.export.tracks import TrackSource
from reeld.export.window import Window
from reeld.media.fragments import Sample, parse_chunk, parse_init
from reeld.store import sessions
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from tests.daemon.export.cutting import FPS, capture, check, derive, film
from tests.daemon.export.recording import NS, Recording
from tests.daemon.export.test_remux import beep, beeps
from tests.daemon.store.builders import creation

SESSION = "20261122-170509-test"


@pytest.fixture
def store(recording: Recording) -> StoreEnvironment:
    capture(recording, 150, keyframes=(0, 60, 120))
    recording.sound(0, 5.0, beep(1.0, 2.5, 4.0))
    recording.finish(5.0)
    return recording.store


def shown_at(pictures: list[tuple[float, int]], at_s: float) -> int:
    """What is on view at an instant."""
    return [number for time_s, number in pictures if time_s <= at_s + 1e-4][-1]


def test_a_clip_inside_a_group_of_pictures_plays_from_the_exact_time(store: StoreEnvironment, tmp_path: Path) -> None:
    derive(store, "clip", (SESSION, 1.15, 3.05))
    check(store)
    shown = film(store, "clip", tmp_path / "clip.mp4")
    assert [number for _, number in shown.pictures] == list(range(34, 92))
    assert shown.pictures[0][0] == 0
    for time_s, number in shown.pictures[1:]:
        assert time_s + 1.15 == pytest.approx(number / FPS, abs=1e-4)
    assert beeps(shown.sounds[0])[-1][0] == pytest.approx(1.35, abs=0.03)


def test_a_part_of_a_clip_of_a_clip_plays_from_the_exact_time(store: StoreEnvironment, tmp_path: Path) -> None:
    derive(store, "clip", (SESSION, 1.15, 4.5))
    derive(store, "second", ("clip", 0.5, 3.0))
    shown = film(store, "second", tmp_path / "part.mp4", 0.25, 1.0)
    # 1.9 s of the recording.
    assert [number for _, number in shown.pictures] == list(range(57, 80))


def test_a_merge_shows_the_right_picture_on_both_sides_of_every_joint(store: StoreEnvironment, tmp_path: Path) -> None:
    parts = [(1.15, 2.35), (4.21, 4.8), (0.5, 1.0), (2.0, 3.0)]
    derive(store, "merge", *((SESSION, *part) for part in parts))
    check(store)
    shown = film(store, "merge", tmp_path / "merge.mp4")
    base_s = 0.0
    for from_s, to_s in parts:
        for tenth in range(round((to_s - from_s) * 20)):
            at_s = from_s + tenth / 20 + 0.01
            assert shown_at(shown.pictures, base_s + at_s - from_s) == int(at_s * FPS + 1e-6), at_s
        base_s += to_s - from_s
    assert shown.duration_s == pytest.approx(base_s, abs=0.002)
    assert all(after > before for (before, _), (after, _) in pairwise(shown.pictures))


def test_only_what_a_joint_needs_is_encoded_again(store: StoreEnvironment) -> None:
    derive(store, "merge", (SESSION, 0, 1.0), (SESSION, 1.5, 4.0))
    reader = StoreReader(store)
    outline = reader.outline("merge").tracks[0]
    source = TrackSource.open(reader, "merge", outline, Window(0, round(3.5 * NS)))
    assert source is not None
    samples = list(source.samples())
    source.close()
    stored = {bytes(each.data) for each in _stored(store, outline.id)}
    copied = [bytes(sample.data) in stored for sample in samples]
    # Frames 45 to 59 lie between the joint and the key frame at 2 s.
    assert len(copied) == 105
    assert all(copied[:30])
    assert not copied[30]
    assert all(copied[45:])


def _stored(store: StoreEnvironment, track: str) -> list[Sample]:
    reader = StoreReader(store)
    return [
        sample
        for segment in reader.segments(SESSION, track)
        for sample in parse_chunk(reader.chunk(segment.chunk), parse_init(reader.chunk(segment.init)))
    ]


def test_media_of_foreign_encoders_is_encoded_again_as_a_whole(recording: Recording, tmp_path: Path) -> None:
    recording.video([index / 30 for index in range(90)], 3.0, keyframe_every=60)
    recording.finish(3.0)
    derive(recording.store, "merge", (recording.session, 0, 1.0), (recording.session, 1.5, 3.0))
    shown = film(recording.store, "merge", tmp_path / "film.mp4")
    assert [number for _, number in shown.pictures] == [*range(30), *range(45, 90)]
    assert [time for time, _ in shown.pictures] == pytest.approx([index / 30 for index in range(75)], abs=1e-4)


def test_recordings_of_different_size_merge_at_the_size_of_the_first(tmp_path: Path) -> None:
    recording = Recording.new(tmp_path / "store", tracks=("video-1",))
    capture(recording, 30)
    recording.finish(1.0)
    other = Recording(recording.store, session="20261122-180000-else", tracks=("video-1",))
    other.session = _created(other)
    capture(other, 30, first_number=40, size=(320, 192))
    other.finish(1.0)
    derive(recording.store, "merge", (recording.session, 0, None), (other.session, 0, None))
    shown = film(recording.store, "merge", tmp_path / "film.mp4")
    assert [number for _, number in shown.pictures] == [*range(30), *range(40, 70)]
    recording.store.close()


def _created(recording: Recording) -> str:
    with recording.store.write() as txn:
        sessions.create(txn, creation(recording.session, tracks=tuple(recording.tracks)))
    return recording.session


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_cut_shows_the_picture_of_its_time(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("cuts")
    recording = Recording.new(folder / "store", tracks=("video-1", "mix"))
    capture(recording, 90, keyframes=sorted({0, *data.draw(st.lists(st.sampled_from((20, 40, 60)), max_size=2))}))
    recording.sound(0, 3.0, beep(1.0))
    recording.finish(3.0)
    parts = []
    for _ in range(data.draw(st.integers(1, 3))):
        from_s = data.draw(st.integers(0, 280)) / 100
        parts.append((from_s, data.draw(st.integers(round(from_s * 100) + 10, 300)) / 100))
    derive(recording.store, "merge", *((recording.session, *part) for part in parts))
    pictures = film(recording.store, "merge", folder / "film.mp4").pictures
    recording.store.close()
    base_s = 0.0
    for from_s, to_s in parts:
        for step in range(10):
            at_s = from_s + (to_s - from_s) * (step + 0.5) / 10
            found = shown_at(pictures, base_s + at_s - from_s)
            # Exactly at a change of pictures either is right.
            assert found in {int((at_s - 0.001) * FPS), int((at_s + 0.001) * FPS)}, (parts, at_s)
        base_s += to_s - from_s
