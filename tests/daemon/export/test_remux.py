"""Exports watched as a player shows them: every picture by its number, every beep by its place."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from reeld.export.remux import export
from reeld.media.cmaf import CmafEncoder
from reeld.store.keys import at, track_prefix
from reeld.store.reader import StoreReader
from reeld.store.records import ChunkEntry
from reeld.store.transaction import Table
from reeld_proto.commands import Exported
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import GapReason
from reeld_proto.workers import ChunkCaptured, RunExport
from tests.daemon.export.recording import NS, RATE, Film, Recording, watch

HALF_FRAME_S = 1 / 60


def beep(*starts_s: float, hertz: float = 1000.0, length_s: float = 0.2) -> Callable[[np.ndarray], np.ndarray]:
    def wave(time_s: np.ndarray) -> np.ndarray:
        on = np.zeros(len(time_s), bool)
        for start_s in starts_s:
            on |= (time_s >= start_s) & (time_s < start_s + length_s)
        return np.where(on, np.sin(2 * np.pi * hertz * time_s) * 0.5, 0.0)

    return wave


def beeps(sound: tuple[float, np.ndarray]) -> list[tuple[float, float]]:
    """Start and end in seconds of every beep that is heard."""
    first_s, samples = sound
    loud = np.flatnonzero(np.abs(samples) > 0.1)
    if not len(loud):
        return []
    cuts = np.flatnonzero(np.diff(loud) > RATE // 20)
    starts, ends = loud[np.r_[0, cuts + 1]], loud[np.r_[cuts, len(loud) - 1]]
    return [
        (round(first_s + start / RATE, 3), round(first_s + end / RATE, 3))
        for start, end in zip(starts, ends, strict=True)
    ]


def run(
    recording: Recording,
    path: Path,
    from_s: float | None = None,
    to_s: float | None = None,
    tracks: list[str] | None = None,
) -> tuple[Exported, Film]:
    order = RunExport(
        store="", session=recording.session, path=str(path), from_s=from_s, to_s=to_s, tracks=tracks or []
    )
    exported = export(StoreReader(recording.store), order)
    assert exported.bytes == path.stat().st_size
    film = watch(path)
    assert exported.duration_s == pytest.approx(film.duration_s, abs=1e-6)
    return exported, film


def close_to(seconds: float) -> Any:
    return pytest.approx(seconds, abs=0.002)


def exactly(seconds: float) -> Any:
    return pytest.approx(seconds, abs=1e-4)


@pytest.fixture
def five_seconds(recording: Recording) -> Recording:
    recording.video([index / 30 for index in range(150)], 5.0, keyframe_every=60)
    recording.sound(0, 5.0, beep(1.0, 4.0))
    recording.sound(0, 5.0, beep(1.0), track="mic")
    recording.sound(0, 5.0, beep(4.0), track="system")
    recording.finish(5.0)
    return recording


def test_every_picture_and_every_beep_is_in_its_place(five_seconds: Recording, tmp_path: Path) -> None:
    exported, film = run(five_seconds, tmp_path / "film.mp4")
    assert exported.duration_s == pytest.approx(5.0, abs=0.001)
    assert [number for _, number in film.pictures] == list(range(150))
    assert [time for time, _ in film.pictures] == pytest.approx([index / 30 for index in range(150)], abs=1e-4)
    mix, microphone, system = film.sounds
    assert beeps(mix) == [(close_to(1.0), close_to(1.2)), (close_to(4.0), close_to(4.2))]
    assert beeps(microphone) == [(close_to(1.0), close_to(1.2))]
    assert beeps(system) == [(close_to(4.0), close_to(4.2))]
    assert film.titles == [f"Label of {track}" for track in ("video-1", "mix", "mic", "system")]


def test_players_choose_the_picture_and_the_mix_and_find_the_index_first(
    five_seconds: Recording, tmp_path: Path
) -> None:
    run(five_seconds, tmp_path / "film.mp4")
    data = (tmp_path / "film.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "a browser would load all of it before the first picture"
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(tmp_path / "film.mp4")]
    streams = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["streams"]
    assert [stream["codec_name"] for stream in streams] == ["h264", "aac", "aac", "aac"]
    assert [stream["disposition"]["default"] for stream in streams] == [1, 1, 0, 0]


@pytest.mark.parametrize(("from_s", "to_s"), [(2.0, 4.5), (0.5, 3.0), (3.3333, 4.0), (1.51, 1.6), (4.99, None)])
def test_a_range_begins_and_ends_at_the_exact_picture(
    five_seconds: Recording, tmp_path: Path, from_s: float, to_s: float | None
) -> None:
    exported, film = run(five_seconds, tmp_path / "film.mp4", from_s, to_s)
    end_s = to_s or 5.0
    assert exported.duration_s == pytest.approx(end_s - from_s, abs=0.001)
    on_view = int(from_s * 30 + 1e-6)
    assert film.pictures[0] == (0.0, on_view)
    shown = [number for number in range(on_view, 150) if number / 30 < end_s - 1e-9]
    assert [number for _, number in film.pictures] == shown
    for time_s, number in film.pictures[1:]:
        assert time_s == pytest.approx(number / 30 - from_s, abs=1e-4)
    expected = [start - from_s for start in (1.0, 4.0) if from_s <= start < end_s]
    # The last AAC frame reaches up to 21 ms beyond the end; players stop at the file's own duration.
    heard = [start for start, _ in beeps(film.sounds[0]) if start < end_s - from_s - 0.001]
    assert heard == [close_to(each) for each in expected]


def test_a_range_out_of_a_still_screen_shows_it_from_the_first_moment(recording: Recording, tmp_path: Path) -> None:
    recording.video([0.0, 0.5, 9.5], 10.0, chunk_frames=1)
    recording.finish(10.0)
    exported, film = run(recording, tmp_path / "film.mp4", 3.0, 8.0)
    assert film.pictures == [(0.0, 1)]
    assert exported.duration_s == pytest.approx(5.0, abs=0.001)


def test_sound_after_a_hole_is_still_in_time(recording: Recording, tmp_path: Path) -> None:
    # Dropped sound packed edge to edge is what makes other recorders drift.
    recording.video([index / 30 for index in range(180)], 6.0)
    recording.sound(0, 6.0, beep(0.5, 4.5), chunk_frames=47, lose=[1, 2])
    recording.finish(6.0)
    exported, film = run(recording, tmp_path / "film.mp4")
    assert beeps(film.sounds[0]) == [(close_to(0.5), close_to(0.7)), (close_to(4.5), close_to(4.7))]
    assert exported.duration_s == pytest.approx(6.0, abs=0.001)
    assert counted_samples(tmp_path / "film.mp4") == pytest.approx(6.0 * RATE, abs=1024)


def counted_samples(path: Path) -> int:
    """Samples that a player hears that counts instead of reading times."""
    import av  # noqa: PLC0415 - the one use in this module

    with av.open(str(path)) as container:
        return sum(frame.samples for frame in container.decode(audio=0))


def test_a_track_that_begins_late_or_ends_early_keeps_its_place(recording: Recording, tmp_path: Path) -> None:
    recording.video([1.0 + index / 30 for index in range(60)], 3.0)
    recording.sound(2.0, 4.0, beep(2.5))
    recording.finish(6.0)
    exported, film = run(recording, tmp_path / "film.mp4")
    assert exported.duration_s == pytest.approx(6.0, abs=0.001)
    assert film.pictures[0] == (exactly(1.0), 0)
    assert beeps(film.sounds[0]) == [(close_to(2.5), close_to(2.7))]
    assert len(film.sounds) == 1, "tracks without media are left out"


def test_a_restart_of_the_capture_worker_is_one_film(recording: Recording, tmp_path: Path) -> None:
    recording.video([index / 30 for index in range(60)], 2.0, epoch=1)
    recording.video([3.0 + index / 30 for index in range(60)], 5.0, first_number=100, epoch=2)
    recording.finish(5.0)
    _, film = run(recording, tmp_path / "film.mp4")
    assert [number for _, number in film.pictures] == [*range(60), *range(100, 160)]
    assert film.pictures[60] == (exactly(3.0), 100)


def test_pictures_of_another_size_come_at_the_size_of_the_first(recording: Recording, tmp_path: Path) -> None:
    recording.video([index / 30 for index in range(30)], 1.0)
    recording.video([1.0 + index / 30 for index in range(30)], 2.0, epoch=2, size=(320, 192), first_number=30)
    recording.finish(2.0)
    _, film = run(recording, tmp_path / "film.mp4")
    assert [number for _, number in film.pictures] == list(range(60))
    assert [time for time, _ in film.pictures] == pytest.approx([index / 30 for index in range(60)], abs=1e-4)
    _, film = run(recording, tmp_path / "second.mp4", from_s=1.0)
    assert [number for _, number in film.pictures] == list(range(30, 60))


def test_sound_that_changes_its_format_is_refused_by_name_and_its_parts_can_be_had(
    recording: Recording, tmp_path: Path
) -> None:
    recording.sound(0, 1.0, beep(0.5))
    encoder = CmafEncoder("aac", timescale=44_100, options={}, configure=lambda _stream: None, rate=44_100)
    frame: Any = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 44_100, 44_100, Fraction(1, 44_100)
    packets = [*encoder.encode(frame), *encoder.encode(None)][-1:]
    start_ns = packets[0].pts * NS // 44_100
    message = ChunkCaptured(
        session=recording.session,
        track="mix",
        epoch=2,
        start_ns=start_ns,
        end_ns=2 * NS,
        frames=1,
        keyframe=True,
        codec="aac",
    )
    recording.put(message, encoder.fragment(packets, 88_200), encoder.init)
    encoder.close()
    recording.finish(2.0)
    with pytest.raises(RequestRejected, match="aac 48000x2 to aac 44100x2") as caught:
        run(recording, tmp_path / "film.mp4")
    assert caught.value.remedy
    assert [file.name for file in tmp_path.iterdir()] == ["store"], "litter"


def test_a_lost_chunk_shows_the_last_good_picture_until_the_next_that_stands_alone(
    recording: Recording, tmp_path: Path
) -> None:
    recording.video([index / 30 for index in range(90)], 3.0, keyframe_every=30, lose=[4])
    recording.finish(3.0)
    assert StoreReader(recording.store).gaps(recording.session, "video-1")[0].reason is GapReason.DROPPED
    exported, film = run(recording, tmp_path / "film.mp4")
    # Pictures 40 to 49 are lost; 50 to 59 build on them.
    assert [number for _, number in film.pictures] == [*range(40), *range(60, 90)]
    assert exported.duration_s == pytest.approx(3.0, abs=0.001)


def test_a_told_gap_does_not_break_what_follows(recording: Recording, tmp_path: Path) -> None:
    recording.gap("video-1", 1 / 3 * 4, 1 / 3 * 5, GapReason.HIDDEN)
    recording.video([index / 30 for index in range(90)], 3.0, lose=[4])
    recording.finish(3.0)
    _, film = run(recording, tmp_path / "film.mp4")
    numbers = [number for _, number in film.pictures]
    assert numbers[:40] == list(range(40))
    assert numbers[-1] == 89, "waiting for a picture that stands alone would have left out all the rest"


@pytest.mark.parametrize("damage", ["missing", "damaged", "not-media"])
def test_damage_in_the_store_costs_only_what_it_hit(five_seconds: Recording, tmp_path: Path, damage: str) -> None:
    hit = list(StoreReader(five_seconds.store).segments(five_seconds.session, "video-1"))[8]
    with five_seconds.store.write() as txn:
        if damage == "missing":
            txn.delete(Table.CHUNKS, hit.chunk)
        elif damage == "damaged":
            txn.put(Table.CHUNKS, hit.chunk, b"other bytes")
        else:
            from reeld.store import chunks  # noqa: PLC0415 - the one use

            key = at(track_prefix(five_seconds.session, "video-1"), hit.start_ns)
            entry = txn.record(Table.TIMELINE, key, ChunkEntry)
            assert entry is not None
            fields = {name: getattr(entry, name) for name in entry.__struct_fields__}
            digest = chunks.add(txn, b"stored as it came, but never a chunk")
            txn.put_record(Table.TIMELINE, key, ChunkEntry(**{**fields, "chunk": digest}))
    exported, film = run(five_seconds, tmp_path / "film.mp4")
    # Chunk 8 holds pictures 80 to 89; the next that stands alone is 120.
    assert [number for _, number in film.pictures] == [*range(80), *range(120, 150)]
    assert exported.duration_s == pytest.approx(5.0, abs=0.001)
    assert len(beeps(film.sounds[0])) == 2


def test_chosen_tracks_only(five_seconds: Recording, tmp_path: Path) -> None:
    _, film = run(five_seconds, tmp_path / "film.mp4", tracks=["system"])
    assert (film.pictures, film.titles) == ([], ["Label of system"])
    with pytest.raises(RequestRejected) as caught:
        run(five_seconds, tmp_path / "film.mp4", tracks=["camera"])
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_a_session_that_is_being_recorded_is_exported_as_far_as_it_is(recording: Recording, tmp_path: Path) -> None:
    recording.video([index / 30 for index in range(30)], 1.0)
    exported, film = run(recording, tmp_path / "film.mp4")
    assert (exported.duration_s, len(film.pictures)) == (close_to(1.0), 30)


def test_a_session_with_nothing_in_it_is_an_error_that_says_so(recording: Recording, tmp_path: Path) -> None:
    with pytest.raises(RequestRejected, match="nothing was recorded"):
        run(recording, tmp_path / "film.mp4")
    recording.gap("mix", 0, 1, GapReason.DEVICE_LOST)
    recording.finish(1.0)
    with pytest.raises(RequestRejected, match="nothing was recorded"):
        run(recording, tmp_path / "film.mp4")
    assert not (tmp_path / "film.mp4").exists()


def test_a_disk_that_fills_up_midway_leaves_nothing_behind(five_seconds: Recording, tmp_path: Path) -> None:
    five_seconds.store.close()
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from reeld.export.remux import export; from reeld.store.reader import StoreReader\n"
        "from reeld_proto.workers import RunExport; from reeld_proto.errors import ReeldError\n"
        "reader = StoreReader.open(Path(sys.argv[1]))\n"
        "order = RunExport(store='', session=sys.argv[2], path=sys.argv[3], from_s=None, to_s=None, tracks=[])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n"
        "try: export(reader, order)\n"
        "except ReeldError as error: print(error.code)\n"
    )
    film = tmp_path / "out" / "film.mp4"
    film.parent.mkdir()
    command = [sys.executable, "-c", code, str(tmp_path / "store"), five_seconds.session, str(film)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)})
    assert done.stdout == "disk-full\n", done.stderr
    assert list(film.parent.iterdir()) == []


def test_a_stopped_export_leaves_nothing_behind(five_seconds: Recording, tmp_path: Path) -> None:
    order = RunExport(
        store="", session=five_seconds.session, path=str(tmp_path / "film.mp4"), from_s=None, to_s=None, tracks=[]
    )
    seen: list[float] = []

    def stop_halfway(done_s: float, total_s: float) -> bool:
        seen.append(done_s)
        assert total_s == 5.0
        return done_s < 2.5

    with pytest.raises(RequestRejected, match="stopped"):
        export(StoreReader(five_seconds.store), order, stop_halfway)
    assert seen == sorted(seen)
    assert [file.name for file in tmp_path.iterdir()] == ["store"]


def test_an_hour_of_a_lost_microphone_needs_no_memory(recording: Recording, tmp_path: Path) -> None:
    # The silence is made as it is written; only the muxer's index grows.
    recording.sound(0, 2.0, beep(1.0))
    prefix = track_prefix(recording.session, "mix")
    with recording.store.write() as txn:
        _, value = next(txn.scan(Table.TIMELINE, prefix))
        txn.put(Table.TIMELINE, at(prefix, 3600 * NS), value)
    recording.finish(3601.0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    order = RunExport(
        store="", session=recording.session, path=str(tmp_path / "f.mp4"), from_s=None, to_s=None, tracks=["mix"]
    )
    exported = export(StoreReader(recording.store), order)
    assert exported.duration_s > 3600
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000
