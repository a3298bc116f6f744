"""Counters of every process, collected only when somebody looks. Belongs to the event loop's thread."""

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from reeld.runtime.clock import monotonic_ns, wall_ns
from reeld.store.spare import FILE_NAME as SPARE
from reeld_proto.records import SessionBrief, WorkerInfo, WorkerState
from reeld_proto.stats import Stats, TrackStats, WorkerStats
from reeld_proto.units import NS_PER_MS, NS_PER_S
from reeld_proto.upkeep import UpkeepTask
from reeld_proto.workers import Progress

FRESH_NS = 250 * NS_PER_MS
"""A snapshot this young is given again: CPU shares over shorter times are noise."""


class _Process:
    """A process and what it had used at the last sample; at first, since it was started."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        age_ns = max(0, wall_ns() - int(process.create_time() * NS_PER_S))
        self._used_s = 0.0
        self._at_ns = monotonic_ns() - age_ns

    def read(self) -> tuple[float, int]:
        """Cores used since the last call, and resident bytes. Raises psutil.Error when the process is gone."""
        with self._process.oneshot():
            times, rss = self._process.cpu_times(), self._process.memory_info().rss
        now_ns, used_s = monotonic_ns(), times.user + times.system
        elapsed_s = max(1, now_ns - self._at_ns) / NS_PER_S
        cores = max(0.0, used_s - self._used_s) / elapsed_s
        self._at_ns, self._used_s = now_ns, used_s
        return cores, int(rss)


class StatsSampler:
    """Asks the operating system about the daemon and its workers.

    store_dir: whose size and file system are reported.
    workers, progress, session, restarts, upkeep: where the other parts keep what they know; called at each sample.
    """

    def __init__(
        self,
        store_dir: Path,
        *,
        workers: Callable[[], list[WorkerInfo]],
        progress: Callable[[], Mapping[str, Progress]],
        session: Callable[[], SessionBrief | None],
        restarts: Callable[[str], int],
        upkeep: Callable[[], list[UpkeepTask]] = list,
    ) -> None:
        self._store_dir = store_dir
        self._workers = workers
        self._progress = progress
        self._session = session
        self._restarts = restarts
        self._upkeep = upkeep
        self._processes: dict[int, _Process] = {}
        self._last: Stats | None = None

    def free_bytes(self) -> int:
        """Free disk for this user where the store is."""
        found = os.statvfs(self._store_dir)
        return found.f_bavail * found.f_frsize

    def sample(self) -> Stats:
        """All counters now."""
        now_ns = monotonic_ns()
        if self._last is not None and now_ns - self._last.at_mono_ns < FRESH_NS:
            return self._last
        session = self._session()
        progress = self._progress()
        workers = [WorkerInfo(name="reeld", pid=os.getpid(), state=WorkerState.RUNNING), *self._workers()]
        self._last = Stats(
            at_mono_ns=now_ns,
            session=session,
            workers=[stats for worker in workers if (stats := self._worker(worker, progress)) is not None],
            tracks=self._tracks(session, progress),
            disk_free_bytes=self.free_bytes(),
            store_bytes=self._store_bytes(),
            upkeep=self._upkeep(),
        )
        live = {worker.pid for worker in workers}
        self._processes = {pid: process for pid, process in self._processes.items() if pid in live}
        return self._last

    def _worker(self, worker: WorkerInfo, progress: Mapping[str, Progress]) -> WorkerStats | None:
        if worker.pid == 0:
            return None
        try:
            process = self._processes.get(worker.pid)
            if process is None:
                process = self._processes[worker.pid] = _Process(psutil.Process(worker.pid))
            cpu, rss = process.read()
        except psutil.Error:
            return None
        latest = progress.get(worker.name)
        return WorkerStats(
            name=worker.name,
            pid=worker.pid,
            cpu=round(cpu, 4),
            rss_bytes=rss,
            restarts=self._restarts(worker.name),
            queues=list(latest.queues) if latest else [],
        )

    @staticmethod
    def _tracks(session: SessionBrief | None, progress: Mapping[str, Progress]) -> list[TrackStats]:
        if session is None:
            return []
        return [track for latest in progress.values() if latest.session == session.id for track in latest.tracks]

    def _store_bytes(self) -> int:
        total = 0
        with contextlib.suppress(OSError):
            for path in self._store_dir.iterdir():
                if path.name == SPARE:
                    continue  # room for the store, not of it
                found = path.lstat()
                # Blocks, not length: an LMDB file may have holes.
                total += found.st_blocks * 512
        return total
