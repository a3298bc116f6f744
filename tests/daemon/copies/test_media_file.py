"""Ordinary media files. Harms guarded against: pictures or sound that are lost, moved, or encoded without need."""

from pathlib import Path

import av
import numpy as np
import pytest

from reeld.export.remux import export
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld_proto.records import SessionInfo
from reeld_proto.workers import RunExport
from tests.daemon.copies.builders import checked
from tests.daemon.copies.importer import imported
from tests.daemon.copies.samples import Sample, write_wav
from tests.daemon.export.recording import RATE, Film, watch
from tests.support.media import tone_level_db

FRAME_S = 1 / 30


@pytest.fixture
def store_dir(tmp_path: Path) -> Path:
    StoreEnvironment.open_write(tmp_path / "store").close()
    return tmp_path / "store"


def there_and_back(store_dir: Path, path: Path, **part: float) -> tuple[SessionInfo, Film]:
    """Import a file and export it again: what the store says, and what a player shows."""
    (session,) = imported(store_dir, path)
    assert checked(store_dir).ok
    reader = StoreReader.open(store_dir)
    out = store_dir.parent / "out.mp4"
    order = RunExport(
        store=str(store_dir),
        session=session,
        path=str(out),
        from_s=part.get("from_s"),
        to_s=part.get("to_s"),
        tracks=[],
    )
    export(reader, order)
    info = reader.show(session)
    reader.close()
    return info, watch(out)


def packets_of(path: Path, kind: str) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(**{kind: 0}) if packet.size]


@pytest.mark.parametrize("name", ["film.mp4", "film.mov", "film.mkv"])
@pytest.mark.parametrize("b_frames", ["0", "3"])
def test_h264_and_aac_are_not_encoded_again(store_dir: Path, tmp_path: Path, name: str, b_frames: str) -> None:
    path = Sample(options={"bf": b_frames, "b_strategy": "0"}).write(tmp_path / name)
    info, film = there_and_back(store_dir, path)
    assert [(track.kind, track.codec) for track in info.tracks] == [("video", "h264"), ("audio", "aac")]
    assert packets_of(tmp_path / "out.mp4", "video") == packets_of(path, "video")
    assert set(packets_of(tmp_path / "out.mp4", "audio")) <= set(packets_of(path, "audio"))
    original = watch(path)
    assert [number for _, number in film.pictures] == list(range(90))
    for (at_s, _), (was_s, _) in zip(film.pictures, original.pictures, strict=True):
        assert at_s == pytest.approx(was_s, abs=0.001)
    assert info.duration_s == pytest.approx(original.duration_s, abs=FRAME_S)
    assert film.duration_s == pytest.approx(original.duration_s, abs=FRAME_S)


@pytest.mark.parametrize("b_frames", ["0", "3"])
def test_chunks_are_two_seconds_at_most_and_cut_at_key_frames(store_dir: Path, tmp_path: Path, b_frames: str) -> None:
    path = Sample(pictures=200, options={"bf": b_frames, "sc_threshold": "0"}).write(tmp_path / "film.mp4")
    (session,) = imported(store_dir, path)
    reader = StoreReader.open(store_dir)
    segments = list(reader.segments(session, "video-1"))
    sounds = list(reader.segments(session, "audio-1"))
    reader.close()
    assert max(each.end_ns - each.start_ns for each in segments + sounds) <= 2_100_000_000
    assert all(each.keyframe for each in segments)
    assert segments[0].start_ns == 0


def test_a_part_of_a_film_with_b_frames_begins_with_the_right_picture(store_dir: Path, tmp_path: Path) -> None:
    path = Sample(options={"bf": "3"}).write(tmp_path / "film.mp4")
    _, film = there_and_back(store_dir, path, from_s=1.5, to_s=2.5)
    shown = [number for _, number in film.pictures]
    assert shown[:30] == list(range(45, 75))
    assert len(shown) <= 31  # the last one shown builds on one after it


@pytest.mark.parametrize(("codec", "name"), [("mpeg4", "film.mkv"), ("mpeg4", "film.mp4"), ("mjpeg", "film.mov")])
def test_other_pictures_are_encoded_at_their_own_times(store_dir: Path, tmp_path: Path, codec: str, name: str) -> None:
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = Sample(codec=codec, format=pixels, options={"b": "4M"}).write(tmp_path / name)
    info, film = there_and_back(store_dir, path)
    assert info.tracks[0].codec == "h264"
    original = watch(path)
    assert [at for at, _ in film.pictures] == pytest.approx([at for at, _ in original.pictures], abs=0.001)
    near = [abs(number - was) <= 1 for (_, number), (_, was) in zip(film.pictures, original.pictures, strict=True)]
    assert sum(near) >= 88
    assert film.duration_s == pytest.approx(original.duration_s, abs=FRAME_S)


def test_odd_sizes_are_made_even(store_dir: Path, tmp_path: Path) -> None:
    path = Sample(codec="ffv1", size=(161, 97), tone_hz=0, format="yuv444p", pictures=30).write(tmp_path / "film.mkv")
    info, film = there_and_back(store_dir, path)
    assert len(film.pictures) == 30
    assert [track.kind for track in info.tracks] == ["video"]
    with av.open(str(tmp_path / "out.mp4")) as out:
        assert (out.streams.video[0].width, out.streams.video[0].height) == (160, 96)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_a_wav_file_sounds_as_before(store_dir: Path, tmp_path: Path, rate: int) -> None:
    path = write_wav(tmp_path / "note.wav", rate=rate)
    info, film = there_and_back(store_dir, path)
    assert (info.name, info.tracks[0].codec, info.duration_s) == ("note", "aac", 3.0)
    first_s, sound = film.sounds[0]
    middle = sound[RATE:-RATE]
    assert first_s == pytest.approx(0, abs=0.001)
    assert len(sound) / RATE == pytest.approx(3.0, abs=0.03)
    assert tone_level_db(middle, 440) == pytest.approx(20 * np.log10(0.5), abs=0.5)


def test_other_sound_beside_pictures_keeps_its_place(store_dir: Path, tmp_path: Path) -> None:
    path = Sample(sound_codec="flac").write(tmp_path / "film.mkv")
    info, film = there_and_back(store_dir, path)
    assert [track.codec for track in info.tracks] == ["h264", "aac"]
    assert film.duration_s == pytest.approx(3.0, abs=FRAME_S)
    assert tone_level_db(film.sounds[0][1][RATE:-RATE], 440) > -7


def test_the_session_is_from_when_the_file_says(store_dir: Path, tmp_path: Path) -> None:
    path = Sample(pictures=10, metadata={"creation_time": "2020-02-03T04:05:06.000000Z"}).write(tmp_path / "film.mp4")
    (session,) = imported(store_dir, path, name="my film", tags=["trip"])
    reader = StoreReader.open(store_dir)
    info = reader.show(session)
    reader.close()
    assert info.started_at.startswith("2020-02-03T04:05:06.000")
    assert (info.name, info.tags, info.state) == ("my film", ["trip"], "completed")


def test_two_tracks_of_sound_are_both_there(store_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "two.mkv"
    write_wav(tmp_path / "a.wav")
    write_wav(tmp_path / "b.wav", seconds=2.0, tone_hz=1000)
    with av.open(str(path), "w") as out:
        sources = [av.open(str(tmp_path / name)) for name in ("a.wav", "b.wav")]
        pairs = [(source, out.add_stream_from_template(source.streams[0])) for source in sources]
        for source, stream in pairs:
            for packet in source.demux():
                if packet.size:
                    packet.stream = stream
                    out.mux(packet)
            source.close()
    info, film = there_and_back(store_dir, path)
    assert [track.id for track in info.tracks] == ["audio-1", "audio-2"]
    assert [(gap.track, gap.reason) for gap in info.gaps] == [("audio-2", "absent")]
    assert tone_level_db(film.sounds[1][1][RATE // 2 : RATE], 1000) > -7
