"""Sounds exported as files of their own. Harm guarded against: a frame too many or too few, and one that changed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.audio.samples import RATE
from reeld.export import jobs
from reeld.export.sound_file import export_sound, is_sound_file
from reeld.store.reader import StoreReader
from reeld_proto.commands import Exported
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import GapReason
from reeld_proto.sound_graph import SampleFormat, SoundCodec
from reeld_proto.workers import RunExport
from tests.daemon.audio.fakes import counting, numbers
from tests.daemon.audio.sounds import ffmpeg_decoded, ffprobe, shift_of, speech
from tests.daemon.export.recording import Recording

END = 5 * RATE


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    """Five seconds: a lossless mix that counts with a gap from 2 to 3 s, an AAC microphone, an Opus system."""
    made = Recording.new(tmp_path_factory.mktemp("talk") / "store")
    made.video([0.0], 5.0)
    made.samples(counting(0, 2 * RATE), codec=SoundCodec.FLAC)
    made.gap("mix", 2.0, 3.0, GapReason.DEVICE_LOST)
    made.samples(counting(3 * RATE, 2 * RATE), codec=SoundCodec.FLAC, first_frame=3 * RATE)
    made.samples(speech(END), codec=SoundCodec.AAC, track="mic")
    made.samples(speech(END), codec=SoundCodec.OPUS, track="system")
    made.finish(5.0)
    yield made
    made.store.close()


def order(recording: Recording, path: Path, **options: Any) -> RunExport:
    given_ = {"from_s": None, "to_s": None, "tracks": [], **options}
    return RunExport(store=str(recording.store.path), session=recording.session, path=str(path), **given_)


def run(recording: Recording, path: Path, **options: Any) -> Exported:
    exported = export_sound(StoreReader(recording.store), order(recording, path, **options))
    assert exported.bytes == path.stat().st_size
    assert [each.name for each in path.parent.iterdir() if "reeld-part" in each.name] == []
    return exported


def refused(recording: Recording, path: Path, **options: Any) -> RequestRejected:
    with pytest.raises(RequestRejected) as rejected:
        run(recording, path, **options)
    assert not path.exists()
    return rejected.value


@settings(deadline=None, max_examples=25)
@given(start_ns=st.integers(0, 4_900_000_000), length_ns=st.integers(1_000_000, 5_000_000_000))
def test_a_range_has_exactly_its_frames_and_gaps_are_silence(
    talk: Recording, tmp_path_factory: pytest.TempPathFactory, start_ns: int, length_ns: int
) -> None:
    from_s, to_s = start_ns / 1e9, min(5.0, (start_ns + length_ns) / 1e9)
    path = tmp_path_factory.getbasetemp() / "range.wav"
    exported = run(talk, path, from_s=from_s, to_s=to_s)
    out = ffmpeg_decoded(path)
    assert len(out) == round((to_s - from_s) * RATE)
    assert exported.duration_s == pytest.approx(len(out) / RATE, abs=1e-6)
    first = round(from_s * RATE)
    frames = range(first, first + len(out))
    assert numbers(out) == [-1 if 2 * RATE <= frame < 3 * RATE or frame >= END else frame for frame in frames]


@pytest.mark.parametrize("name", ["x.wav", "x.flac", "X.WAV"])
def test_a_lossless_track_comes_out_bit_for_bit(talk: Recording, tmp_path: Path, name: str) -> None:
    run(talk, tmp_path / name)
    expected = counting(0, END)
    expected[2 * RATE : 3 * RATE] = 0
    assert np.array_equal(ffmpeg_decoded(tmp_path / name), expected)


@pytest.mark.parametrize("samples", list(SampleFormat))
def test_samples_lie_as_they_were_asked_for(talk: Recording, tmp_path: Path, samples: SampleFormat) -> None:
    run(talk, tmp_path / "x.wav", samples=samples, to_s=1.0)
    found = ffprobe(tmp_path / "x.wav")
    assert found["codec_name"] == f"pcm_{'s' if samples != 'f32' else ''}{samples.value.replace('i', '')}le"
    assert found["duration_ts"] == RATE


@pytest.mark.parametrize("track", ["mic", "system"])
@pytest.mark.parametrize("name", ["x.wav", "x.flac", "x.opus", "x.ogg", "x.m4a"])
def test_every_track_becomes_every_kind_of_file_in_its_place(
    talk: Recording, tmp_path: Path, track: str, name: str
) -> None:
    path = tmp_path / name
    run(talk, path, tracks=[track], from_s=1.25, to_s=4.0)
    out = ffmpeg_decoded(path)
    frames = round(2.75 * RATE)
    assert frames <= len(out) <= frames + (1023 if name == "x.m4a" else 0)
    assert shift_of(out, speech(END)[round(1.25 * RATE) :], RATE) == 0


@pytest.mark.parametrize("track", ["mic", "system"])
def test_a_range_is_the_same_frames_of_the_whole(talk: Recording, tmp_path: Path, track: str) -> None:
    run(talk, tmp_path / "whole.wav", tracks=[track], samples=SampleFormat.F32)
    run(talk, tmp_path / "part.wav", tracks=[track], from_s=3.21, to_s=4.0, samples=SampleFormat.F32)
    whole, part = ffmpeg_decoded(tmp_path / "whole.wav"), ffmpeg_decoded(tmp_path / "part.wav")
    first = round(3.21 * RATE)
    assert np.abs(part - whole[first : first + len(part)]).max() < 1e-6


def test_one_that_lasts_to_the_next_frame_is_not_rounded_twice(recording: Recording, tmp_path: Path) -> None:
    """Harm: the end of a session lies between two frames, and an export of it has one less than it says."""
    recording.samples(counting(0, RATE + 1), codec=SoundCodec.FLAC)
    recording.finish(1.00001)
    run(recording, tmp_path / "x.wav")
    assert numbers(ffmpeg_decoded(tmp_path / "x.wav")) == list(range(RATE))


def test_the_mix_is_meant_and_otherwise_the_only_sound(talk: Recording, recording: Recording, tmp_path: Path) -> None:
    run(talk, tmp_path / "x.wav", to_s=1.0)
    assert numbers(ffmpeg_decoded(tmp_path / "x.wav")) == list(range(RATE))


def test_two_sounds_without_a_mix_are_asked_about(tmp_path: Path) -> None:
    made = Recording.new(tmp_path / "store", tracks=("mic", "system"))
    for track in made.tracks:
        made.samples(counting(0, RATE), codec=SoundCodec.FLAC, track=track)
    made.finish(1.0)
    rejected = refused(made, tmp_path / "x.wav")
    assert "mic, system" in str(rejected)
    assert "--track" in rejected.remedy
    run(made, tmp_path / "x.wav", tracks=["system"])
    made.store.close()


def test_the_only_sound_is_meant_whatever_its_name(tmp_path: Path) -> None:
    made = Recording.new(tmp_path / "store", tracks=("video-1", "mic"))
    made.samples(counting(0, RATE), codec=SoundCodec.FLAC, track="mic")
    made.finish(1.0)
    run(made, tmp_path / "x.wav")
    assert numbers(ffmpeg_decoded(tmp_path / "x.wav")) == list(range(RATE))
    made.store.close()


@pytest.mark.parametrize(
    ("tracks", "words"),
    [(["mix", "mic"], "one track"), (["video-1"], "no picture"), (["mix", "video-1"], "no picture")],
)
def test_what_one_sound_file_cannot_hold_is_refused_with_what_can(
    talk: Recording, tmp_path: Path, tracks: list[str], words: str
) -> None:
    rejected = refused(talk, tmp_path / "x.wav", tracks=tracks)
    assert words in str(rejected)
    assert ".mp4" in rejected.remedy


def test_faults_are_named_before_anything_is_written(talk: Recording, tmp_path: Path) -> None:
    assert refused(talk, tmp_path / "x.wav", tracks=["nonsense"]).code is ErrorCode.NOT_FOUND
    assert refused(talk, tmp_path / "x.wav", from_s=7.0).code is ErrorCode.INVALID_REQUEST
    assert refused(talk, tmp_path / "nowhere" / "x.wav").code is ErrorCode.NOT_FOUND
    assert "--samples" in refused(talk, tmp_path / "x.flac", samples=SampleFormat.I16).remedy


def test_a_session_without_sound_has_none_to_export(tmp_path: Path) -> None:
    made = Recording.new(tmp_path / "store", tracks=("video-1",))
    made.video([0.0], 1.0)
    made.finish(1.0)
    assert refused(made, tmp_path / "x.wav").code is ErrorCode.NOT_FOUND
    made.store.close()


def test_one_that_is_stopped_leaves_nothing_and_says_how_far_it_is(talk: Recording, tmp_path: Path) -> None:
    seen: list[tuple[float, float]] = []

    def progress(done: float, total: float) -> bool:
        seen.append((done, total))
        return done < 2.5

    with pytest.raises(RequestRejected, match="stopped") as rejected:
        export_sound(StoreReader(talk.store), order(talk, tmp_path / "x.wav"), progress)
    assert rejected.value.code is ErrorCode.WRONG_STATE
    assert seen == [(1.0, 5.0), (2.0, 5.0), (3.0, 5.0)]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x.wav", "x.flac"])
def test_a_full_disk_is_told_and_leaves_what_was_there(
    talk: Recording, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/full").exists():
        pytest.fail("this test needs /dev/full")
    path = tmp_path / name
    path.write_text("old")
    real = Path.with_name
    part = tmp_path / "part"
    part.symlink_to("/dev/full")
    monkeypatch.setattr(Path, "with_name", lambda self, new: part if "reeld-part" in new else real(self, new))
    with pytest.raises(RequestRejected, match="no room") as rejected:
        export_sound(StoreReader(talk.store), order(talk, path))
    assert rejected.value.code is ErrorCode.DISK_FULL
    assert path.read_text() == "old"


def test_sound_imported_at_an_odd_rate_becomes_opus_of_48_khz(recording: Recording, tmp_path: Path) -> None:
    recording.samples(speech(88_200, rate=44_100), codec=SoundCodec.FLAC, rate=44_100)
    recording.finish(2.0)
    run(recording, tmp_path / "x.opus")
    assert len(ffmpeg_decoded(tmp_path / "x.opus")) == 2 * RATE
    run(recording, tmp_path / "x.wav")
    assert ffprobe(tmp_path / "x.wav")["sample_rate"] == "44100"


def test_a_file_is_a_sound_by_its_ending() -> None:
    names = ("x.wav", "x.FLAC", "x.opus", "x.ogg", "x.m4a", "x.aac", "x.mp4", "x.mkv", "wav", "x")
    assert [is_sound_file(Path(name)) for name in names] == [True] * 6 + [False] * 4


def test_the_job_writes_a_sound_for_a_sound_file_and_a_film_otherwise(tmp_path: Path) -> None:
    made = Recording.new(tmp_path / "store")
    made.samples(counting(0, RATE), codec=SoundCodec.FLAC)
    made.finish(1.0)
    made.store.close()
    going: list[str] = []

    def progress(_session: str, path: str, _done: float, _all: float) -> bool:
        going.append(path)
        return True

    for name in ("x.wav", "x.mp4"):
        jobs.run(order(made, tmp_path / name), progress)
    assert (tmp_path / "x.wav").read_bytes()[:4] == b"RIFF"
    assert (tmp_path / "x.mp4").read_bytes()[4:8] == b"ftyp"
    assert set(going) == {str(tmp_path / "x.wav"), str(tmp_path / "x.mp4")}
    with pytest.raises(RequestRejected, match="only WAV"):
        jobs.run(order(made, tmp_path / "y.mp4", samples=SampleFormat.I16), progress)
