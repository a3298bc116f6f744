"""Old pictures as AV1. Harm guarded against: an original given up for something larger, worse, or of another time."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from reeld.export import compress as module
from reeld.export.compress import compress
from reeld.export.remux import export
from reeld.store.api import Circumstances
from reeld.store.reader import StoreReader
from reeld.store.replace import replace
from reeld.store.verify import verify
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import GapReason
from reeld_proto.store_orders import MediaStaged, ReplaceMedia, RunCompress
from reeld_proto.workers import RunExport
from tests.daemon.export import recording as recordings
from tests.daemon.export.recording import NS, Recording, watch

flat = recordings.picture


def textured(number: int, width: int = 160, height: int = 96) -> np.ndarray:
    """A picture with edges that move, of the same mean as the flat one: something to compress."""
    planes = flat(number, width, height)
    rows, columns = np.indices((height, width))
    waves = (8 * np.sign(np.sin((columns + 3 * number) / 5)) * np.sign(np.sin(rows / 4))).astype(np.int16)
    planes[:height] = np.clip(planes[:height].astype(np.int16) + waves, 16, 235).astype(np.uint8)
    return planes


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    made = Recording.new(tmp_path / "store", tracks=("video-1", "mix"))
    yield made
    made.store.close()


@pytest.fixture
def compressible(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> Recording:
    """Four seconds of moving texture, a gap, and two seconds more; and sound."""
    monkeypatch.setattr(recordings, "picture", textured)
    recording.video([each / 10 for each in range(40)], 4.0)
    recording.gap("video-1", 4.0, 5.0, GapReason.WORKER_RESTART)
    recording.video([5 + each / 10 for each in range(20)], 7.0, first_number=50, epoch=2)
    recording.sound(0, 7.0, lambda at: 0.1 * np.sin(at * 440 * 2 * np.pi))
    recording.finish(7.0)
    return recording


def run(recording: Recording) -> MediaStaged:
    order = RunCompress(store=str(recording.store.path), session=recording.session)
    return compress(StoreReader(recording.store), order)


def apply(recording: Recording, staged: MediaStaged) -> None:
    order = ReplaceMedia(session=recording.session, staged=staged.staged, reason="compressed")
    with recording.store.write() as txn:
        replace(txn, order, Circumstances(recording.store.path, ()))


def pictures(recording: Recording, path: Path) -> list[tuple[float, int]]:
    order = RunExport(store="", session=recording.session, path=str(path), from_s=None, to_s=None, tracks=["video-1"])
    export(StoreReader(recording.store), order)
    return watch(path).pictures


def left_behind(recording: Recording) -> list[Path]:
    return list((recording.store.path / "staging").iterdir())


def test_the_same_pictures_at_the_same_times_in_fewer_bytes(compressible: Recording, tmp_path: Path) -> None:
    before = pictures(compressible, tmp_path / "before.mp4")
    size = StoreReader(compressible.store).show(compressible.session).tracks[0].bytes
    staged = run(compressible)
    assert 0 < staged.new_bytes < module.SMALLER_THAN * size
    apply(compressible, staged)
    shown = StoreReader(compressible.store).show(compressible.session)
    assert (shown.tracks[0].codec, shown.tracks[0].bytes) == ("av1", staged.new_bytes)
    assert [gap.reason for gap in shown.gaps if gap.track == "video-1"] == [GapReason.WORKER_RESTART]
    assert pictures(compressible, tmp_path / "after.mp4") == before
    assert verify(compressible.store, None).ok
    assert all(
        segment.end_ns - segment.start_ns <= 2 * NS
        for segment in StoreReader(compressible.store).segments(compressible.session, "video-1")
    )


def test_what_is_compressed_already_is_left_alone(compressible: Recording) -> None:
    apply(compressible, run(compressible))
    assert run(compressible).staged == ""


def test_pictures_that_would_not_be_smaller_stay_as_they_are(
    compressible: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SMALLER_THAN", 0.01)
    assert run(compressible) == MediaStaged(staged="", new_bytes=0)
    assert left_behind(compressible) == []


def test_pictures_that_would_look_worse_stay_as_they_are(
    compressible: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PSNR_DB_MIN", 99.0)
    assert run(compressible).staged == ""
    assert left_behind(compressible) == []


def test_a_track_that_cannot_be_decoded_from_its_beginning_is_left_alone(recording: Recording) -> None:
    recording.video([each / 10 for each in range(40)], 4.0, lose=[0])
    recording.finish(4.0)
    assert run(recording).staged == ""


def test_a_job_that_is_stopped_leaves_nothing(compressible: Recording) -> None:
    order = RunCompress(store=str(compressible.store.path), session=compressible.session)
    with pytest.raises(RequestRejected) as caught:
        compress(StoreReader(compressible.store), order, lambda _done, _all: False)
    assert caught.value.code is ErrorCode.WRONG_STATE
    assert left_behind(compressible) == []
