"""Counters. Harm guarded against: figures that are wrong, and a look at them that costs more than the recording."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.control import stats as stats_module
from reeld.control.stats import StatsSampler
from reeld_proto.records import SessionBrief, SessionState, WorkerInfo, WorkerState
from reeld_proto.stats import QueueStats, TrackStats
from reeld_proto.workers import Progress
from tests.support.wait import until

BUSY = "print('x', flush=True)\nwhile True: pass"


class Around:
    """What the rest of the daemon would say."""

    def __init__(self, store: Path) -> None:
        self.workers: list[WorkerInfo] = []
        self.progress: dict[str, Progress] = {}
        self.session: SessionBrief | None = None
        self.sampler = StatsSampler(
            store,
            workers=lambda: self.workers,
            progress=lambda: self.progress,
            session=lambda: self.session,
            restarts=lambda name: 3 if name == "capture-1" else 0,
        )

    def record(self, session: str = "s1") -> None:
        self.session = SessionBrief(id=session, name="n", state=SessionState.ACTIVE, elapsed_s=1.0)


@pytest.fixture
def around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Around:
    monkeypatch.setattr(stats_module, "FRESH_NS", 0)
    return Around(tmp_path)


@pytest.fixture
def busy() -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_the_daemon_itself_is_counted(around: Around) -> None:
    (daemon,) = around.sampler.sample().workers
    assert (daemon.name, daemon.pid) == ("reeld", os.getpid())
    assert daemon.rss_bytes > 10**6


def test_a_busy_process_shows_as_busy_already_at_the_first_look(around: Around, busy: "subprocess.Popen[str]") -> None:
    around.workers = [WorkerInfo(name="capture-1", pid=busy.pid, state=WorkerState.RUNNING)]
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 0.3)
    first = around.sampler.sample().workers[1]
    assert 0.05 < first.cpu <= 1.2
    assert first.restarts == 3
    os.kill(busy.pid, signal.SIGSTOP)
    around.sampler.sample()
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 0.2)
    assert around.sampler.sample().workers[1].cpu < 0.05


def test_a_process_that_is_gone_is_left_out(around: Around, busy: "subprocess.Popen[str]") -> None:
    around.workers = [
        WorkerInfo(name="capture-1", pid=busy.pid, state=WorkerState.RUNNING),
        WorkerInfo(name="audio", pid=0, state=WorkerState.FAILED),
    ]
    assert len(around.sampler.sample().workers) == 2
    busy.kill()
    busy.wait()
    assert len(around.sampler.sample().workers) == 1
    around.workers = []
    around.sampler.sample()
    assert set(around.sampler._processes) == {os.getpid()}, "kept for ever"


def test_tracks_and_queues_come_from_the_session_that_runs(around: Around) -> None:
    queue = QueueStats(name="outbox", unit="bytes", depth=1, limit=2)
    around.workers = [WorkerInfo(name="audio-1", pid=os.getpid(), state=WorkerState.RUNNING)]
    around.progress = {
        "audio-1": Progress(worker="audio-standby-1", session="s1", tracks=[TrackStats(id="mic")], queues=[queue]),
        "audio-2": Progress(worker="audio-standby-2", session="old", tracks=[TrackStats(id="system")]),
    }
    assert around.sampler.sample().tracks == []
    around.record()
    stats = around.sampler.sample()
    assert [track.id for track in stats.tracks] == ["mic"]
    assert stats.workers[1].queues == [queue]
    assert stats.session == around.session


def test_disk_figures_are_of_the_store(around: Around, tmp_path: Path) -> None:
    before = around.sampler.sample()
    (tmp_path / "data.mdb").write_bytes(os.urandom(1_000_000))
    os.truncate(tmp_path / "data.mdb", 10**12)
    after = around.sampler.sample()
    assert 900_000 < after.store_bytes - before.store_bytes < 1_200_000, "a hole in the file is not disk"
    assert after.disk_free_bytes > 0
    assert around.sampler.free_bytes() > 0


def test_looks_in_quick_succession_share_one_sample(tmp_path: Path) -> None:
    sampler = Around(tmp_path).sampler
    assert sampler.sample() is sampler.sample()
