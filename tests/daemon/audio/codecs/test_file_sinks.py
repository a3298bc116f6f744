"""Sound files as FFmpeg's own program reads them. Harm: a file that is shorter, longer or later than what was heard."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.audio.codecs.file_sinks import ENDINGS, FileSink, encoded_sink, fresh, wav_sink
from reeld.audio.samples import RATE, Samples
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.sound_graph import SampleFormat, SoundCodec
from tests.daemon.audio.sounds import ffmpeg_decoded, ffprobe, integers, shift_of, speech


def fill(sink: FileSink, sound: Samples, block: int = 7200) -> Path:
    for start in range(0, len(sound), block):
        sink.write(sound[start : start + block])
    sink.finish()
    sink.close()
    assert sink.frames == len(sound)
    return sink.path


@pytest.mark.parametrize(("ending", "codec"), [(".flac", "flac"), (".opus", "opus"), (".ogg", "opus"), (".m4a", "aac")])
@pytest.mark.parametrize("frames", [960, RATE + 777, 3 * RATE])
def test_a_file_plays_from_its_first_frame_to_its_last(tmp_path: Path, ending: str, codec: str, frames: int) -> None:
    sound = speech(frames)
    kind = ENDINGS[ending]
    assert kind is not None
    path = fill(encoded_sink(tmp_path / f"x{ending}", kind), sound)
    found = ffprobe(path)
    assert found["codec_name"] == codec
    out = ffmpeg_decoded(path)
    if codec == "aac":
        # FFmpeg hears an edit list's beginning and ignores its end, which the file states all the same.
        assert found["duration_ts"] == frames
        assert segment_of_edit_list(path) == (frames, 1024)
        assert frames <= len(out) < frames + 1024
    else:
        assert len(out) == frames
    if frames > 3 * 4096:
        assert shift_of(out, sound, frames // 3) == 0


def segment_of_edit_list(path: Path) -> tuple[int, int]:
    """Duration and media time of the only edit (ISO/IEC 14496-12 8.6.6, version 0), both in frames."""
    data = path.read_bytes()
    at = data.index(b"elst") + 4
    assert data[at] == 0
    assert int.from_bytes(data[at + 4 : at + 8], "big") == 1
    scale = data.index(b"mvhd") + 4 + 12
    assert int.from_bytes(data[scale : scale + 4], "big") == RATE
    return int.from_bytes(data[at + 8 : at + 12], "big"), int.from_bytes(data[at + 12 : at + 16], "big")


@settings(deadline=None, max_examples=15)
@given(frames=st.integers(1, RATE), block=st.integers(1, 9999), channels=st.integers(1, 2))
def test_flac_gives_back_every_bit_whatever_the_blocks(
    tmp_path_factory: pytest.TempPathFactory, frames: int, block: int, channels: int
) -> None:
    sound = integers(frames, 24, channels)
    path = tmp_path_factory.mktemp("flac") / "x.flac"
    fill(encoded_sink(path, SoundCodec.FLAC, channels=channels), sound, max(block, frames // 50))
    assert np.array_equal(ffmpeg_decoded(path, channels), sound)


def test_adts_begins_at_the_first_frame_and_ends_with_the_last_packet(tmp_path: Path) -> None:
    sound = speech(RATE + 5)
    path = fill(encoded_sink(tmp_path / "x.aac", SoundCodec.AAC), sound)
    out = ffmpeg_decoded(path)
    assert len(out) == -(-len(sound) // 1024) * 1024
    assert shift_of(out, sound, RATE // 2) == 0


def test_the_ending_decides_where_the_path_has_another(tmp_path: Path) -> None:
    path = fill(encoded_sink(tmp_path / "x.part", SoundCodec.AAC, ending=".aac"), speech(RATE))
    assert path.read_bytes()[:1] == b"\xff"


@pytest.mark.parametrize("ending", [".wav", ".flac"])
def test_an_existing_file_is_never_replaced(tmp_path: Path, ending: str) -> None:
    """Harm: the second recording of a day replaces the first."""
    path = tmp_path / f"talk{ending}"
    path.write_text("mine")

    def sink() -> FileSink:
        if ending == ".wav":
            return wav_sink(path, SampleFormat.I16)
        return encoded_sink(path, SoundCodec.FLAC)

    assert fill(sink(), speech(100)).name == f"talk-2{ending}"
    assert fill(sink(), speech(100)).name == f"talk-3{ending}"
    assert path.read_text() == "mine"
    assert fill(wav_sink(path, SampleFormat.I16, replace=True), speech(100)) == path
    assert path.read_bytes()[:4] == b"RIFF"


def test_two_that_want_the_same_name_get_two(tmp_path: Path) -> None:
    assert [fresh(tmp_path / "x.wav").name for _ in range(3)] == ["x.wav", "x-2.wav", "x-3.wav"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    makers: list[Callable[[Path], FileSink]] = [
        lambda path: wav_sink(path, SampleFormat.I16),
        lambda path: encoded_sink(path, SoundCodec.OPUS),
        lambda path: encoded_sink(path, SoundCodec.OPUS, replace=True),
    ]
    for make in makers:
        with pytest.raises(RequestRejected, match="nowhere") as rejected:
            make(tmp_path / "nowhere" / "x")
        assert rejected.value.code is ErrorCode.NOT_FOUND
        assert rejected.value.remedy


def test_a_rate_that_the_codec_lacks_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RequestRejected, match="44100"):
        encoded_sink(tmp_path / "x.opus", SoundCodec.OPUS, rate=44_100)
    assert not list(tmp_path.iterdir())


def test_a_sink_that_is_given_up_can_be_closed_twice(tmp_path: Path) -> None:
    for sink in (wav_sink(tmp_path / "x.wav", SampleFormat.I16), encoded_sink(tmp_path / "x.flac", SoundCodec.FLAC)):
        sink.write(speech(10_000))
        sink.close()
        sink.close()


@pytest.mark.parametrize(("codec", "ending", "snr_db"), [(SoundCodec.OPUS, "opus", 18), (SoundCodec.AAC, "m4a", 18)])
def test_what_is_encoded_still_sounds_like_what_it_was(
    tmp_path: Path, codec: SoundCodec, ending: str, snr_db: float
) -> None:
    sound = speech(2 * RATE)
    out = ffmpeg_decoded(fill(encoded_sink(tmp_path / f"x.{ending}", codec), sound))[: len(sound)]
    error = out[RATE // 2 :] - sound[RATE // 2 :]
    assert 10 * np.log10(np.sum(sound[RATE // 2 :] ** 2) / np.sum(error**2)) > snr_db
