"""The life of a job. Harms guarded against: a job that ended and goes on, progress that falls, work that a restart
forgets, and a job that is tried forever."""

from datetime import UTC, datetime

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from reeld.enrich import saga
from reeld_proto.enrich import FINAL_STATES, EnrichJob, EnrichState
from reeld_proto.enrich_orders import SliceDone, StageOpened
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected, StoreCorrupt
from reeld_proto.findings import Stage
from reeld_proto.units import NS_PER_S

PENDING, RUNNING, PAUSED = EnrichState.PENDING, EnrichState.RUNNING, EnrichState.PAUSED
OPENED = StageOpened(engine="toy", version="1", total=10, cached=0)
WALL_NS = 1_800_000_000 * NS_PER_S


def job(*stages: Stage) -> EnrichJob:
    return saga.new_job("e1", "s", "standard", stages or (Stage.OCR, Stage.SUMMARY), 0, WALL_NS)


def running(*stages: Stage) -> EnrichJob:
    return saga.begun(job(*stages))


def found(done: float, *, finished: bool = False, seconds: float = 0.5, calls: int = 1) -> SliceDone:
    return SliceDone(done=done, finished=finished, seconds=seconds, calls=calls)


def through(one: EnrichJob, stage: Stage, opened: StageOpened, *slices: SliceDone) -> EnrichJob:
    """The stage opened, and these slices of it taken."""
    one = saga.stage_opened(one, stage, opened)
    for each in slices:
        one = saga.slice_done(one, stage, opened, each)
    return one


class AnyEvents(RuleBasedStateMachine):
    """Whatever happens to a job in whatever order: what ended stays, and nothing that was reached is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.job = job()
        self.before = self.job
        self.opened = OPENED
        self.done = 0.0
        self.at_work = False

    @initialize(stages=st.sets(st.sampled_from(Stage), min_size=1))
    def begin(self, stages: set[Stage]) -> None:
        self.job = self.before = job(*(stage for stage in Stage if stage in stages))

    def become(self, one: EnrichJob) -> None:
        self.before, self.job = self.job, one

    def refused(self, error: RequestRejected) -> None:
        assert error.code == ErrorCode.WRONG_STATE
        assert self.job.id in str(error)

    @rule()
    def turn(self) -> None:
        try:
            self.become(saga.begun(self.job))
        except RequestRejected as error:
            self.refused(error)
            assert self.job.state is not PENDING
        else:
            assert self.job.attempts == self.before.attempts + 1

    @precondition(lambda self: self.job.state is RUNNING and saga.next_stage(self.job) is not None)
    @rule(total=st.integers(0, 50), known=st.integers(0, 50), version=st.sampled_from("12"))
    def open(self, total: int, known: int, version: str) -> None:
        stage = saga.next_stage(self.job)
        assert stage is not None
        self.opened = StageOpened(engine="toy", version=version, total=total, cached=min(total, known))
        self.done, self.at_work = 0.0, True
        self.become(saga.stage_opened(self.job, stage, self.opened))
        assert self.job.stage == stage

    @precondition(lambda self: self.job.state is RUNNING and self.at_work)
    @rule(more=st.floats(0, 20), finished=st.booleans(), broken=st.booleans(), seconds=st.floats(0, 9))
    def take(self, more: float, finished: bool, broken: bool, seconds: float) -> None:
        stage = saga.next_stage(self.job)
        assert stage is not None
        self.done += more
        faults = {"ab": "no picture"} if broken else {}
        slice_ = SliceDone(done=self.done, finished=finished, seconds=seconds, calls=1, faults=faults)
        self.become(saga.slice_done(self.job, stage, self.opened, slice_))
        self.at_work = not finished
        assert (saga.next_stage(self.job) is stage) == (not finished)
        assert self.job.cost_s >= self.before.cost_s
        assert not broken or "no picture" in self.job.error

    @rule()
    def fails(self) -> None:
        try:
            self.become(saga.put_off(self.job, "the worker was lost"))
        except RequestRejected as error:
            self.refused(error)
            assert self.job.state is not RUNNING
        else:
            assert (self.job.state, self.job.error) == (PENDING, "the worker was lost")

    @rule()
    def pause(self) -> None:
        try:
            self.become(saga.paused(self.job))
        except RequestRejected as error:
            self.refused(error)
            assert self.job.state in FINAL_STATES

    @rule()
    def resume(self) -> None:
        try:
            self.become(saga.resumed(self.job))
        except RequestRejected as error:
            self.refused(error)
            assert self.job.state in FINAL_STATES
        else:
            assert self.job.state is not PAUSED

    @rule()
    def restart(self) -> None:
        self.become(saga.recovered(self.job))
        assert self.job.state is not RUNNING
        assert self.before.state is RUNNING or self.job == self.before

    @precondition(lambda self: self.job.state in FINAL_STATES or saga.next_stage(self.job) is None)
    @rule()
    def complete(self) -> None:
        self.end(EnrichState.COMPLETED)

    @rule(state=st.sampled_from([EnrichState.FAILED, EnrichState.CANCELLED]))
    def end(self, state: EnrichState) -> None:
        try:
            self.become(saga.ended(self.job, state, WALL_NS + NS_PER_S, "why"))
        except RequestRejected as error:
            self.refused(error)
            assert self.job.state in FINAL_STATES
        else:
            assert (self.job.state, self.job.error, self.job.remaining_s) == (state, "why", None)

    @invariant()
    def what_ended_stays_as_it_ended(self) -> None:
        assert self.before.state not in FINAL_STATES or self.job == self.before
        assert bool(self.job.ended_at) == (self.job.state in FINAL_STATES)

    @invariant()
    def progress_never_falls_and_is_whole_only_at_the_end(self) -> None:
        assert 0 <= self.before.progress <= self.job.progress <= 1
        assert (self.job.progress == 1) == (self.job.state is EnrichState.COMPLETED)

    @invariant()
    def attempts_only_rise(self) -> None:
        assert self.before.attempts <= self.job.attempts <= self.before.attempts + 1

    @invariant()
    def what_a_job_is_about_stays(self) -> None:
        one, other = self.before, self.job
        assert (one.id, one.session, one.plan, one.created_at) == (
            other.id,
            other.session,
            other.plan,
            other.created_at,
        )
        assert [each.stage for each in one.stages] == [each.stage for each in other.stages]

    @invariant()
    def a_stage_that_is_completed_stays_so(self) -> None:
        for one, other in zip(self.before.stages, self.job.stages, strict=True):
            assert one.state is not EnrichState.COMPLETED or one == other
            assert 0 <= other.done <= max(other.total, other.cached)
            assert (one.calls, one.seconds) <= (other.calls, other.seconds)


TestAnyEvents = AnyEvents.TestCase
TestAnyEvents.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_a_new_job_waits_and_knows_when_it_was_asked_for() -> None:
    one = job()
    assert (one.state, one.attempts, one.progress, one.ended_at) == (PENDING, 0, 0, "")
    assert datetime.fromisoformat(one.created_at) == datetime.fromtimestamp(1_800_000_000, UTC)
    assert [each.state for each in one.stages] == [PENDING, PENDING]


def test_stages_are_taken_in_order_and_the_last_one_leaves_nothing_to_do() -> None:
    one = running(Stage.OCR, Stage.SPEECH)
    seen = []
    while (stage := saga.next_stage(one)) is not None:
        seen.append(stage)
        one = through(one, stage, OPENED, found(10, finished=True))
    assert seen == [Stage.OCR, Stage.SPEECH]
    assert one.progress < 1
    assert saga.ended(one, EnrichState.COMPLETED, WALL_NS).progress == 1


def test_progress_is_the_share_of_all_stages() -> None:
    one = through(running(), Stage.OCR, OPENED, found(5))
    assert one.progress == 0.25
    one = through(one, Stage.OCR, OPENED, found(10, finished=True))
    assert one.progress == 0.5


def test_a_stage_that_is_opened_again_with_more_to_do_does_not_take_progress_back() -> None:
    one = through(running(), Stage.OCR, OPENED, found(8))
    again = saga.stage_opened(one, Stage.OCR, StageOpened(engine="toy", version="1", total=100, cached=8))
    assert again.progress == one.progress


def test_what_an_attempt_did_before_the_worker_was_lost_is_done_work_and_not_a_gift() -> None:
    one = through(running(), Stage.OCR, OPENED, found(6))
    one = saga.begun(saga.put_off(one, "lost"))
    one = through(one, Stage.OCR, StageOpened(engine="toy", version="1", total=10, cached=6), found(4, finished=True))
    (status, _) = one.stages
    assert (status.done, status.cached, status.calls, status.seconds, one.cost_s) == (10, 0, 2, 1.0, 1.0)


def test_an_engine_of_another_version_begins_anew() -> None:
    one = through(running(), Stage.OCR, OPENED, found(6))
    one = saga.stage_opened(one, Stage.OCR, StageOpened(engine="toy", version="2", total=10, cached=3))
    assert (one.stages[0].version, one.stages[0].done, one.stages[0].cached) == ("2", 3, 3)


def test_a_stage_without_anything_to_do_is_done() -> None:
    empty = StageOpened(engine="toy", version="1", total=0, cached=0)
    one = through(running(Stage.OCR), Stage.OCR, empty, found(0, finished=True))
    assert saga.next_stage(one) is None


def test_a_still_that_could_not_be_read_is_told_and_the_rest_goes_on() -> None:
    broken = SliceDone(done=1, faults={"ab": "the still ab is no picture"})
    one = through(running(), Stage.OCR, OPENED, broken, found(2))
    assert one.error == "1 could not be read: the still ab is no picture"
    assert one.state is RUNNING


def test_why_it_waits_is_forgotten_when_it_goes_on_or_is_stopped() -> None:
    waits = replace(running(), waiting="waits for mains power", remaining_s=12.0)
    assert saga.paused(waits).waiting == ""
    assert saga.paused(waits).remaining_s is None
    assert saga.recovered(waits).waiting == ""
    assert saga.begun(replace(job(), waiting="waits for mains power")).waiting == ""


def test_a_restart_leaves_what_a_person_paused_paused() -> None:
    assert saga.recovered(saga.paused(running())).state is PAUSED


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_a_job_that_ended_says_so_when_somebody_wants_it_to_go_on(state: EnrichState) -> None:
    over = saga.ended(job(), state, WALL_NS)
    for step in (saga.paused, saga.resumed, saga.begun):
        with pytest.raises(RequestRejected, match=f"e1 is {state.value}") as caught:
            step(over)
        assert caught.value.code == ErrorCode.WRONG_STATE
    with pytest.raises(RequestRejected):
        saga.ended(over, EnrichState.FAILED, WALL_NS)


def test_an_end_without_a_reason_keeps_the_last_one() -> None:
    one = saga.put_off(running(), "the worker was lost")
    assert saga.ended(one, EnrichState.CANCELLED, WALL_NS).error == "the worker was lost"


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (InternalError("lost", code=ErrorCode.WORKER_LOST), True),
        (RequestRejected("busy", code=ErrorCode.RATE_LIMITED), True),
        (RequestRejected("no room", code=ErrorCode.DISK_FULL), True),
        (RequestRejected("no such session", code=ErrorCode.NOT_FOUND), False),
        (StoreCorrupt("one bit differs"), False),
    ],
)
def test_only_faults_that_may_pass_are_tried_again(error: InternalError | RequestRejected, passes: bool) -> None:
    assert saga.is_transient(error) == passes


def test_the_next_attempt_waits_longer_each_time_and_never_forever() -> None:
    waits = [saga.retry_s(fruitless) for fruitless in range(1, saga.FRUITLESS_MAX)]
    assert waits == sorted(set(waits))
    assert waits[0] == saga.FIRST_RETRY_S == saga.retry_s(0)
    assert sum(waits) < 60
