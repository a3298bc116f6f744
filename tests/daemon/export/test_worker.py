import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from reeld.store.reader import StoreReader
from reeld.store.transaction import Table
from reeld_proto.commands import ErrorReply, Exported, Verified
from reeld_proto.errors import ErrorCode
from reeld_proto.records import GapReason
from reeld_proto.store_orders import MediaStaged, RunThin, RunUsage, Surveyed
from reeld_proto.workers import JobProgress, ListWorkerSources, RunExport, RunVerify
from tests.daemon.export.recording import Recording, watch
from tests.daemon.store.harness import Bench, bench


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Bench]:
    with (
        tempfile.TemporaryDirectory(prefix="rt-") as runtime,
        bench(Path(runtime), tmp_path / "store", "reeld.export.worker", "export-1") as made,
    ):
        made.start()
        yield made


def job(recording: Recording, path: Path, from_s: float | None = None) -> RunExport:
    store = str(recording.store.path)
    return RunExport(store=store, session=recording.session, path=str(path), from_s=from_s, to_s=None, tracks=[])


def test_exports_and_checks_run_while_the_store_is_being_written(
    exporter: Bench, recording: Recording, tmp_path: Path
) -> None:
    recording.video([index / 30 for index in range(60)], 2.0)
    exported = exporter.order(job(recording, tmp_path / "first.mp4"))
    assert isinstance(exported, Exported)
    assert exported.duration_s == pytest.approx(2.0, abs=0.001)
    assert exported.bytes == (tmp_path / "first.mp4").stat().st_size
    recording.video([2 + index / 30 for index in range(60)], 4.0, first_number=60, epoch=2)
    second = exporter.order(job(recording, tmp_path / "second.mp4", from_s=1.0))
    assert [number for _, number in watch(Path(second.path)).pictures] == list(range(30, 120))
    verified = exporter.order(RunVerify(store=str(recording.store.path), session=recording.session))
    assert (verified.ok, verified.checked_chunks) == (True, 13)
    progress = exporter.wait_for(JobProgress)
    assert (progress.worker, progress.session) == ("export-1", recording.session)


def test_room_is_measured_and_key_frames_are_staged_in_a_process_of_their_own(
    exporter: Bench, recording: Recording
) -> None:
    recording.video([index / 30 for index in range(60)], 2.0)
    recording.finish(2.0)
    store = str(recording.store.path)
    surveyed = exporter.order(RunUsage(store=store))
    assert isinstance(surveyed, Surveyed)
    assert [room.session for room in surveyed.sessions] == [recording.session]
    staged = exporter.order(RunThin(store=store, session=recording.session))
    assert isinstance(staged, MediaStaged)
    assert Path(staged.staged).stat().st_size > staged.new_bytes > 0


def test_damage_is_reported_by_the_worker(exporter: Bench, recording: Recording) -> None:
    recording.video([index / 30 for index in range(60)], 2.0)
    chunk = next(iter(StoreReader(recording.store).segments(recording.session, "video-1"))).chunk
    with recording.store.write() as txn:
        txn.put(Table.CHUNKS, chunk, b"flipped")
    verified = exporter.order(RunVerify(store=str(recording.store.path), session=None))
    assert isinstance(verified, Verified)
    assert [(fault.kind, fault.chunk) for fault in verified.faults] == [("chunk-damaged", chunk.hex())]


def test_what_cannot_be_done_is_answered_and_the_worker_goes_on(
    exporter: Bench, recording: Recording, tmp_path: Path
) -> None:
    recording.video([0.0], 1.0)
    orders = {
        ErrorCode.NOT_FOUND: job(recording, tmp_path / "none" / "film.mp4"),
        ErrorCode.INVALID_REQUEST: job(recording, tmp_path / "film.mp4", from_s=5.0),
        ErrorCode.UNKNOWN_COMMAND: ListWorkerSources(),
    }
    for code, order in orders.items():
        answer = exporter.order(order)
        assert isinstance(answer, ErrorReply)
        assert answer.code == code
    missing = RunVerify(store=str(tmp_path / "elsewhere"), session=None)
    assert exporter.order(missing).code == ErrorCode.NOT_FOUND
    assert isinstance(exporter.order(job(recording, tmp_path / "film.mp4")), Exported)


def test_leaving_in_the_middle_of_a_job_leaves_no_half_file(
    exporter: Bench, recording: Recording, tmp_path: Path
) -> None:
    # Four hours of a lost microphone: long to write, quick to set up.
    recording.sound(0, 1.0, lambda time_s: np.zeros(len(time_s)))
    recording.gap("mix", 1.0, 4 * 3600.0, GapReason.DEVICE_LOST)
    recording.finish(4 * 3600.0)
    out = tmp_path / "out"
    out.mkdir()
    exporter.send(job(recording, out / "film.mp4"))
    report = exporter.wait_for(JobProgress)
    assert report.total_s == pytest.approx(4 * 3600, abs=0.1)
    assert exporter.process is not None
    os.kill(exporter.process.pid, signal.SIGTERM)
    answer = exporter._receive()
    assert isinstance(answer, ErrorReply)
    assert answer.code == ErrorCode.WRONG_STATE
    assert exporter.process.wait(10) == 0
    assert list(out.iterdir()) == []


def test_what_a_killed_job_leaves_is_removed_by_the_next(exporter: Bench, recording: Recording, tmp_path: Path) -> None:
    recording.sound(0, 1.0, lambda time_s: np.zeros(len(time_s)))
    recording.gap("mix", 1.0, 4 * 3600.0, GapReason.DEVICE_LOST)
    recording.finish(4 * 3600.0)
    out = tmp_path / "out"
    out.mkdir()
    exporter.send(job(recording, out / "film.mp4"))
    exporter.wait_for(JobProgress)
    exporter.kill()
    assert len(list(out.iterdir())) == 1
    exporter.start()
    order = RunExport(
        store=str(recording.store.path),
        session=recording.session,
        path=str(out / "film.mp4"),
        from_s=0,
        to_s=1,
        tracks=[],
    )
    assert isinstance(exporter.order(order), Exported)
    assert [file.name for file in out.iterdir()] == ["film.mp4"]
