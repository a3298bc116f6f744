"""What may be spent. Harms guarded against: a cap that is passed, a cap of zero that spends, and work that costs
nothing and is stopped all the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reeld.enrich import money
from reeld.enrich.breaker import FAILURES_MAX, FIRST_S, LONGEST_S, Breaker
from reeld.enrich.money import Spent
from reeld.enrich.settings import EnrichConfig
from reeld_proto.errors import ErrorCode, RequestRejected

NS = 1_000_000_000


NOTHING = Spent(0.0, 0.0, 0.0)


@pytest.mark.parametrize("cap", ["cap_session", "cap_day", "cap_month"])
def test_a_cap_of_zero_spends_nothing_and_names_itself(cap: str) -> None:
    with pytest.raises(RequestRejected, match=cap) as caught:
        money.check(replace(EnrichConfig(), **{cap: 0.0}), NOTHING, 0.000001)
    assert caught.value.code is ErrorCode.DENIED


def test_what_costs_nothing_is_never_stopped() -> None:
    money.check(EnrichConfig(cap_session=0.0, cap_day=0.0, cap_month=0.0), NOTHING, 0.0)


@pytest.mark.parametrize(
    ("cap", "spent"),
    [
        ("cap_session", Spent(session=0.5, day=5.0, month=5.0)),
        ("cap_day", Spent(session=5.0, day=0.5, month=5.0)),
        ("cap_month", Spent(session=5.0, day=5.0, month=0.5)),
    ],
)
def test_each_cap_counts_its_own_and_nothing_else(cap: str, spent: Spent) -> None:
    config = replace(EnrichConfig(), **{cap: 1.0})
    money.check(config, spent, 0.5)
    with pytest.raises(RequestRejected, match=cap):
        money.check(config, spent, 0.51)


@given(st.lists(st.floats(0.001, 1.0), max_size=30), st.floats(0, 5))
def test_whatever_is_asked_a_cap_is_never_passed(costs: list[float], cap: float) -> None:
    config = EnrichConfig(cap_day=cap)
    spent = 0.0
    for cost in costs:
        try:
            money.check(config, Spent(0.0, spent, 0.0), cost)
        except RequestRejected:
            continue
        spent += cost
    assert spent <= cap


def test_tokens_cost_by_the_million() -> None:
    config = EnrichConfig(
        language_model="big",
        language_small="tiny",
        price_in=2.0,
        price_out=8.0,
        small_price_in=0.2,
        small_price_out=0.4,
    )
    assert money.price(config, "big", 500_000, 250_000) == 3.0
    assert money.price(config, "tiny", 500_000, 250_000) == pytest.approx(0.2)


def test_near_a_cap_is_near_any_of_those_that_there_are() -> None:
    assert not money.is_near_cap(EnrichConfig(), Spent(9.0, 9.0, 9.0))
    config = EnrichConfig(cap_day=1.0, cap_month=10.0)
    assert not money.is_near_cap(config, Spent(9.0, 0.79, 7.9))
    assert money.is_near_cap(config, Spent(0.0, 0.8, 0.0))
    assert money.is_near_cap(config, Spent(0.0, 0.0, 8.0))


def test_a_service_is_left_alone_after_some_failures_and_longer_each_time() -> None:
    breaker = Breaker()
    for _ in range(FAILURES_MAX - 1):
        breaker.failed(0, 0.0)
        assert not breaker.is_open(1)
    breaker.failed(0, 0.0)
    assert breaker.is_open(round((FIRST_S - 1) * NS))
    assert not breaker.is_open(round(FIRST_S * NS))
    for _ in range(20):
        breaker.failed(0, 0.0)
    assert breaker.open_until_ns == LONGEST_S * NS
    breaker.answered()
    assert not breaker.is_open(1)


def test_a_service_that_says_when_to_come_back_is_heard() -> None:
    breaker = Breaker()
    breaker.failed(0, 7.0)
    assert breaker.is_open(6 * NS)
    assert not breaker.is_open(7 * NS)
