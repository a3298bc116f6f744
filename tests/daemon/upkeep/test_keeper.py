"""When background work is done. Harm guarded against: work in the way of a recording, work that cannot be stopped, and
work that is never done."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from reeld.runtime.clock import monotonic_ns
from reeld.upkeep import keeper
from reeld.upkeep.keeper import Ledger, Upkeep, Work
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected
from reeld_proto.units import NS_PER_S

HOUR_NS = 3600 * NS_PER_S


class Bench:
    """Works that note when they run, and one that goes on until it is let go."""

    def __init__(self) -> None:
        self.recording = False
        self.ran: list[str] = []
        self.let_go = asyncio.Event()
        self.begun = asyncio.Event()
        self.failing = False
        self.upkeep = Upkeep(is_recording=lambda: self.recording, first_after_s=60)
        self.upkeep.add(Work("quick", self.quick, 3600))
        self.upkeep.add(Work("quiet", self.quiet, 3600, needs_quiet=True))
        self.upkeep.add(Work("asked", self.long, None))

    async def quick(self, ledger: Ledger) -> None:
        if self.failing:
            raise InternalError("broken")
        self.ran.append("quick")
        ledger.done_bytes = ledger.total_bytes = 5

    async def quiet(self, ledger: Ledger) -> None:
        self.ran.append("quiet")
        ledger.detail = "made smaller"

    async def long(self, ledger: Ledger) -> None:
        ledger.done_bytes, ledger.total_bytes = 1, 2
        self.ran.append("asked")
        self.begun.set()
        await self.let_go.wait()
        ledger.done_bytes = 2

    def state(self, kind: str) -> str:
        return next(task.state for task in self.upkeep.status() if task.kind == kind)


def play(scene: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(10):
            await scene

    asyncio.run(limited())


def test_nothing_is_done_before_its_time_and_everything_at_it() -> None:
    async def scene() -> None:
        bench = Bench()
        await bench.upkeep.do_due(monotonic_ns())
        assert bench.ran == []
        await bench.upkeep.do_due(monotonic_ns() + 61 * NS_PER_S)
        assert bench.ran == ["quick", "quiet"]
        await bench.upkeep.do_due(monotonic_ns() + 61 * NS_PER_S)
        assert bench.ran == ["quick", "quiet"], "not again before an hour is over"
        await bench.upkeep.do_due(monotonic_ns() + HOUR_NS + 61 * NS_PER_S)
        assert bench.ran == ["quick", "quiet"] * 2

    play(scene())


def test_what_is_hastened_is_done_at_the_next_look_and_again_if_it_was_running() -> None:
    async def scene() -> None:
        bench = Bench()
        bench.upkeep.hasten("none of them")
        bench.upkeep.hasten("asked")
        running = asyncio.ensure_future(bench.upkeep.do_due(monotonic_ns()))
        await bench.begun.wait()
        bench.upkeep.hasten("asked")
        bench.let_go.set()
        await running
        await bench.upkeep.do_due(monotonic_ns())
        assert bench.ran == ["asked", "asked"]
        await bench.upkeep.do_due(monotonic_ns())
        assert bench.ran == ["asked", "asked"]

    play(scene())


def test_what_needs_quiet_waits_while_somebody_records() -> None:
    async def scene() -> None:
        bench = Bench()
        bench.recording = True
        await bench.upkeep.do_due(monotonic_ns() + HOUR_NS)
        assert bench.ran == ["quick"]
        assert bench.state("quiet") == "waiting"
        with pytest.raises(RequestRejected) as caught:
            await bench.upkeep.run("quiet")
        assert caught.value.code is ErrorCode.WRONG_STATE
        bench.recording = False
        await bench.upkeep.do_due(monotonic_ns() + round(keeper.RETRY_S + 1) * NS_PER_S)
        assert bench.ran == ["quick", "quiet"], "soon after, not an hour later"
        assert bench.state("quiet") == "idle"

    play(scene())


def test_a_pause_ends_what_is_under_way_and_a_resume_lets_it_be_done() -> None:
    async def scene() -> None:
        bench = Bench()
        run = asyncio.ensure_future(bench.upkeep.run("asked"))
        await bench.begun.wait()
        await bench.upkeep.pause(None)
        await run
        assert {task.state for task in bench.upkeep.status()} == {"paused"}
        await bench.upkeep.do_due(monotonic_ns() + HOUR_NS)
        assert bench.ran == ["asked"]
        bench.upkeep.resume("quick")
        await bench.upkeep.do_due(monotonic_ns() + HOUR_NS)
        assert bench.ran[-1] == "quick"
        assert (bench.state("quiet"), bench.state("quick")) == ("paused", "idle")

    play(scene())


def test_progress_and_the_last_run_are_told() -> None:
    async def scene() -> None:
        bench = Bench()
        await bench.upkeep.run("quick")
        quick = next(task for task in bench.upkeep.status() if task.kind == "quick")
        assert (quick.done_bytes, quick.total_bytes, quick.state) == (5, 5, "idle")
        assert quick.last_run_at.startswith("20")
        await bench.upkeep.run("quiet")
        assert next(task.detail for task in bench.upkeep.status() if task.kind == "quiet") == "made smaller"

    play(scene())


def test_a_fault_is_told_and_tried_again_soon() -> None:
    async def scene() -> None:
        bench = Bench()
        bench.failing = True
        with pytest.raises(InternalError):
            await bench.upkeep.run("quick")
        assert next(task.detail for task in bench.upkeep.status() if task.kind == "quick") == "broken"
        await bench.upkeep.do_due(monotonic_ns() + HOUR_NS)
        assert bench.ran == ["quiet"]
        bench.failing = False
        await bench.upkeep.do_due(monotonic_ns() + round(keeper.RETRY_S + 1) * NS_PER_S)
        assert bench.ran == ["quiet", "quick"]

    play(scene())


def test_one_kind_at_a_time() -> None:
    async def scene() -> None:
        bench = Bench()
        first = asyncio.ensure_future(bench.upkeep.run("asked"))
        await bench.begun.wait()
        second = asyncio.ensure_future(bench.upkeep.run("quick"))
        await asyncio.sleep(0)
        assert bench.ran == ["asked"]
        bench.let_go.set()
        await asyncio.gather(first, second)
        assert bench.ran == ["asked", "quick"]

    play(scene())


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    async def scene() -> None:
        with pytest.raises(RequestRejected) as caught:
            await Bench().upkeep.pause("dust")
        assert "quick" in caught.value.remedy

    play(scene())


def test_others_can_ask_whether_a_kind_is_paused() -> None:
    """The budget is kept beside the other work, and a pause holds for it, too."""

    async def scene() -> None:
        bench = Bench()
        assert not bench.upkeep.is_paused("quick")
        await bench.upkeep.pause("quick")
        assert bench.upkeep.is_paused("quick")
        assert not bench.upkeep.is_paused("quiet")
        assert not bench.upkeep.is_paused("unknown")
        bench.upkeep.resume("quick")
        assert not bench.upkeep.is_paused("quick")

    play(scene())


def test_an_ending_daemon_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        monkeypatch.setattr(keeper, "LOOK_EVERY_S", 0.001)
        upkeep = Upkeep(is_recording=lambda: False, first_after_s=0)
        begun, ended = asyncio.Event(), asyncio.Event()

        async def forever(_ledger: Ledger) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        upkeep.add(Work("long", forever, 3600))
        serving = asyncio.ensure_future(upkeep.serve())
        await begun.wait()
        assert upkeep.status()[0].state == "running"
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        await ended.wait()

    play(scene())


def test_another_period_holds_at_once_and_none_means_never() -> None:
    """Harm: work that was switched off in the config is done until the daemon is started again."""

    async def scene() -> None:
        bench = Bench()
        bench.upkeep.retime("quick", None)
        bench.upkeep.retime("quiet", 60)
        await bench.upkeep.do_due(monotonic_ns() + 61 * NS_PER_S)
        assert bench.ran == ["quiet"]
        await bench.upkeep.do_due(monotonic_ns() + 61 * NS_PER_S)
        assert bench.ran == ["quiet", "quiet"], "every minute, no longer every hour"
        bench.upkeep.retime("quick", 3600)
        bench.upkeep.retime("quiet", None)
        await bench.upkeep.do_due(monotonic_ns() + 61 * NS_PER_S)
        assert bench.ran == ["quiet", "quiet", "quick"]
        bench.upkeep.retime("quick", 60)
        await bench.upkeep.do_due(monotonic_ns() + 61 * NS_PER_S)
        assert bench.ran[3:] == ["quick"], "an hour that had begun is cut short"

    play(scene())


def test_work_that_is_switched_off_while_other_work_runs_is_not_done_after_it() -> None:
    async def scene() -> None:
        bench = Bench()
        bench.upkeep.retime("asked", 1)
        bench.upkeep.hasten("asked")
        running = asyncio.ensure_future(bench.upkeep.do_due(monotonic_ns() + 61 * NS_PER_S))
        await bench.begun.wait()
        bench.upkeep.retime("quick", None)
        bench.let_go.set()
        await running
        assert bench.ran == ["asked", "quiet"]

    play(scene())
