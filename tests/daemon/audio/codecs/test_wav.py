"""WAV files as other programs read them. Harm guarded against: a file that is cut, clipped wrongly or not opened."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.audio.codecs.wav import WavSink, packed
from reeld.audio.samples import RATE, Samples
from reeld_proto.sound_graph import SampleFormat
from tests.daemon.audio.sounds import ffmpeg_decoded, ffprobe, integers

CODECS = {
    SampleFormat.F32: "pcm_f32le",
    SampleFormat.I16: "pcm_s16le",
    SampleFormat.I24: "pcm_s24le",
    SampleFormat.I32: "pcm_s32le",
}
BITS = {SampleFormat.F32: 24, SampleFormat.I16: 16, SampleFormat.I24: 24, SampleFormat.I32: 24}


def written(path: Path, sound: Samples, samples: SampleFormat, block: int = 7200) -> WavSink:
    sink = WavSink(path, rate=RATE, channels=sound.shape[1], samples=samples)
    for start in range(0, len(sound), block):
        sink.write(sound[start : start + block])
    sink.finish()
    sink.close()
    return sink


@pytest.mark.parametrize("samples", list(SampleFormat))
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_bit_comes_back_from_another_program(tmp_path: Path, samples: SampleFormat, channels: int) -> None:
    sound = integers(RATE // 2 + 1, BITS[samples], channels)
    path = tmp_path / "x.wav"
    written(path, sound, samples)
    found = ffprobe(path)
    assert (found["codec_name"], found["sample_rate"], found["channels"]) == (CODECS[samples], "48000", channels)
    assert np.array_equal(ffmpeg_decoded(path, channels), sound)


def test_float_keeps_what_is_beyond_full_scale_and_integers_clip_it(tmp_path: Path) -> None:
    sound = np.array([[1.0, -1.0], [1.5, -1.5], [0.25, -0.25]], np.float32)
    path = tmp_path / "x.wav"
    written(path, sound, SampleFormat.F32)
    assert np.array_equal(ffmpeg_decoded(path), sound)
    for samples, bits in ((SampleFormat.I16, 16), (SampleFormat.I24, 24)):
        written(path, sound, samples)
        most = 1 - 2.0 ** (1 - bits)
        assert np.array_equal(ffmpeg_decoded(path), np.array([[most, -1], [most, -1], [0.25, -0.25]], np.float32))
    assert packed(sound, SampleFormat.I32)[:8] == (2**31 - 1).to_bytes(4, "little") + (2**31).to_bytes(4, "little")


@settings(max_examples=50)
@given(value=st.floats(-1, 1, width=32), samples=st.sampled_from([SampleFormat.I16, SampleFormat.I24]))
def test_a_sample_is_the_nearest_that_the_file_can_hold(value: float, samples: SampleFormat) -> None:
    width = 2 if samples is SampleFormat.I16 else 3
    full = 2 ** (8 * width - 1)
    found = int.from_bytes(packed(np.array([[value]], np.float32), samples), "little", signed=True)
    assert found == max(-full, min(full - 1, round(value * full)))


def test_a_file_whose_writer_was_killed_plays_up_to_the_last_second(tmp_path: Path) -> None:
    """Harm: nothing of an hour can be opened because its sizes were never written."""
    path = tmp_path / "x.wav"
    sink = WavSink(path, rate=RATE, channels=2, samples=SampleFormat.I24)
    sound = integers(3 * RATE + 5000, 24)
    for start in range(0, len(sound), 4800):
        sink.write(sound[start : start + 4800])
    copy = tmp_path / "killed.wav"
    copy.write_bytes(path.read_bytes())
    sink.close()
    found = ffmpeg_decoded(copy)
    assert len(found) >= 3 * RATE
    assert np.array_equal(found, sound[: len(found)])


def test_an_odd_number_of_bytes_is_padded(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    written(path, integers(3, 24, 1), SampleFormat.I24)
    data = path.read_bytes()
    assert len(data) % 2 == 0
    assert int.from_bytes(data[4:8], "little") == len(data) - 8


def test_a_file_above_4_gib_is_rf64_and_plays_to_its_end(tmp_path: Path) -> None:
    """Harm: three hours of float stereo whose sizes wrapped around, of which a player shows seconds."""
    path = tmp_path / "x.wav"
    sink = WavSink(path, rate=RATE, channels=2, samples=SampleFormat.F32)
    end = integers(RATE, 24)
    sink.write(end)
    hole = 2**29 + 1000
    # A sparse file: the zeros in the middle take no room on the disk.
    os.lseek(sink._file.fileno(), hole * 8, os.SEEK_CUR)
    sink.frames += hole
    sink.write(end)
    sink.finish()
    sink.close()
    with path.open("rb") as file:
        assert file.read(4) == b"RF64"
    assert float(ffprobe(path)["duration"]) == pytest.approx((hole + 2 * RATE) / RATE, abs=1e-3)
    path.unlink()


def test_nothing_written_is_a_file_of_no_length(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    written(path, np.zeros((0, 2), np.float32), SampleFormat.I16)
    assert int.from_bytes(path.read_bytes()[4:8], "little") == path.stat().st_size - 8


def test_sizes_are_stated_once_a_second_and_not_each_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Harm: a hundred writes a second to the front of the file."""
    stated: list[int] = []
    real = os.pwrite

    def counted(descriptor: int, data: bytes, at: int) -> int:
        stated.append(at)
        return real(descriptor, data, at)

    monkeypatch.setattr(os, "pwrite", counted)
    written(tmp_path / "x.wav", integers(3 * RATE, 16), SampleFormat.I16, block=480)
    assert len(stated) == 4
