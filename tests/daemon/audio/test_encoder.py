"""Harm guarded against: sound that plays earlier or later than it was heard, and chunks that leave a hole."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.audio.encoder import CHUNK_PACKETS, PACKET_FRAMES, AacEncoder, EncodedChunk
from reeld.audio.samples import RATE, frames_to_ns
from tests.daemon.audio.fakes import tone
from tests.daemon.audio.harness import decoded
from tests.support.media import tone_level_db

NS_PER_CHUNK = CHUNK_PACKETS * PACKET_FRAMES * 1_000_000_000 // RATE


@pytest.fixture
def encoder() -> Iterator[AacEncoder]:
    encoder = AacEncoder(0)
    yield encoder
    encoder.close()


def assert_tiled(chunks: list[EncodedChunk], start: int, end: int, end_ns: int) -> None:
    assert [chunk.start_frame for chunk in chunks] == [start, *(chunk.end_frame for chunk in chunks[:-1])]
    assert [chunk.start_ns for chunk in chunks] == [frames_to_ns(start), *(chunk.end_ns for chunk in chunks[:-1])]
    assert (chunks[-1].end_frame, chunks[-1].end_ns) == (end, end_ns)


def test_sample_n_of_the_input_plays_at_n(encoder: AacEncoder) -> None:
    """The encoder's priming must not shift it: measured by correlation with what went in."""
    rng = np.random.default_rng(5)
    sound = np.repeat((0.2 * rng.standard_normal(3 * RATE)).astype(np.float32)[:, None], 2, axis=1)
    chunks = encoder.write(sound) + encoder.finish(3 * RATE, frames_to_ns(3 * RATE))
    out = decoded(encoder.init, [chunk.data for chunk in chunks])
    for at in (RATE // 2, 2 * RATE):
        window = sound[at : at + 4096, 0]
        scores = [float(np.dot(out[at + shift : at + shift + 4096, 0], window)) for shift in range(-1200, 1200)]
        assert int(np.argmax(scores)) - 1200 == 0


def test_a_chunk_is_never_longer_than_a_second_and_starts_at_its_own_time(encoder: AacEncoder) -> None:
    chunks = [chunk for start in range(0, 5 * RATE, 700) for chunk in encoder.write(tone(440, start, 700))]
    assert len(chunks) >= 6
    assert all(chunk.end_ns - chunk.start_ns <= 1_000_000_000 for chunk in chunks)
    for chunk in chunks:
        # ISO/IEC 14496-12 8.8.12: the base time is the last field of tfdt.
        at = chunk.data.index(b"tfdt")
        base = int.from_bytes(chunk.data[at + 8 : at + (16 if chunk.data[at + 4] else 12)], "big")
        assert base == chunk.start_frame
    encoder.finish(5 * RATE, frames_to_ns(5 * RATE))


@settings(deadline=None, max_examples=25)
@given(frames=st.integers(1, 3 * RATE), first=st.integers(0, 10 * RATE), extra_ns=st.integers(0, 20_000))
def test_chunks_tile_the_track_to_the_nanosecond_for_any_length_and_start(
    frames: int, first: int, extra_ns: int
) -> None:
    encoder = AacEncoder(first)
    end = first + frames
    end_ns = frames_to_ns(end) - extra_ns % 20_000
    chunks = []
    for start in range(0, frames, 7211):
        chunks += encoder.write(tone(440, start, min(7211, frames - start)))
    chunks += encoder.finish(end, end_ns)
    assert_tiled(chunks, first, end, end_ns)
    out = decoded(encoder.init, [chunk.data for chunk in chunks])
    encoder.close()
    assert end <= len(out) < end + PACKET_FRAMES


def test_the_last_samples_before_the_stop_are_in_the_file(encoder: AacEncoder) -> None:
    end = 2 * RATE + 777
    sound = tone(440, 0, end) * 0
    sound[end - 1500 :] = tone(1000, 0, 1500, level=0.5)
    chunks = encoder.write(sound) + encoder.finish(end, frames_to_ns(end))
    out = decoded(encoder.init, [chunk.data for chunk in chunks])
    assert tone_level_db(out[end - 1400 : end, 0], 1000) > -8


def test_frames_that_never_came_are_silence_and_frames_too_many_do_not_play(encoder: AacEncoder) -> None:
    encoder.write(tone(440, 0, RATE))
    chunks = encoder.finish(2 * RATE, frames_to_ns(2 * RATE))
    assert chunks[-1].end_frame == 2 * RATE
    other = AacEncoder(0)
    made = other.write(tone(440, 0, RATE)) + other.finish(RATE // 2 + 5, frames_to_ns(RATE // 2 + 5))
    other.close()
    assert made[-1].end_frame in {RATE // 2 + 5, CHUNK_PACKETS * PACKET_FRAMES}


def test_a_track_of_no_length_has_no_chunk(encoder: AacEncoder) -> None:
    assert encoder.finish(0, 0) == []


def test_two_encoders_write_the_same_init_segment(encoder: AacEncoder) -> None:
    other = AacEncoder(9999)
    assert other.init == encoder.init
    other.close()


def test_a_cut_gives_what_is_encoded_and_the_track_stays_tiled(encoder: AacEncoder) -> None:
    """Harm: the last sound before `replay save` is missing in it because its chunk was not full."""
    assert encoder.cut() == []
    chunks = encoder.write(tone(440, 0, 10 * PACKET_FRAMES))
    assert chunks == []
    chunks = encoder.cut()
    assert [chunk.start_frame for chunk in chunks] == [0]
    assert chunks[0].end_frame >= 7 * PACKET_FRAMES
    assert encoder.cut() == []
    chunks += encoder.write(tone(440, 10 * PACKET_FRAMES, RATE))
    end = 10 * PACKET_FRAMES + RATE
    chunks += encoder.finish(end, frames_to_ns(end))
    assert_tiled(chunks, 0, end, frames_to_ns(end))
    out = decoded(encoder.init, [chunk.data for chunk in chunks])
    assert tone_level_db(out[RATE // 10 : RATE // 2, 0], 440) == pytest.approx(
        tone_level_db(tone(440, 0, RATE // 2)[:, 0], 440), abs=1
    )
