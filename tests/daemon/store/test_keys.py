import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.store.keys import NAME_BYTES_MAX, at, name_key, number_of, session_prefix, track_prefix
from reeld_proto.errors import RequestRejected

numbers = st.integers(0, 2**64 - 1)


@given(numbers, numbers)
def test_keys_sort_as_their_times_do(first: int, second: int) -> None:
    prefix = track_prefix("session", "video-1")
    assert (at(prefix, first) < at(prefix, second)) == (first < second)
    assert number_of(at(prefix, first), prefix) == first


def test_a_session_never_sees_the_keys_of_one_whose_name_begins_alike() -> None:
    assert not at(track_prefix("s-10", "mix"), 0).startswith(session_prefix("s-1"))
    assert not at(track_prefix("s", "mix-2"), 0).startswith(track_prefix("s", "mix"))


@pytest.mark.parametrize("name", ["", "a\0b", "x" * (NAME_BYTES_MAX + 1), "\ud800"])
def test_a_name_that_would_break_a_key_is_refused(name: str) -> None:
    with pytest.raises(RequestRejected):
        name_key(name)


def test_the_longest_key_fits_lmdb() -> None:
    longest = at(track_prefix("s" * NAME_BYTES_MAX, "t" * NAME_BYTES_MAX), 1) + b"8 bytes."
    assert len(longest) <= 511
