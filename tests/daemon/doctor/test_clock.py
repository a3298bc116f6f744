"""The verdict on the clocks, and a look at the real ones."""

import time
from dataclasses import replace
from typing import Any

import pytest

from reeld.doctor import clock
from reeld.doctor.clock import ClockFacts, judge
from tests.daemon.doctor.verdicts import FAULT, OK, WARNING, statuses

GOOD = ClockFacts(back_ns=0, step_ns=100, civil_s=1.8e9, synchronised=True)


@pytest.mark.parametrize(
    ("facts", "monotonic", "civil"),
    [
        (GOOD, OK, OK),
        (replace(GOOD, back_ns=1), FAULT, OK),
        (replace(GOOD, step_ns=15_600_000), WARNING, OK),
        (replace(GOOD, synchronised=False), OK, WARNING),
        (replace(GOOD, synchronised=None), OK, OK),
        (replace(GOOD, civil_s=0.0), OK, WARNING),
    ],
)
def test_each_clock_has_its_line(facts: ClockFacts, monotonic: Any, civil: Any) -> None:
    assert statuses(judge(facts)) == {"clock-monotonic": monotonic, "clock-civil": civil}


def test_the_real_monotonic_clock_is_in_order() -> None:
    facts = clock.gather()
    assert facts.back_ns == 0
    assert 0 < facts.step_ns < 1_000_000
    assert facts.synchronised in {True, False, None}
    assert statuses(clock.check())["clock-monotonic"] is OK


def test_a_clock_that_goes_back_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([*range(500), 490, *range(491, 2000)])
    monkeypatch.setattr(time, "monotonic_ns", lambda: next(readings))
    assert clock.gather().back_ns == 9
