"""Sound files as sources. Harm guarded against: a bit that changes, a seam, a file that is silent without a word."""

from pathlib import Path

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from reeld.audio.codecs.file_sinks import encoded_sink, wav_sink
from reeld.audio.codecs.file_source import FileSource
from reeld.audio.samples import RATE, Samples
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.sound_graph import SampleFormat, SoundCodec
from tests.daemon.audio.fakes import counting, numbers
from tests.daemon.audio.sounds import integers, shift_of, speech


def wav(path: Path, sound: Samples, samples: SampleFormat = SampleFormat.I24, rate: int = RATE) -> Path:
    sink = wav_sink(path, samples, rate=rate, channels=sound.shape[1], replace=True)
    sink.write(sound)
    sink.finish()
    sink.close()
    return path


def encoded(path: Path, sound: Samples, codec: SoundCodec) -> Path:
    sink = encoded_sink(path, codec, channels=sound.shape[1], replace=True)
    sink.write(sound)
    sink.finish()
    sink.close()
    return path


def read(path: Path, frames: int, block: int = 480, *, loop: bool = False) -> Samples:
    source = FileSource(path, loop=loop)
    try:
        return np.concatenate([source.read(min(block, frames - start)) for start in range(0, frames, block)])
    finally:
        source.close()


@pytest.mark.parametrize(
    ("samples", "bits"),
    [(SampleFormat.I16, 16), (SampleFormat.I24, 24), (SampleFormat.I32, 24), (SampleFormat.F32, 24)],
)
def test_a_wav_file_comes_bit_for_bit(tmp_path: Path, samples: SampleFormat, bits: int) -> None:
    sound = integers(RATE, bits)
    assert np.array_equal(read(wav(tmp_path / "x.wav", sound, samples), RATE), sound)


def test_a_flac_file_comes_bit_for_bit_and_then_there_is_silence(tmp_path: Path) -> None:
    sound = integers(RATE + 17, 24)
    source = FileSource(encoded(tmp_path / "x.flac", sound, SoundCodec.FLAC))
    assert np.array_equal(source.read(len(sound)), sound)
    assert not source.read(1000).any()
    assert source.ended
    source.close()


@settings(deadline=None, max_examples=20)
@given(blocks=st.lists(st.integers(0, 9000), max_size=20))
def test_any_blocks_give_the_same_frames(tmp_path_factory: pytest.TempPathFactory, blocks: list[int]) -> None:
    path = tmp_path_factory.getbasetemp() / "counting.wav"
    if not path.exists():
        wav(path, counting(0, RATE))
    source = FileSource(path)
    found = [number for block in blocks for number in numbers(source.read(block))]
    source.close()
    assert found == [frame if frame < RATE else -1 for frame in range(sum(blocks))]


def test_a_loop_has_no_seam(tmp_path: Path) -> None:
    found = numbers(read(wav(tmp_path / "x.wav", counting(0, 1000)), 3500, loop=True))
    assert found == [frame % 1000 for frame in range(3500)]


def test_another_rate_is_resampled_as_soxr_does_it_in_one_go(tmp_path: Path) -> None:
    sound = speech(44_100, rate=44_100)
    expected = soxr.resample(sound, 44_100, RATE, quality="VHQ")
    out = read(wav(tmp_path / "x.wav", sound, SampleFormat.F32, rate=44_100), RATE + 100)
    assert np.abs(out[:RATE] - expected).max() < 1e-5
    assert not out[RATE:].any()


@pytest.mark.parametrize(("ending", "codec"), [("opus", SoundCodec.OPUS), ("m4a", SoundCodec.AAC)])
def test_an_encoded_file_begins_at_its_first_frame(tmp_path: Path, ending: str, codec: SoundCodec) -> None:
    sound = speech(2 * RATE)
    assert shift_of(read(encoded(tmp_path / f"x.{ending}", sound, codec), 2 * RATE), sound, RATE) == 0


def test_mono_is_as_loud_on_both_sides(tmp_path: Path) -> None:
    sound = integers(5000, 16, 1)
    out = read(wav(tmp_path / "x.wav", sound, SampleFormat.I16), 5000)
    assert np.array_equal(out, np.repeat(sound, 2, axis=1))


def test_six_channels_are_mixed_down_and_none_is_lost(tmp_path: Path) -> None:
    for channel in (0, 1, 2, 4, 5):
        sound = np.zeros((4800, 6), np.float32)
        sound[:, channel] = 0.5
        out = read(wav(tmp_path / "x.wav", sound), 4800)
        assert np.abs(out[1000:4000]).max() > 0.05


def test_what_is_read_belongs_to_who_read_it(tmp_path: Path) -> None:
    source = FileSource(wav(tmp_path / "x.wav", counting(0, 1000)))
    block = source.read(100)
    block[:] = 9
    assert numbers(source.read(100)) == list(range(100, 200))
    source.close()


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(RequestRejected, match="no file") as rejected:
        FileSource(tmp_path / "none.wav")
    assert rejected.value.code is ErrorCode.NOT_FOUND


@pytest.mark.parametrize("content", [b"", b"this is a letter and no sound" * 100])
def test_what_is_no_sound_is_refused_with_what_would_be(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(RequestRejected, match="no sound") as rejected:
        FileSource(path)
    assert "FLAC" in rejected.value.remedy


def test_a_folder_and_a_file_of_no_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestRejected):
        FileSource(tmp_path)
    with pytest.raises(RequestRejected, match="no sound"):
        FileSource(wav(tmp_path / "x.wav", np.zeros((0, 2), np.float32)), loop=True)


def test_a_file_that_ends_in_the_middle_plays_up_to_there(tmp_path: Path) -> None:
    path = encoded(tmp_path / "x.flac", integers(RATE, 24), SoundCodec.FLAC)
    path.write_bytes(path.read_bytes()[:100_000])
    with capture_logs():
        out = read(path, RATE)
    assert np.abs(out[:9000]).max() > 0.9
    assert not out[-100:].any()
