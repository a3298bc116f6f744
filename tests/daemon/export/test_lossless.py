"""Tracks of FLAC and Opus through everything the store does. Harm guarded against: a codec that only plays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.audio.samples import RATE, Samples, nearest_frame
from reeld.copies.bundle import write_bundle
from reeld.export.remux import export
from reeld.export.sound_file import export_sound
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld_proto.records import GapReason
from reeld_proto.sound_graph import SoundCodec
from reeld_proto.workers import RunExport
from tests.daemon.audio.fakes import counting, numbers
from tests.daemon.audio.sounds import ffmpeg_decoded, ffprobe, shift_of, speech
from tests.daemon.copies.builders import going_on
from tests.daemon.copies.importer import imported
from tests.daemon.export.cutting import check, derive, forget, redact
from tests.daemon.export.recording import NS, Recording

GAP = range(2 * RATE + 333, 3 * RATE)
END = 5 * RATE


def record(path: Path, codec: SoundCodec) -> Recording:
    """Five seconds with a gap, before and after which another encoder was at work."""
    made = Recording.new(path, tracks=("mix",))
    sound = counting(0, END) if codec is SoundCodec.FLAC else speech(END)
    made.samples(sound[: GAP.start], codec=codec)
    made.gap("mix", GAP.start / RATE, GAP.stop / RATE, GapReason.DEVICE_LOST)
    made.samples(sound[GAP.stop :], codec=codec, first_frame=GAP.stop, epoch=2)
    made.finish(5.0)
    return made


@pytest.fixture(scope="module")
def flac(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    made = record(tmp_path_factory.mktemp("flac") / "store", SoundCodec.FLAC)
    yield made
    made.store.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Recording]:
    made = record(tmp_path / "store", SoundCodec.FLAC)
    yield made
    made.store.close()


def run(recording: Recording, path: Path, session: str = "", **range_s: Any) -> Samples:
    """What FFmpeg's program hears in an export."""
    options = {"from_s": None, "to_s": None, "tracks": [], **range_s}
    order = RunExport(store="", session=session or recording.session, path=str(path), **options)
    write = export if path.suffix == ".mp4" else export_sound
    write(StoreReader(recording.store), order)
    return ffmpeg_decoded(path)


def expected(frames: range) -> list[int]:
    return [-1 if frame in GAP else frame for frame in frames]


@settings(deadline=None, max_examples=20)
@given(start=st.integers(0, END - 100), length=st.integers(96, END))
def test_any_range_in_mp4_has_exactly_its_samples(
    flac: Recording, tmp_path_factory: pytest.TempPathFactory, start: int, length: int
) -> None:
    """Harm: half a packet too much at both ends, hidden only from players that honour an edit list."""
    end = min(END, start + length)
    path = tmp_path_factory.getbasetemp() / "range.mp4"
    out = run(flac, path, from_s=start / RATE, to_s=end / RATE)
    assert numbers(out) == expected(range(start, end))


@pytest.mark.parametrize("codec", list(SoundCodec))
def test_chunks_in_a_row_are_a_file_that_any_player_opens(tmp_path: Path, codec: SoundCodec) -> None:
    """What a crash leaves, and what a browser is sent: the init segment and chunks."""
    made = record(tmp_path / "store", codec)
    reader = StoreReader(made.store)
    segments = [each for each in reader.segments(made.session, "mix") if each.end_ns <= 2_000_000_000]
    path = tmp_path / "joined.mp4"
    path.write_bytes(reader.chunk(segments[0].init) + b"".join(reader.chunk(each.chunk) for each in segments))
    made.store.close()
    assert ffprobe(path)["codec_name"] == codec
    out = ffmpeg_decoded(path)
    assert len(out) == nearest_frame(segments[-1].end_ns)
    if codec is SoundCodec.FLAC:
        assert numbers(out) == list(range(len(out)))
    else:
        assert shift_of(out, speech(END), RATE) == 0


@pytest.mark.parametrize("codec", [SoundCodec.OPUS, SoundCodec.AAC])
def test_a_film_with_a_gap_plays_every_second_in_its_place(tmp_path: Path, codec: SoundCodec) -> None:
    """Harm: what follows a gap is heard early by players that count samples."""
    made = record(tmp_path / "store", codec)
    out = run(made, tmp_path / "x.mp4")
    made.store.close()
    packet = 1024 if codec is SoundCodec.AAC else 960
    assert END <= len(out) < END + packet
    assert np.abs(out[GAP.start + 2000 : GAP.stop - 2000]).max() < 1e-3
    assert shift_of(out, speech(END), RATE) == 0
    assert abs(shift_of(out, speech(END), 4 * RATE)) <= packet // 2


def test_a_clip_of_a_clip_begins_and_ends_at_the_sample(fresh: Recording, tmp_path: Path) -> None:
    derive(fresh.store, "clip", (fresh.session, 1.25, 4.5))
    derive(fresh.store, "again", ("clip", 0.5, 2.75))
    check(fresh.store)
    frames = range(round(1.75 * RATE), round(4.0 * RATE))
    for name in ("x.mp4", "x.flac"):
        assert numbers(run(fresh, tmp_path / name, "again")) == expected(frames)


def test_two_sessions_in_a_row_have_every_sample_of_both(fresh: Recording, tmp_path: Path) -> None:
    derive(fresh.store, "merged", (fresh.session, 0.0, 1.5), (fresh.session, 3.25, None))
    check(fresh.store)
    wanted = [*range(round(1.5 * RATE)), *range(round(3.25 * RATE), END)]
    for name in ("x.mp4", "x.wav"):
        assert numbers(run(fresh, tmp_path / name, "merged")) == wanted


def test_what_is_forgotten_is_gone_and_the_rest_is_in_its_place(fresh: Recording, tmp_path: Path) -> None:
    receipt = forget(fresh.store, fresh.session, 1.0, 1.2)
    assert receipt
    check(fresh.store)
    found = numbers(run(fresh, tmp_path / "x.wav"))
    gone = [frame for frame in range(END) if found[frame] != frame and frame not in GAP]
    assert gone == list(range(RATE, round(1.2 * RATE)))
    assert all(found[frame] == -1 for frame in gone)


@settings(deadline=None, max_examples=6)
@given(start_ns=st.integers(0, 4_900_000_000), length_ns=st.integers(30_000, 900_000_000))
def test_whatever_is_forgotten_no_sample_of_it_stays_and_none_beside_it_goes(
    tmp_path_factory: pytest.TempPathFactory, start_ns: int, length_ns: int
) -> None:
    folder = tmp_path_factory.mktemp("forget")
    made = record(folder / "store", SoundCodec.FLAC)
    end_ns = min(5 * NS, start_ns + length_ns)
    try:
        forget(made.store, made.session, start_ns / NS, end_ns / NS)
        check(made.store)
        found = numbers(run(made, folder / "x.wav"))
    finally:
        made.store.close()
    first, last = start_ns * RATE // NS, -(-end_ns * RATE // NS)
    gone = [frame for frame in range(END) if found[frame] != frame and frame not in GAP]
    # A sample of which a part is in the range goes, too.
    assert set(gone) <= set(range(first, last))
    assert set(range(first + 1, last - 1)) - set(GAP) <= set(gone)
    assert {found[frame] for frame in [*gone, *GAP]} == {-1}


def test_a_redacted_session_closes_up_without_it(fresh: Recording, tmp_path: Path) -> None:
    redact(fresh.store, fresh.session, 1.0, 1.2, "clean")
    check(fresh.store)
    found = numbers(run(fresh, tmp_path / "x.wav", "clean"))
    assert len(found) == round(4.8 * RATE)
    assert not set(found) & set(range(RATE, round(1.2 * RATE)))
    after = [(place, number) for place, number in enumerate(found) if number > 1.4 * RATE]
    assert after
    assert {number - place for place, number in after} == {round(0.2 * RATE)}


@pytest.mark.parametrize("codec", [SoundCodec.OPUS, SoundCodec.FLAC])
def test_a_damaged_chunk_is_silence_of_its_length(tmp_path: Path, codec: SoundCodec) -> None:
    made = Recording.new(tmp_path / "store", tracks=("mix",))
    sound = counting(0, 4 * RATE) if codec is SoundCodec.FLAC else speech(4 * RATE)
    made.samples(sound, codec=codec, lose=[2])
    made.finish(4.0)
    for name in ("x.mp4", "x.wav"):
        out = run(made, tmp_path / name)
        assert len(out) == 4 * RATE
        lost = slice(68_000, 96_000)
        assert np.abs(out[lost]).max() < 1e-3
        if codec is SoundCodec.FLAC:
            assert numbers(out) == [-1 if 64_512 <= frame < 96_768 else frame for frame in range(4 * RATE)]
        else:
            assert shift_of(out, sound, 3 * RATE) == 0
    made.store.close()


def test_a_bundle_carries_a_lossless_track_to_another_store(fresh: Recording, tmp_path: Path) -> None:
    write_bundle(fresh.store, fresh.session, tmp_path / "one.reel", going_on)
    StoreEnvironment.open_write(tmp_path / "other").close()
    (session,) = imported(tmp_path / "other", tmp_path / "one.reel")
    other = StoreEnvironment.open_write(tmp_path / "other")
    check(other)
    copied = Recording(other, session=session, tracks=("mix",))
    assert numbers(run(copied, tmp_path / "x.wav")) == expected(range(END))
    other.close()
