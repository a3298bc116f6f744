"""The queue. Harms guarded against: work that is lost or done twice after a crash, a job that holds up all others for
ever, one that goes on though it was cancelled, and results of which the job knows nothing."""

import asyncio

import pytest

from reeld.enrich import attempt as attempt_module
from reeld.enrich import choosing
from reeld.enrich import ledger as ledger_module
from reeld.enrich.keeper import EnrichKeeper
from reeld.enrich.settings import EnrichConfig, PlanConfig
from reeld.store.enrichment import finding_of
from reeld_proto.enrich import EnrichAction, EnrichState
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.findings import Stage
from reeld_proto.store_orders import EditRecord, RemoveSession
from tests.daemon.enrich.queueing import BUSY, FINE, LOST, SOON_S, STANDARD, Desk, run


def test_a_plan_goes_through_its_stages_in_order_and_the_store_knows_all_of_it(desk: Desk) -> None:
    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.wait((await keeper.start("s", "standard")).id)
        assert (job.state, job.progress, job.attempts, job.error) == (EnrichState.COMPLETED, 1.0, 1, "")
        assert [(each.stage, each.state) for each in job.stages] == [
            (stage, EnrichState.COMPLETED) for stage in STANDARD
        ]
        assert desk.stored() == [job]

    run(work, desk.keeper())
    assert desk.hand.opened == STANDARD
    assert desk.results() == 4
    with desk.shelf.store.read() as txn:
        assert finding_of(txn, "s", Stage.CHAPTERS) is not None
    progress = [job.progress for job in desk.events]
    assert progress == sorted(progress)
    assert [job.state for job in desk.events][-1] is EnrichState.COMPLETED


def test_a_second_run_of_the_plan_calls_no_engine(desk: Desk) -> None:
    async def work(keeper: EnrichKeeper) -> None:
        await keeper.wait((await keeper.start("s", "standard")).id)
        calls = desk.hand.reader.calls
        job = await keeper.wait((await keeper.start("s", "standard")).id)
        assert desk.hand.reader.calls == calls
        assert [each.calls for each in job.stages] == [0, 0, 0, 0]
        assert job.stages[0].cached == 4

    run(work, desk.keeper())


def test_what_is_asked_twice_while_it_goes_on_is_one_job(desk: Desk) -> None:
    async def work(keeper: EnrichKeeper) -> None:
        first, second = await keeper.start("s", "basic"), await keeper.start("s", "basic")
        assert first.id == second.id
        assert (await keeper.start("s", "standard")).id != first.id

    run(work, desk.keeper())


def test_an_unknown_plan_names_those_that_there_are(desk: Desk) -> None:
    async def work(keeper: EnrichKeeper) -> None:
        with pytest.raises(RequestRejected) as caught:
            await keeper.start("s", "everything")
        assert "basic" in caught.value.remedy
        assert keeper.jobs() == []

    run(work, desk.keeper())


@pytest.mark.parametrize("action", [EnrichAction.CANCEL, EnrichAction.PAUSE])
def test_cancel_and_pause_hold_at_once_and_nothing_is_found_afterwards(desk: Desk, action: EnrichAction) -> None:
    hangs = asyncio.Event()

    async def hang() -> None:
        if desk.hand.slices == 2:
            hangs.set()
            await asyncio.sleep(3600)

    desk.hand.before = hang

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.start("s", "standard")
        await hangs.wait()
        async with asyncio.timeout(1.0):
            (steered,) = await keeper.steer(action, job.id)
        wanted = EnrichState.CANCELLED if action is EnrichAction.CANCEL else EnrichState.PAUSED
        assert steered.state is wanted
        assert desk.stored()[0].state is wanted
        assert not desk.hand.is_there, "an engine cannot be interrupted, so its process is ended"
        assert desk.results() == 1, "what was found before stays"
        if action is EnrichAction.PAUSE:
            desk.hand.before = None
            await keeper.steer(EnrichAction.RESUME, job.id)
            assert (await keeper.wait(job.id)).state is EnrichState.COMPLETED
            assert desk.results() == 4
            assert desk.hand.reader.calls == 4, "the slice that was cut off had called no engine yet"

    run(work, desk.keeper())


def test_a_job_that_ended_is_not_paused_and_an_unknown_one_is_told(desk: Desk) -> None:
    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.wait((await keeper.start("s", "basic")).id)
        for which, code in ((job.id, ErrorCode.WRONG_STATE), ("nobody", ErrorCode.NOT_FOUND)):
            with pytest.raises(RequestRejected) as caught:
                await keeper.steer(EnrichAction.PAUSE, which)
            assert caught.value.code == code
        assert (await keeper.steer(EnrichAction.CANCEL, job.id))[0].state is EnrichState.COMPLETED

    run(work, desk.keeper())


def test_a_worker_that_dies_costs_a_slice_and_the_job_goes_on(desk: Desk) -> None:
    async def die() -> None:
        if desk.hand.slices % 2 == 0:
            desk.hand.run = None
            raise LOST

    desk.hand.before = die

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.wait((await keeper.start("s", "standard")).id)
        assert job.state is EnrichState.COMPLETED
        assert job.attempts > 3
        assert desk.hand.reader.calls == 4

    run(work, desk.keeper())
    assert desk.results() == 4


def test_a_fault_that_never_passes_ends_the_job_and_the_next_one_has_its_turn(desk: Desk) -> None:
    desk.hand.broken = {Stage.OCR}

    async def work(keeper: EnrichKeeper) -> None:
        first = await keeper.start("s", "standard", priority=5)
        desk.shelf.pages("other", [[9]])
        second = await keeper.start("other", "basic")
        assert (await keeper.wait(second.id)).state is EnrichState.COMPLETED
        failed = await keeper.wait(first.id)
        assert (failed.state, failed.attempts) == (EnrichState.FAILED, 4)
        assert "enrich-1 ended" in failed.error

    run(work, desk.keeper())


def test_a_permanent_fault_ends_the_job_at_once_with_its_remedy(desk: Desk) -> None:
    desk.hand.fails = [RequestRejected("no model", code=ErrorCode.NOT_FOUND, remedy="Install one.")]

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.wait((await keeper.start("s", "standard")).id)
        assert (job.state, job.attempts, job.error) == (EnrichState.FAILED, 1, "no model Install one.")

    run(work, desk.keeper())


def test_a_plan_that_undoes_leaves_nothing_of_what_it_found_and_all_of_what_others_did(desk: Desk) -> None:
    desk.config = EnrichConfig(plans=[PlanConfig(name="all", stages=[Stage.OCR, Stage.CHAPTERS], on_failure="undo")])
    desk.shelf.pages("before", [[1, 2], [40, 41]])

    async def spoil() -> None:
        if desk.hand.opened[-1] is Stage.CHAPTERS:
            raise RequestRejected("gone", code=ErrorCode.NOT_FOUND)

    async def work(keeper: EnrichKeeper) -> None:
        await keeper.wait((await keeper.start("before", "standard")).id)
        assert desk.results() == 2
        desk.hand.before = spoil
        job = await keeper.wait((await keeper.start("s", "all")).id)
        assert job.state is EnrichState.FAILED
        assert desk.results() == 2, "the page that both show was read by the other job"

    run(work, desk.keeper())


def test_what_the_store_did_not_keep_is_found_again_and_is_there_once(desk: Desk) -> None:
    desk.lost = 1

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.wait((await keeper.start("s", "standard")).id)
        assert (job.state, job.stages[0].done) == (EnrichState.COMPLETED, 4)

    run(work, desk.keeper())
    assert desk.results() == 4


def test_after_a_restart_what_was_running_goes_on_where_the_store_says_it_was(desk: Desk) -> None:
    hangs = asyncio.Event()

    async def hang() -> None:
        if desk.hand.slices == 3:
            hangs.set()
            await asyncio.sleep(3600)

    desk.hand.before = hang

    async def killed(keeper: EnrichKeeper) -> None:
        await keeper.start("s", "standard")
        await hangs.wait()

    run(killed, desk.keeper())
    left = desk.stored()
    assert [job.state for job in left] == [EnrichState.RUNNING]
    desk.hand.before = None
    keeper = desk.keeper()
    keeper.load(left)

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.wait(left[0].id)
        assert (job.state, job.attempts) == (EnrichState.COMPLETED, 2)
        assert job.stages[0].calls == 4, "what was read before the restart counts, and was not read again"

    run(work, keeper)
    assert desk.hand.reader.calls == 4


def test_work_waits_while_a_recording_needs_the_machine_and_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.weather = BUSY
    monkeypatch.setattr(attempt_module, "LOOK_EVERY_S", 0.01)

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.start("s", "standard")
        async with asyncio.timeout(SOON_S):
            await desk.told.wait()
        assert "recording" in keeper.jobs()[0].waiting
        assert desk.hand.slices == 0
        desk.weather = FINE
        keeper.reconfigure(desk.config)
        done = await keeper.wait(job.id)
        assert (done.state, done.waiting) == (EnrichState.COMPLETED, "")

    run(work, desk.keeper())


def test_a_finding_of_what_has_changed_meanwhile_is_made_again(desk: Desk) -> None:
    changed = False

    async def rename() -> None:
        nonlocal changed
        if desk.hand.opened[-1] is Stage.CHAPTERS and not changed:
            changed = True
            desk.shelf.order(EditRecord(session="s", name="another"))

    desk.hand.before = rename

    async def work(keeper: EnrichKeeper) -> None:
        assert (await keeper.wait((await keeper.start("s", "standard")).id)).state is EnrichState.COMPLETED

    run(work, desk.keeper())
    assert desk.hand.opened.count(Stage.CHAPTERS) == 2
    with desk.shelf.store.read() as txn:
        assert finding_of(txn, "s", Stage.CHAPTERS) is not None


def test_higher_priorities_go_first(desk: Desk) -> None:
    begun: list[str] = []

    async def work(keeper: EnrichKeeper) -> None:
        jobs = [await keeper.start(session, "basic", priority) for session, priority in (("s", 0), ("t", 1), ("u", 9))]
        for job in jobs:
            await keeper.wait(job.id)
        begun.extend(job.session for job in desk.events if job.state is EnrichState.RUNNING and not job.stage)

    desk.shelf.pages("t", [[30]])
    desk.shelf.pages("u", [[31]])
    keeper = desk.keeper()
    run(work, keeper)
    assert begun.index("u") < begun.index("t")


def test_a_session_that_is_deleted_takes_its_jobs_with_it(desk: Desk) -> None:
    async def vanish() -> None:
        if desk.hand.slices == 2:
            desk.shelf.order(RemoveSession(session="s", reason="test"))
            raise RequestRejected("there is no session s", code=ErrorCode.NOT_FOUND)

    desk.hand.before = vanish

    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.start("s", "standard")
        await keeper.wait(job.id)
        keeper.forget_session("s")
        assert keeper.jobs() == []

    run(work, desk.keeper())
    assert desk.results() == 0


def test_a_job_does_not_come_back_by_what_was_being_written_when_its_session_went(desk: Desk) -> None:
    writes = asyncio.Event()

    async def work(keeper: EnrichKeeper) -> None:
        desk.slow_store = writes
        await keeper.start("s", "standard")
        await writes.wait()
        desk.shelf.order(RemoveSession(session="s", reason="test"))
        keeper.forget_session("s")
        desk.slow_store = None
        other = desk.shelf.pages("other", [[60]])
        assert (await keeper.wait((await keeper.start(other, "basic")).id)).state is EnrichState.COMPLETED
        assert [job.session for job in keeper.jobs()] == [other]
        assert [job.session for job in desk.stored()] == [other]

    run(work, desk.keeper())


def test_who_asks_for_what_is_done_by_itself_has_it_first(desk: Desk) -> None:
    async def ask(keeper: EnrichKeeper) -> None:
        first = await keeper.start("s", "standard", -10, asked=False)
        second = await keeper.start("s", "standard")
        assert (second.id, second.priority) == (first.id, 0)

    asyncio.run(ask(desk.keeper()))  # nothing is begun meanwhile


def test_what_ended_long_ago_is_forgotten_as_in_the_store(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "JOBS_KEPT_MAX", 3)

    async def work(keeper: EnrichKeeper) -> None:
        for _ in range(6):
            await keeper.start("s", "off")
        assert len(keeper.jobs()) == 3

    run(work, desk.keeper())


def test_the_plan_off_does_nothing_and_is_done(desk: Desk) -> None:
    async def work(keeper: EnrichKeeper) -> None:
        job = await keeper.start("s", "off")
        assert (job.state, desk.hand.slices) == (EnrichState.COMPLETED, 0)

    run(work, desk.keeper())


def test_without_a_model_of_meanings_the_built_in_plans_do_without_and_ones_own_say_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.config = EnrichConfig(plans=[PlanConfig(name="mine", stages=[Stage.EMBEDDINGS])])
    keeper = desk.keeper()
    assert Stage.EMBEDDINGS in keeper.stages("full")
    monkeypatch.setattr(choosing, "has_embedder", lambda: False)
    assert Stage.EMBEDDINGS not in keeper.stages("full")
    assert Stage.LANGUAGE in keeper.stages("full")
    assert keeper.stages("mine") == (Stage.EMBEDDINGS,)
