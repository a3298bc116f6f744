"""Export and verification workers. Harm guarded against: a job's process that stays, or whose death nobody is told."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq.asyncio
from msgspec import structs

from reeld.runtime.clock import wall_ns
from reeld.supervisor import jobs as jobs_module
from reeld.supervisor.jobs import FOLLOWER, Jobs
from reeld.supervisor.link import WorkerLink
from reeld_proto.commands import Exported, Verified
from reeld_proto.errors import ErrorCode, InternalError, StoreCorrupt, TransportError
from reeld_proto.events import Event, WorkerStateChanged
from reeld_proto.records import WorkerState
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import AnyTelemetry, JobProgress, RunExport, RunVerify, WorkerReady
from tests.support.premises import eventually, premises

pytestmark = pytest.mark.usefixtures("no_leaks")
EXPORT = RunExport(store="/s", session="s1", path="/out.mp4", from_s=None, to_s=None, tracks=[])
VERIFY = RunVerify(store="/s", session=None)


class Office:
    """Jobs with fake export workers."""

    def __init__(self, context: zmq.asyncio.Context, place: Any) -> None:
        self.events: list[Event] = []
        self.telemetry: list[AnyTelemetry] = []
        self.link = WorkerLink(
            context,
            place.endpoints,
            on_ready=self.ready,
            on_telemetry=self.heard,
        )
        self.jobs = Jobs(self.link, place, self.events.append, module="tests.support.fake_worker")

    def heard(self, said: AnyTelemetry) -> None:
        self.telemetry.append(said)
        if isinstance(said, JobProgress):
            self.jobs.on_progress(said)

    def ready(self, ready: WorkerReady) -> None:
        self.jobs.on_ready(ready)

    def states(self) -> list[WorkerState]:
        return [event.state for event in self.events if isinstance(event, WorkerStateChanged)]


def live(play: Callable[[Office], Coroutine[Any, Any, None]], **habits: str) -> None:
    async def run() -> None:
        with premises(**habits) as place, zmq.asyncio.Context() as context:
            office = Office(context, place)
            loops = [asyncio.ensure_future(work) for work in office.link.tasks()]
            try:
                await play(office)
                assert office.jobs.workers() == []
            finally:
                for loop in loops:
                    loop.cancel()
                await asyncio.gather(*loops, return_exceptions=True)
                office.link.close()

    asyncio.run(run())


class Watcher:
    """Follows one job."""

    def __init__(self) -> None:
        self.begun = 0
        self.far: list[float] = []

    def began(self) -> None:
        self.begun += 1

    def advanced(self, done: float, total: float) -> None:
        self.far.append(done / total)


@pytest.mark.parametrize("habits", ["endless", "endless,ignore-sigterm"])
def test_a_job_that_is_cancelled_in_the_middle_is_gone_within_a_second(habits: str, tmp_path: Path) -> None:
    """Harm: `cancel` that takes as long as the work, or leaves a process that goes on."""

    async def play(office: Office) -> None:
        FOLLOWER.set(watcher := Watcher())
        path = str(tmp_path / "x.mp4")
        work = asyncio.ensure_future(office.jobs.run(structs.replace(EXPORT, path=path)))
        await eventually(lambda: len(watcher.far) > 2)
        (worker,) = office.jobs.workers()
        began = time.monotonic()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert time.monotonic() - began < 1
        assert not psutil.pid_exists(worker.pid)
        assert watcher.begun == 1
        assert watcher.far == sorted(watcher.far)

    live(play, FAKE_EXPORT=habits)


def test_a_job_gets_a_process_of_its_own_which_leaves_when_it_is_done() -> None:
    async def play(office: Office) -> None:
        work = asyncio.ensure_future(office.jobs.run(EXPORT))
        await eventually(office.jobs.workers)
        (worker,) = office.jobs.workers()
        assert worker.name == "export-1"
        report = await work
        assert isinstance(report, Exported)
        assert not psutil.pid_exists(worker.pid)
        assert office.states() == [WorkerState.STARTING, WorkerState.RUNNING, WorkerState.STOPPING]
        await eventually(lambda: any(isinstance(said, JobProgress) for said in office.telemetry))

    live(play)


def test_more_jobs_than_slots_wait_for_their_turn() -> None:
    async def play(office: Office) -> None:
        works = [asyncio.ensure_future(office.jobs.run(VERIFY)) for _ in range(jobs_module.JOBS_MAX + 1)]
        await eventually(lambda: len(office.jobs.workers()) == jobs_module.JOBS_MAX)
        assert all(isinstance(report, Verified) for report in await asyncio.gather(*works))

    live(play, FAKE_EXPORT="slow")


def test_a_job_whose_process_is_killed_fails_at_once() -> None:
    async def play(office: Office) -> None:
        work = asyncio.ensure_future(office.jobs.run(EXPORT))
        await eventually(lambda: WorkerState.RUNNING in office.states())
        os.kill(office.jobs.workers()[0].pid, signal.SIGKILL)
        with pytest.raises(InternalError) as caught:
            await work
        assert caught.value.code == ErrorCode.WORKER_LOST

    live(play, FAKE_EXPORT="mute")


def test_a_job_that_a_damaged_store_ends_says_so_and_takes_nobody_with_it() -> None:
    async def play(office: Office) -> None:
        work = asyncio.ensure_future(office.jobs.run(VERIFY))
        await eventually(lambda: WorkerState.RUNNING in office.states())
        os.kill(office.jobs.workers()[0].pid, signal.SIGBUS)
        with pytest.raises(StoreCorrupt) as caught:
            await work
        assert "SIGBUS" in str(caught.value)
        assert caught.value.remedy

    live(play, FAKE_EXPORT="mute")


def test_a_job_that_cannot_start_fails() -> None:
    async def play(office: Office) -> None:
        with pytest.raises(InternalError) as caught:
            await office.jobs.run(EXPORT)
        assert caught.value.code == ErrorCode.WORKER_LOST

    live(play, FAKE_EXPORT="exit")


def test_a_cancelled_job_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "LEAVE_S", 0.1)

    async def play(office: Office) -> None:
        work = asyncio.ensure_future(office.jobs.run(EXPORT))
        await eventually(lambda: WorkerState.RUNNING in office.states())
        (worker,) = office.jobs.workers()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        await eventually(lambda: not office.jobs.workers())
        assert not psutil.pid_exists(worker.pid)

    live(play, FAKE_EXPORT="mute")


def test_a_job_that_never_gets_ready_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "READY_S", 0.2)
    monkeypatch.setattr(jobs_module, "LEAVE_S", 0.1)

    async def play(office: Office) -> None:
        with pytest.raises(TransportError):
            await office.jobs.run(EXPORT)

    live(play, FAKE_EXPORT="hang")


def test_what_a_job_may_read_is_known_from_its_start_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    # Else a collection would take the chunks of a session that is being exported.
    async def play(office: Office) -> None:
        assert office.jobs.oldest_start_wall_ns() is None
        begun_ns = wall_ns()
        task = asyncio.create_task(office.jobs.run(EXPORT))
        await eventually(office.jobs.workers)
        since_ns = office.jobs.oldest_start_wall_ns()
        assert since_ns is not None
        assert begun_ns <= since_ns <= wall_ns()
        # Somebody sets the clock back: what becomes garbage from now on bears earlier times.
        monkeypatch.setattr(jobs_module, "wall_ns", lambda: begun_ns - 3600 * NS_PER_S)
        set_back_ns = office.jobs.oldest_start_wall_ns()
        assert set_back_ns is not None
        assert set_back_ns <= begun_ns - 3600 * NS_PER_S
        monkeypatch.undo()
        await task
        assert office.jobs.oldest_start_wall_ns() is None

    live(play)


def test_work_of_several_jobs_keeps_what_it_will_need() -> None:
    async def play(office: Office) -> None:
        with office.jobs.keeping(), office.jobs.keeping():
            assert office.jobs.oldest_start_wall_ns() is not None
        assert office.jobs.oldest_start_wall_ns() is None

    live(play)


def test_the_session_that_a_job_reads_is_known_while_it_runs() -> None:
    # Else it could be deleted under an export, whose file would end in the middle.
    async def play(office: Office) -> None:
        task = asyncio.create_task(office.jobs.run(EXPORT))
        await eventually(office.jobs.workers)
        assert office.jobs.is_busy_with("s1")
        assert not office.jobs.is_busy_with("s2")
        await task
        assert not office.jobs.is_busy_with("s1")

    live(play)
