"""A stored track read back. Harm guarded against: a range that is shifted, shortened, or different where it is cut."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from reeld.audio.samples import RATE, Samples, frames_to_ns
from reeld.export.store_source import StoreSource
from reeld.store.keys import at, track_prefix
from reeld.store.reader import StoreReader
from reeld.store.records import ChunkEntry
from reeld.store.transaction import Table
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import GapReason
from reeld_proto.sound_graph import SoundCodec
from tests.daemon.audio.fakes import counting, numbers
from tests.daemon.audio.sounds import shift_of, speech
from tests.daemon.export.recording import Recording

LENGTH = 6 * RATE + 777


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    """The same length in three codecs: counting where it is lossless."""
    made = Recording.new(tmp_path_factory.mktemp("sounds") / "store", tracks=list(SoundCodec))
    for codec in SoundCodec:
        sound = counting(0, LENGTH) if codec is SoundCodec.FLAC else speech(LENGTH)
        made.samples(sound, codec=codec, track=codec)
    made.finish(LENGTH / RATE)
    yield made
    made.store.close()


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    made = Recording.new(tmp_path / "store")
    yield made
    made.store.close()


def source(recording: Recording, track: str = "mix", first: int = 0) -> StoreSource:
    return StoreSource(StoreReader(recording.store), recording.session, track, frames_to_ns(first))


def read(recording: Recording, first: int, frames: int, track: str = "mix", block: int = 5000) -> Samples:
    reader = source(recording, track, first)
    parts = [reader.read(min(block, frames - start)) for start in range(0, frames, block)]
    return np.concatenate(parts) if parts else np.zeros((0, 2), np.float32)


@settings(deadline=None, max_examples=30)
@given(first=st.integers(0, LENGTH), frames=st.integers(0, 2 * RATE), block=st.integers(500, 50_000))
def test_any_range_of_a_lossless_track_has_exactly_its_frames(
    whole: Recording, first: int, frames: int, block: int
) -> None:
    found = numbers(read(whole, first, frames, SoundCodec.FLAC, block))
    heard = max(0, min(frames, LENGTH - first))
    assert found == list(range(first, first + heard)) + [-1] * (frames - heard)


@settings(deadline=None, max_examples=12)
@given(codec=st.sampled_from([SoundCodec.AAC, SoundCodec.OPUS]), first=st.integers(0, LENGTH - RATE))
def test_a_range_of_an_encoded_track_is_the_same_frames_of_the_whole(
    whole: Recording, codec: SoundCodec, first: int
) -> None:
    """Harm: a soft beginning at each cut, because the decoder began there."""
    everything = read(whole, 0, LENGTH, codec)
    part = read(whole, first, RATE, codec)
    assert np.abs(part - everything[first : first + RATE]).max() <= 1e-6


@pytest.mark.parametrize("codec", list(SoundCodec))
def test_an_encoded_track_is_in_its_place(whole: Recording, codec: SoundCodec) -> None:
    sound = counting(0, LENGTH) if codec is SoundCodec.FLAC else speech(LENGTH)
    out = read(whole, 0, LENGTH, codec)
    if codec is SoundCodec.FLAC:
        assert np.array_equal(out, sound)
    else:
        assert shift_of(out, sound, 3 * RATE) == 0


def test_gaps_and_lost_chunks_are_silence_of_the_exact_length(recording: Recording) -> None:
    recording.samples(counting(0, 2 * RATE), codec=SoundCodec.FLAC, lose=[1])
    recording.gap("mix", 2.0, 3.0, GapReason.DEVICE_LOST)
    recording.samples(counting(3 * RATE, RATE // 2), codec=SoundCodec.FLAC, first_frame=3 * RATE)
    found = numbers(read(recording, 0, 4 * RATE))
    lost = range(32_256, 64_512)
    expected = [
        -1 if frame in lost or 2 * RATE <= frame < 3 * RATE or frame >= 3.5 * RATE else frame
        for frame in range(4 * RATE)
    ]
    assert found == expected


@pytest.mark.parametrize("codec", list(SoundCodec))
def test_a_restart_between_two_packets_is_in_its_place(recording: Recording, codec: SoundCodec) -> None:
    """Harm: what a new worker recorded is glued to the last whole packet of the one before."""
    sound = speech(4 * RATE)
    border = 2 * RATE + 333
    recording.samples(sound[:border], codec=codec)
    recording.samples(sound[border:], codec=codec, first_frame=border, epoch=2)
    out = read(recording, 0, 4 * RATE)
    for where in (RATE, 3 * RATE):
        assert shift_of(out, sound, where) == 0
    if codec is SoundCodec.FLAC:
        assert np.abs(out - sound).max() <= 2**-24


def test_a_damaged_chunk_is_silence_and_told(recording: Recording) -> None:
    recording.samples(counting(0, 2 * RATE), codec=SoundCodec.FLAC)
    with recording.store.write() as txn:
        prefix = track_prefix(recording.session, "mix")
        entry = txn.record(Table.TIMELINE, at(prefix, frames_to_ns(32_256)), ChunkEntry)
        assert entry is not None
        txn.put(Table.CHUNKS, entry.chunk, b"ruined")
    reader = source(recording)
    with capture_logs() as logs:
        found = numbers(reader.read(2 * RATE))
    assert found == [-1 if 32_256 <= frame < 64_512 else frame for frame in range(2 * RATE)]
    assert reader.skipped == 1
    assert [entry["event"] for entry in logs] == ["sound.chunk_skipped"]


def test_a_track_without_sound_is_not_found(recording: Recording) -> None:
    with pytest.raises(RequestRejected, match="track mic") as rejected:
        source(recording, "mic")
    assert rejected.value.code is ErrorCode.NOT_FOUND


def test_a_track_that_changes_its_rate_is_refused_with_a_way_out(recording: Recording) -> None:
    recording.samples(speech(RATE), codec=SoundCodec.AAC)
    recording.samples(speech(16_000, rate=16_000), codec=SoundCodec.AAC, rate=16_000, first_frame=16_000, epoch=2)
    reader = source(recording)
    with pytest.raises(RequestRejected, match="48000 to 16000 Hz at 1") as rejected:
        reader.read(2 * RATE)
    assert "--from" in rejected.value.remedy


def test_mono_that_follows_stereo_is_heard_on_both_sides(recording: Recording) -> None:
    recording.samples(counting(0, RATE), codec=SoundCodec.FLAC)
    recording.samples(counting(RATE, RATE)[:, :1], codec=SoundCodec.FLAC, first_frame=RATE, epoch=2)
    assert np.array_equal(read(recording, 0, 2 * RATE), counting(0, 2 * RATE))


@pytest.mark.parametrize(
    ("codec", "rate"), [(SoundCodec.AAC, 16_000), (SoundCodec.OPUS, 48_000), (SoundCodec.FLAC, 16_000)]
)
def test_speech_of_16_khz_says_at_what_rate_it_is_read(recording: Recording, codec: SoundCodec, rate: int) -> None:
    recording.samples(speech(48_000, 1, 16_000), codec=codec, rate=16_000)
    reader = source(recording)
    assert (reader.rate, reader.format.channels, reader.format.codec) == (rate, 1, codec)
    assert reader.read(rate).shape == (rate, 1)
