"""What may be spent. Harms guarded against: a cap that is passed, a cap of zero that spends, and work that costs
nothing and is stopped all the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reeld.enrich import money
from reeld.enrich.breaker import FAILURES_MAX, FIRST_S, LONGEST_S, Breaker
from reeld.enrich.settings import EnrichConfig
from reeld_proto.enrich import EnrichJob
from reeld_proto.errors import ErrorCode, RequestRejected

TODAY = "2026-11-27"
NS = 1_000_000_000


def job(name: str, cost: float, *, session: str = "s", created: str = TODAY) -> EnrichJob:
    return EnrichJob(id=name, session=session, plan="full", cost=cost, created_at=f"{created}T10:00:00+00:00")


@pytest.mark.parametrize("cap", ["cap_session", "cap_day", "cap_month"])
def test_a_cap_of_zero_spends_nothing_and_names_itself(cap: str) -> None:
    with pytest.raises(RequestRejected, match=cap) as caught:
        money.check(replace(EnrichConfig(), **{cap: 0.0}), job("a", 0.0), [], 0.000001, TODAY)
    assert caught.value.code is ErrorCode.DENIED


def test_what_costs_nothing_is_never_stopped() -> None:
    money.check(EnrichConfig(cap_session=0.0, cap_day=0.0, cap_month=0.0), job("a", 0.0), [], 0.0, TODAY)


@pytest.mark.parametrize(
    ("cap", "other"),
    [
        ("cap_session", job("b", 5.0, session="other")),
        ("cap_day", job("b", 5.0, created="2026-11-26")),
        ("cap_month", job("b", 5.0, created="2026-10-27")),
    ],
)
def test_each_cap_counts_its_own_and_nothing_else(cap: str, other: EnrichJob) -> None:
    config = replace(EnrichConfig(), **{cap: 1.0})
    money.check(config, job("a", 0.5), [other, job("a", 0.5)], 0.5, TODAY)
    with pytest.raises(RequestRejected):
        money.check(config, job("a", 0.5), [other, job("a", 0.5)], 0.51, TODAY)


@given(st.lists(st.floats(0.001, 1.0), max_size=30), st.floats(0, 5))
def test_whatever_is_asked_a_cap_is_never_passed(costs: list[float], cap: float) -> None:
    config = EnrichConfig(cap_day=cap)
    jobs: list[EnrichJob] = []
    for place, cost in enumerate(costs):
        asked = job(str(place), 0.0)
        try:
            money.check(config, asked, jobs, cost, TODAY)
        except RequestRejected:
            continue
        jobs.append(job(str(place), cost))
    assert sum(each.cost for each in jobs) <= cap


def test_tokens_cost_by_the_million() -> None:
    assert money.price(EnrichConfig(price_in=2.0, price_out=8.0), 500_000, 250_000) == 3.0


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
