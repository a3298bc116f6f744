"""How long the rest will take. Harms guarded against: a number without any ground, one that counts what was known as
work done, and one that stays when the machine is faster or slower."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.enrich import estimates
from reeld.enrich.estimates import JOBS_LOOKED_AT, LOCAL_S
from reeld_proto.enrich import EnrichJob, EnrichState, StageStatus
from reeld_proto.findings import Stage

RUNNING, COMPLETED = EnrichState.RUNNING, EnrichState.COMPLETED


def status(
    stage: Stage,
    *,
    done: float = 0,
    total: float = 0,
    cached: float = 0,
    seconds: float = 0,
    state: EnrichState = RUNNING,
    engine: str = "toy",
) -> StageStatus:
    return StageStatus(stage=stage, state=state, engine=engine, done=done, total=total, cached=cached, seconds=seconds)


def job(*stages: StageStatus) -> EnrichJob:
    return EnrichJob(id="e1", session="s", plan="p", stages=list(stages))


def past(stage: Stage, seconds_each: float, engine: str = "toy") -> EnrichJob:
    """A job that has done ten items of a stage."""
    return job(status(stage, done=10, total=10, seconds=10 * seconds_each, state=COMPLETED, engine=engine))


def test_a_stage_that_was_never_run_here_is_unknown_and_not_zero() -> None:
    waits = job(status(Stage.OCR, total=10))
    assert estimates.remaining_s(waits, []) is None
    assert estimates.speed(Stage.OCR, [past(Stage.SPEECH, 1)]) is None


def test_a_stage_of_which_nobody_knows_how_much_it_is_is_unknown() -> None:
    waits = job(status(Stage.OCR, state=EnrichState.PENDING))
    assert estimates.remaining_s(waits, [past(Stage.OCR, 2)]) is None


def test_what_was_done_before_on_this_machine_tells_of_a_stage_that_begins() -> None:
    begins = job(status(Stage.OCR, total=10, done=4, cached=4), status(Stage.CHAPTERS, state=EnrichState.PENDING))
    assert estimates.remaining_s(begins, [past(Stage.OCR, 2)]) == pytest.approx(12 + LOCAL_S)


def test_its_own_speed_counts_more_than_that_of_jobs_before() -> None:
    goes_on = job(status(Stage.OCR, total=10, done=6, cached=4, seconds=1))
    assert estimates.remaining_s(goes_on, [past(Stage.OCR, 60)]) == pytest.approx(2)


def test_what_was_known_already_makes_no_engine_fast() -> None:
    known = job(status(Stage.OCR, done=10, total=10, cached=10, seconds=0, state=COMPLETED))
    assert estimates.speed(Stage.OCR, [known]) is None
    half = job(status(Stage.OCR, done=10, total=10, cached=5, seconds=5, state=COMPLETED))
    assert estimates.speed(Stage.OCR, [known, half]) == pytest.approx(1)


def test_stages_that_are_completed_take_no_more_time() -> None:
    done = job(status(Stage.OCR, done=3, total=10, seconds=9, state=COMPLETED), status(Stage.SUMMARY))
    assert estimates.remaining_s(done, []) == LOCAL_S
    assert estimates.remaining_s(job(), []) == 0


def test_a_machine_that_became_faster_is_not_judged_by_what_was_long_ago() -> None:
    jobs = [past(Stage.OCR, 100), *(past(Stage.OCR, 1) for _ in range(JOBS_LOOKED_AT))]
    assert estimates.speed(Stage.OCR, jobs) == pytest.approx(1)


def test_the_speed_of_one_engine_is_not_that_of_another() -> None:
    jobs = [past(Stage.OCR, 1, "fast"), past(Stage.OCR, 9, "slow")]
    assert estimates.speed(Stage.OCR, jobs, "fast") == pytest.approx(1)
    assert estimates.speed(Stage.OCR, jobs, "slow") == pytest.approx(9)
    assert estimates.speed(Stage.OCR, jobs) == pytest.approx(5)
    assert estimates.speed(Stage.OCR, jobs, "other") is None


@given(
    st.lists(
        st.builds(
            status,
            st.sampled_from(Stage),
            done=st.floats(0, 1e6),
            total=st.floats(0, 1e6),
            cached=st.floats(0, 1e6),
            seconds=st.floats(0, 1e6),
            state=st.sampled_from(EnrichState),
        ),
        max_size=4,
    )
)
def test_time_that_is_left_is_never_negative(stages: list[StageStatus]) -> None:
    one = job(*stages)
    left_s = estimates.remaining_s(one, [one])
    assert left_s is None or left_s >= 0
