"""How often a client may ask. Harm guarded against: a flood, and an honest client that is refused because of it."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.access.buckets import CLIENTS_MAX, Buckets
from reeld_proto.units import NS_PER_S


def test_a_rested_client_may_burst_then_goes_at_the_rate() -> None:
    buckets = Buckets(rate=10, burst=5)
    assert [buckets.take(b"a", 0) for _ in range(6)] == [True] * 5 + [False]
    assert not buckets.take(b"a", NS_PER_S // 20)
    assert buckets.take(b"a", NS_PER_S // 10)
    assert not buckets.take(b"a", NS_PER_S // 10)
    assert [buckets.take(b"a", 60 * NS_PER_S) for _ in range(6)] == [True] * 5 + [False]


def test_one_client_does_not_use_up_another_ones() -> None:
    buckets = Buckets(rate=10, burst=1)
    assert buckets.take(b"a", 0)
    assert not buckets.take(b"a", 0)
    assert buckets.take(b"b", 0)


@given(st.lists(st.integers(0, NS_PER_S), max_size=200))
def test_never_more_than_burst_and_rate_allow(waits: list[int]) -> None:
    buckets, now_ns, taken = Buckets(rate=20, burst=3), 0, 0
    for wait_ns in waits:
        now_ns += wait_ns
        taken += buckets.take(b"a", now_ns)
    assert taken <= 3 + 20 * now_ns / NS_PER_S + 1e-6


def test_memory_is_bounded_and_a_flooder_stays_known() -> None:
    buckets = Buckets(rate=1, burst=1)
    for number in range(CLIENTS_MAX + 50):
        buckets.take(b"flood", 0)
        buckets.take(str(number).encode(), 0)
    assert len(buckets._left) == CLIENTS_MAX
    assert not buckets.take(b"flood", 0)
