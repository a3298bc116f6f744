"""The restart budget. Harm guarded against: a worker that dies for ever and takes the machine with it, or one that is
given up after a single accident."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.supervisor.budget import RestartBudget
from reeld_proto.units import NS_PER_S


def test_restarts_within_the_window_are_limited() -> None:
    budget = RestartBudget(restarts_max=3, window_ns=60 * NS_PER_S)
    assert [budget.spend(at * NS_PER_S) for at in (0, 1, 2, 3)] == [True, True, True, False]
    assert budget.total == 3


def test_old_restarts_are_forgotten() -> None:
    budget = RestartBudget(restarts_max=2, window_ns=60 * NS_PER_S)
    budget.spend(0)
    budget.spend(NS_PER_S)
    assert budget.spend(60 * NS_PER_S)
    assert not budget.spend(60 * NS_PER_S)


def test_a_refill_allows_everything_again_but_keeps_the_count() -> None:
    budget = RestartBudget(restarts_max=1)
    budget.spend(0)
    budget.refill()
    assert budget.spend(1)
    assert budget.total == 2


def test_the_first_restarts_are_immediate_and_later_ones_put_off() -> None:
    budget = RestartBudget()
    delays = []
    for at in range(10):
        budget.spend(at)
        delays.append(budget.backoff_ns(at))
    assert delays[:2] == [0, 0]
    assert delays == sorted(delays)
    assert delays[-1] == 5 * NS_PER_S


@given(st.lists(st.integers(0, 30 * NS_PER_S), max_size=60), st.integers(1, 5))
def test_no_window_ever_holds_more_than_allowed(pauses: list[int], allowed: int) -> None:
    window_ns = 60 * NS_PER_S
    budget = RestartBudget(restarts_max=allowed, window_ns=window_ns)
    now, granted = 0, []
    for pause in pauses:
        now += pause
        if budget.spend(now):
            granted.append(now)
    for at in granted:
        assert sum(1 for other in granted if at <= other < at + window_ns) <= allowed
