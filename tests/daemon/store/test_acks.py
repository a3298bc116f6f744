from hypothesis import given
from hypothesis import strategies as st

from reeld.store.acks import OUT_OF_STEP_NS_MAX, Acknowledger


def arrive(acks: Acknowledger, *numbers: int, now_ns: int = 1) -> int | None:
    """Numbers from one producer arrive and become durable; what it is told."""
    plan = acks.plan((("p", number) for number in numbers), now_ns)
    acks.apply(plan)
    return plan.acknowledge.get("p")


def test_a_stream_from_its_start_is_acknowledged_as_it_comes() -> None:
    acks = Acknowledger({})
    assert arrive(acks, 1) == 1
    assert arrive(acks, 2, 3) == 3


def test_what_outran_older_messages_after_a_restart_is_not_acknowledged() -> None:
    # 3 and 4 died with the last store; acknowledging 6 would make the producer forget them.
    acks = Acknowledger({"p": 2})
    assert arrive(acks, 5, 6) is None
    assert arrive(acks, 3) == 3
    assert arrive(acks, 4, 5, 6) == 6


def test_going_back_proves_that_nothing_older_exists() -> None:
    # 3 and 4 never existed: a full outbox skipped their numbers.
    acks = Acknowledger({"p": 2})
    assert arrive(acks, 5, 6) is None
    assert arrive(acks, 5) == 5
    assert arrive(acks, 6, 7) == 7


def test_a_skipped_number_does_not_stop_acknowledgements_for_ever() -> None:
    acks = Acknowledger({"p": 2})
    assert arrive(acks, 5, now_ns=1) is None
    assert arrive(acks, 6, now_ns=OUT_OF_STEP_NS_MAX) is None
    assert arrive(acks, 7, now_ns=OUT_OF_STEP_NS_MAX + 2) == 7


def test_a_hole_in_a_running_stream_is_the_producers_own_doing() -> None:
    acks = Acknowledger({})
    assert arrive(acks, 1, 2, 5) == 5


def test_a_new_process_under_an_old_name_is_not_taken_for_its_past() -> None:
    acks = Acknowledger({"p": 500})
    assert arrive(acks, 1) == 1
    assert arrive(acks, 2) == 2


def test_a_failed_commit_leaves_no_trace() -> None:
    acks = Acknowledger({"p": 2})
    acks.plan([("p", 3)], 1)
    assert arrive(acks, 4) is None


def test_after_a_full_disk_the_repetition_is_awaited() -> None:
    acks = Acknowledger({})
    assert arrive(acks, 1) == 1
    acks.expect_repetition()
    assert arrive(acks, 4) is None
    assert arrive(acks, 2, 3, 4) == 4


@given(st.integers(0, 10), st.integers(0, 10), st.integers(1, 10), st.data())
def test_nothing_that_was_lost_is_ever_acknowledged(durable: int, lost: int, later: int, data: st.DataObject) -> None:
    # A store commits 1..durable, loses the next `lost` with its life; the rest outran them into the new one.
    last = durable + lost + later
    stored = set(range(1, durable + 1))
    acks = Acknowledger({"p": durable} if durable else {})
    arrivals = [*range(durable + lost + 1, last + 1), *range(durable + 1, last + 1)]
    while arrivals:
        size = data.draw(st.integers(1, len(arrivals)))
        batch, arrivals = arrivals[:size], arrivals[size:]
        stored |= set(batch)
        told = arrive(acks, *batch)
        assert told is None or set(range(1, told + 1)) <= stored
    assert told == last
