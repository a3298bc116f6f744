"""Jobs being carried out. Harm guarded against: a job that nobody can end, one that ends with whoever began it, half a
file that stays, a waiter that waits for ever."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from reeld.access.door import CALLER, OWNER, Caller, Peer
from reeld.control.job_desk import UNDER_WAY_MAX, JobDesk
from reeld.supervisor.jobs import FOLLOWER
from reeld_proto import commands as c
from reeld_proto.access import Scope
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.events import Event, JobChanged
from reeld_proto.jobs import JobState
from reeld_proto.scopes import ALL_SCOPES

EXPORT = c.ExportSession(session="s", path="/nowhere/x.mp4")
EXPORTED = c.Exported(path="/nowhere/x.mp4", duration_s=1.0, bytes=3)


class Room:
    """A desk, what it told everybody and what it wrote down."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.written: list[tuple[str, c.Reply]] = []
        self.desk = JobDesk(
            self.events.append, lambda caller, _command, reply: self.written.append((caller.who, reply))
        )
        self.go = asyncio.Event()

    async def work(self) -> c.Reply:
        await self.go.wait()
        return EXPORTED

    def states(self) -> list[JobState]:
        return [event.job.state for event in self.events if isinstance(event, JobChanged)]


def play(scene: Callable[[Room], Coroutine[Any, Any, None]], scopes: frozenset[Scope] = ALL_SCOPES) -> None:
    async def run() -> None:
        CALLER.set(Caller(Peer(b"x"), OWNER, scopes))
        room = Room()
        await asyncio.wait_for(scene(room), 10)
        await room.desk.close()
        assert room.desk.under_way() == []

    asyncio.run(run())


def test_whoever_begins_a_job_is_answered_at_once_and_whoever_waits_at_its_end() -> None:
    async def scene(room: Room) -> None:
        begun = room.desk.start(EXPORT, room.work(), None)
        assert (begun.job.state, begun.result) == (JobState.QUEUED, None)
        waiting = asyncio.ensure_future(room.desk.wait(begun.job.id))
        await asyncio.sleep(0)
        assert room.desk.under_way()[0].id == begun.job.id
        room.go.set()
        assert await waiting == EXPORTED
        shown = room.desk.show(begun.job.id)
        assert shown.job.state is JobState.COMPLETED
        assert shown.result == {"type": "sessions.export.reply", "path": EXPORTED.path, "duration_s": 1.0, "bytes": 3}
        assert await room.desk.wait(begun.job.id) == EXPORTED  # also when it ended long ago
        assert room.written == [(OWNER, EXPORTED)]
        assert room.states() == [JobState.QUEUED, JobState.COMPLETED]

    play(scene)


def test_a_command_for_which_somebody_waits_is_a_job_as_well() -> None:
    async def scene(room: Room) -> None:
        waiting = asyncio.ensure_future(room.desk.carry_out(EXPORT, room.work()))
        await asyncio.sleep(0)
        (job,) = room.desk.all().jobs
        cancelled = await room.desk.cancel(job.id)
        assert cancelled.job.state is JobState.CANCELLED
        reply = await waiting
        assert isinstance(reply, c.ErrorReply)
        assert (reply.code, reply.message) == (ErrorCode.CANCELLED, f"job {job.id} was cancelled")
        assert room.written == []  # the server writes down what it answers

    play(scene)


def test_whoever_is_cancelled_while_waiting_for_a_command_takes_its_job_along() -> None:
    async def scene(room: Room) -> None:
        waiting = asyncio.ensure_future(room.desk.carry_out(EXPORT, room.work()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert room.desk.all().jobs[0].state is JobState.CANCELLED

    play(scene)


def test_whoever_stops_waiting_for_a_job_leaves_it_alone() -> None:
    async def scene(room: Room) -> None:
        begun = room.desk.start(EXPORT, room.work(), None)
        waiting = asyncio.ensure_future(room.desk.wait(begun.job.id))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        room.go.set()
        assert await room.desk.wait(begun.job.id) == EXPORTED

    play(scene)


def test_a_job_may_be_cancelled_before_it_took_its_first_step() -> None:
    async def scene(room: Room) -> None:
        begun = room.desk.start(EXPORT, room.work(), None)
        assert (await room.desk.cancel(begun.job.id)).job.state is JobState.CANCELLED
        reply = await room.desk.wait(begun.job.id)
        assert isinstance(reply, c.ErrorReply)
        assert reply.code == ErrorCode.CANCELLED

    play(scene)


def test_a_job_that_ended_stays_as_it_is_when_it_is_cancelled() -> None:
    async def scene(room: Room) -> None:
        room.go.set()
        begun = room.desk.start(EXPORT, room.work(), None)
        await room.desk.wait(begun.job.id)
        assert (await room.desk.cancel(begun.job.id)).job.state is JobState.COMPLETED

    play(scene)


def test_a_job_whose_time_is_up_is_cancelled_and_leaves_nothing(tmp_path: Path) -> None:
    part = tmp_path / ".x.mp4.999999999.0123abcd.reeld-part"
    part.write_bytes(b"half")

    async def scene(room: Room) -> None:
        command = c.ExportSession(session="s", path=str(tmp_path / "x.mp4"))
        begun = room.desk.start(command, room.work(), 0.01)
        reply = await room.desk.wait(begun.job.id)
        assert isinstance(reply, c.ErrorReply)
        assert reply.message == f"job {begun.job.id} was cancelled, for it was not done within 0.01 s"
        assert room.desk.show(begun.job.id).job.state is JobState.CANCELLED

    play(scene)
    assert list(tmp_path.iterdir()) == []


def test_errors_are_answers_and_ours_are_told_apart() -> None:
    async def fail(error: Exception) -> c.Reply:
        raise error

    async def scene(room: Room) -> None:
        refused = RequestRejected("no room", code=ErrorCode.DISK_FULL, remedy="Free some.")
        reply = await room.desk.carry_out(EXPORT, fail(refused))
        assert reply == c.ErrorReply(code=ErrorCode.DISK_FULL, message="no room", remedy="Free some.")
        for fault in (ZeroDivisionError(), TimeoutError()):
            reply = await room.desk.carry_out(EXPORT, fail(fault))
            assert isinstance(reply, c.ErrorReply)
            assert reply.code == ErrorCode.INTERNAL
        assert {job.state for job in room.desk.all().jobs} == {JobState.FAILED}

    play(scene)


def test_what_its_process_tells_is_told_everybody() -> None:
    async def scene(room: Room) -> None:
        async def work() -> c.Reply:
            follower = FOLLOWER.get()
            assert follower is not None
            follower.began()
            follower.began()  # an import has several processes, one after the other
            follower.advanced(1.0, 4.0)
            return EXPORTED

        await room.desk.carry_out(EXPORT, work())
        told = [(event.job.state, event.job.progress) for event in room.events if isinstance(event, JobChanged)]
        assert told == [
            (JobState.QUEUED, None),
            (JobState.RUNNING, None),
            (JobState.RUNNING, 0.25),
            (JobState.COMPLETED, 1.0),
        ]

    play(scene)


def test_an_unknown_job_is_named() -> None:
    async def scene(room: Room) -> None:
        for ask in (room.desk.wait, room.desk.cancel):
            with pytest.raises(RequestRejected, match="there is no job nope") as caught:
                await ask("nope")
            assert caught.value.code is ErrorCode.NOT_FOUND

    play(scene)


def test_what_a_caller_may_not_begin_it_may_neither_await_nor_end() -> None:
    """Harm: a token for reading that stops the owner's copy of the store."""

    async def scene(room: Room) -> None:
        begun = room.desk.start(c.SyncStore(target="/x"), room.work(), None)
        for ask in (room.desk.wait, room.desk.cancel):
            with pytest.raises(RequestRejected, match="admin"):
                await ask(begun.job.id)

    play(scene, frozenset({Scope.OBSERVE, Scope.READ}))


def test_too_many_are_refused_and_none_of_them_is_begun() -> None:
    async def scene(room: Room) -> None:
        for _ in range(UNDER_WAY_MAX):
            room.desk.start(EXPORT, room.work(), None)
        with pytest.raises(RequestRejected, match="under way"):
            room.desk.start(EXPORT, room.work(), None)
        assert len(room.desk.under_way()) == UNDER_WAY_MAX

    play(scene)
