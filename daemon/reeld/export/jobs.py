"""What each job does: one function a job, called in the job's own process."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from reeld.copies.importing import run_import
from reeld.copies.jobs import run_bundle, run_sync
from reeld.export.compress import compress
from reeld.export.recutting import recut
from reeld.export.remux import export
from reeld.export.snapshots import write_snapshots
from reeld.export.sound_file import export_sound, is_sound_file
from reeld.export.thin import thin
from reeld.runtime.clock import monotonic_ns
from reeld.store import suspicion
from reeld.store.compact import copy_store
from reeld.store.environment import StoreEnvironment
from reeld.store.page_check import check_pages
from reeld.store.reader import StoreReader
from reeld.store.usage import survey
from reeld.store.verify import verify
from reeld.upkeep.healing import heal
from reeld.upkeep.scrubbing import run_scrub
from reeld_proto.commands import Verified
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import (
    AnyOrder,
    AnyReport,
    RunBundle,
    RunCompact,
    RunCompress,
    RunExport,
    RunHealing,
    RunImport,
    RunRecut,
    RunScrub,
    RunSnapshots,
    RunSync,
    RunThin,
    RunUsage,
    RunVerify,
)

Progress = Callable[[str, str, float, float], bool]
"""Called with session, path, and (done, total) in seconds; returns False when the job is to stop."""

Job = Callable[[Any, Progress], AnyReport]


def _export(order: RunExport, progress: Progress) -> AnyReport:
    with closing(StoreReader.open(Path(order.store))) as reader:
        write = export_sound if is_sound_file(Path(order.path)) else export
        return write(reader, order, lambda done, total: progress(order.session, order.path, done, total))


def _verify(order: RunVerify, progress: Progress) -> AnyReport:
    started_ns = monotonic_ns()
    going_on = True

    def report(done_bytes: int, all_bytes: int) -> bool:
        nonlocal going_on
        elapsed_s = (monotonic_ns() - started_ns) / NS_PER_S
        going_on = progress(order.session or "", "", elapsed_s, elapsed_s * all_bytes / max(done_bytes, 1))
        return going_on

    with closing(StoreEnvironment.open_read(Path(order.store))) as store:
        if damaged := check_pages(store):
            suspicion.distrust(store.path)
            return Verified(ok=False, checked_chunks=0, checked_bytes=0, faults=damaged)
        verified = verify(store, order.session, report, max_duration_s=order.max_duration_s)
    if not going_on:
        raise RequestRejected("the check was stopped", code=ErrorCode.WRONG_STATE)
    return verified


def _heal(order: RunHealing, progress: Progress) -> AnyReport:
    return heal(order, lambda done, total: progress("", "", done, total))


def _scrub(order: RunScrub, progress: Progress) -> AnyReport:
    return run_scrub(order, lambda done, total: progress("", "", done, total))


def _compress(order: RunCompress, progress: Progress) -> AnyReport:
    with closing(StoreReader.open(Path(order.store))) as reader:
        return compress(reader, order, lambda done, total: progress(order.session, "", done, total))


def _thin(order: RunThin, progress: Progress) -> AnyReport:
    with closing(StoreReader.open(Path(order.store))) as reader:
        return thin(reader, order, lambda done, total: progress(order.session, "", done, total))


def _snapshots(order: RunSnapshots, progress: Progress) -> AnyReport:
    with closing(StoreReader.open(Path(order.store))) as reader:
        return write_snapshots(reader, order, lambda done, total: progress(order.session, order.folder, done, total))


def _usage(order: RunUsage, _progress: Progress) -> AnyReport:
    with closing(StoreEnvironment.open_read(Path(order.store))) as store:
        return survey(store)


def _recut(order: RunRecut, progress: Progress) -> AnyReport:
    with closing(StoreEnvironment.open_read(Path(order.store))) as store:
        return recut(store, order, lambda done, total: progress(order.session, "", done, total))


def _compact(order: RunCompact, progress: Progress) -> AnyReport:
    with closing(StoreEnvironment.open_read(Path(order.store))) as store:
        return copy_store(store, order.gain_bytes_min, lambda done, total: progress("", "", done, total))


JOBS: dict[type, Job] = {
    RunCompact: _compact,
    RunExport: _export,
    RunSnapshots: _snapshots,
    RunVerify: _verify,
    RunHealing: _heal,
    RunScrub: _scrub,
    RunThin: _thin,
    RunCompress: _compress,
    RunUsage: _usage,
    RunRecut: _recut,
    RunSync: run_sync,
    RunBundle: run_bundle,
    RunImport: run_import,
}


def run(order: AnyOrder, progress: Progress) -> AnyReport:
    """Run the job that `order` asks for. Raises ReeldError; UNKNOWN_COMMAND for an order that is no job."""
    job = JOBS.get(type(order))
    if job is None:
        raise RequestRejected(f"the exporter does not know {type(order).__name__}", code=ErrorCode.UNKNOWN_COMMAND)
    return job(order, progress)
