import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.capture.pacer import SETTLE_NS, Pacer
from reeld_proto.units import NS_PER_MS, NS_PER_S

START_NS = 1_000 * NS_PER_S


def grabs(pacer: Pacer, changes: list[int]) -> list[int]:
    """When an undelayed recorder grabs, given when the picture changes."""
    taken: list[int] = []
    index = 0
    while index < len(changes):
        at_ns = pacer.allowed_ns(max(changes[index], taken[-1] if taken else 0))
        pacer.taken(at_ns)
        taken.append(at_ns)
        while index < len(changes) and changes[index] <= at_ns:
            index += 1
    return taken


def test_first_change_after_stillness_is_taken_at_once() -> None:
    """Harm: every reaction of the screen is recorded a frame late, so sound runs ahead."""
    pacer = Pacer(10)
    pacer.taken(START_NS)
    later = START_NS + 5 * NS_PER_S
    assert pacer.allowed_ns(later) == later + SETTLE_NS


@pytest.mark.parametrize("fps", [1, 24, 30, 60])
def test_rate_never_exceeds_fps(fps: int) -> None:
    """Harm: a busy screen costs more than was asked for."""
    changes = [START_NS + index * NS_PER_MS for index in range(5000)]
    taken = grabs(Pacer(fps), changes)
    assert len(taken) <= 5 * fps + 2


@given(st.lists(st.integers(0, 4 * NS_PER_MS), min_size=60, max_size=60))
def test_content_at_the_recorded_rate_is_taken_frame_by_frame(jitter: list[int]) -> None:
    """Harm: a film loses frames because grabs and its own frames beat against each other."""
    interval = NS_PER_S // 30
    changes = [START_NS + index * interval + late for index, late in enumerate(jitter)]
    taken = grabs(Pacer(30), changes)
    assert len(taken) == len(changes)
    for change, following, at_ns in zip(changes, [*changes[1:], changes[-1] + interval], taken, strict=True):
        assert change <= at_ns < following


@given(st.lists(st.integers(1, 200 * NS_PER_MS), min_size=2, max_size=50))
def test_a_state_that_lasts_one_interval_is_always_seen(pauses: list[int]) -> None:
    """Harm: a flash of a whole frame is lost."""
    interval = NS_PER_S // 30
    flashes, at_ns = [], START_NS
    for pause in pauses:
        at_ns += interval + pause
        flashes.append(at_ns)
        at_ns += interval
    changes = sorted([*flashes, *(flash + interval for flash in flashes)])
    taken = grabs(Pacer(30), changes)
    for flash in flashes:
        assert any(flash <= taken_ns < flash + interval for taken_ns in taken)


def test_late_grabs_count_as_missed_frames() -> None:
    """Harm: a recorder that cannot keep up reports a perfect recording."""
    pacer = Pacer(10)
    assert pacer.missed(START_NS, START_NS + 99 * NS_PER_MS) == 0
    assert pacer.missed(START_NS, START_NS + 100 * NS_PER_MS) == 1
    assert pacer.missed(START_NS, START_NS + 350 * NS_PER_MS) == 3
    assert pacer.missed(START_NS, START_NS - 5) == 0
