"""Harm guarded against: a server that grows with all that was ever asked of it."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.review.cache import OVERHEAD_BYTES, Cache

ROOM = 3 * (OVERHEAD_BYTES + 10)


def test_what_was_not_asked_for_longest_goes_first() -> None:
    cache: Cache[str, int] = Cache(ROOM)
    for number, key in enumerate("abc"):
        cache.put(key, number, 10)
    assert cache.get("a") == 0
    cache.put("d", 3, 10)
    assert [cache.get(key) for key in "abcd"] == [0, None, 2, 3]


def test_what_is_larger_than_all_may_be_is_not_kept_and_nothing_goes_for_it() -> None:
    cache: Cache[str, int] = Cache(ROOM)
    cache.put("a", 1, 10)
    cache.put("b", 2, ROOM)
    assert [cache.get(key) for key in "ab"] == [1, None]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2 * ROOM))))
def test_it_never_takes_more_than_it_may(puts: list[tuple[int, int]]) -> None:
    cache: Cache[int, int] = Cache(ROOM)
    for key, size in puts:
        cache.put(key, size, size)
        assert 0 <= cache.bytes <= ROOM
        assert cache.get(key) == (size if size + OVERHEAD_BYTES <= ROOM else None)
