"""Harm guarded against: a flipped bit in a page's header or list that costs all its rows; a row that leads searches for
whole ones astray; a page taken for another."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.store.page_content import LEAF, DamagedError, content, put_aside, without

PAGE = 512
NUMBER = 0x1234


def leaf(rows: dict[bytes, bytes], number: int = NUMBER) -> bytes:
    """A page as LMDB writes it."""
    body, pointers = b"", []
    for key, value in sorted(rows.items()):
        node = struct.pack("=HHHH", len(value), 0, 0, len(key)) + key + value
        node += bytes(len(node) % 2)
        body = node + body
        pointers.append(PAGE - len(body))
    lower = 16 + 2 * len(pointers)
    head = struct.pack("=QHHHH", number, 0, LEAF, lower, PAGE - len(body)) + struct.pack(
        f"={len(pointers)}H", *pointers
    )
    return head + bytes(PAGE - len(head) - len(body)) + body


ROWS = {b"key-%02d" % number: b"value %d" % number for number in range(12)}
WHOLE = leaf(ROWS)


def keys_of(data: bytes) -> list[bytes]:
    page = content(data, NUMBER, branch=False, numeric=False)
    put_aside(page, None, None, branch=False)
    return [key for index, key in enumerate(page.keys) if index not in page.broken]


def flipped(data: bytes, position: int, bit: int) -> bytes:
    turned = bytearray(data)
    turned[position] ^= 1 << bit
    return bytes(turned)


def test_a_sound_page_is_left_as_it_is() -> None:
    page = content(WHOLE, NUMBER, branch=False, numeric=False)
    assert (page.data, page.broken, page.mended, page.keys) == (WHOLE, {}, [], sorted(ROWS))


@pytest.mark.parametrize("position", [*range(8), *range(10, 16 + 2 * len(ROWS))])
def test_no_bit_of_a_header_or_list_costs_a_row(position: int) -> None:
    for bit in range(8):
        page = content(flipped(WHOLE, position, bit), NUMBER, branch=False, numeric=False)
        assert page.keys == sorted(ROWS), (position, bit)
        assert not page.broken
        assert without(page, set()) == WHOLE or 14 <= position < 16, "only what is free room may stay told wrong"


@given(position=st.integers(16 + 2 * len(ROWS), PAGE - 1), bit=st.integers(0, 7))
def test_a_bit_in_the_rows_costs_its_row_and_at_most_the_one_beside_it(position: int, bit: int) -> None:
    # Of two neighbours in the wrong order nobody can say which one was changed.
    found = keys_of(flipped(WHOLE, position, bit))
    assert found == sorted(found)
    assert len(set(found) & set(ROWS)) >= len(ROWS) - 2


def test_a_size_that_spans_the_next_rows_exactly_costs_its_own_row_only() -> None:
    turned = bytearray(WHOLE)
    first = min(struct.unpack_from(f"={len(ROWS)}H", WHOLE, 16))
    turned[first : first + 2] = (7 + 2 * 22).to_bytes(2, "little")
    assert keys_of(bytes(turned)) == sorted(ROWS)[:-1]


@given(data=st.binary(min_size=PAGE, max_size=PAGE), branch=st.booleans())
def test_noise_is_no_page_and_no_error_of_ours(data: bytes, branch: bool) -> None:
    for noise in (data, WHOLE[:16] + data[16:], WHOLE[:40] + data[40:]):
        try:
            page = content(noise, NUMBER, branch=branch, numeric=False)
        except DamagedError:
            continue
        put_aside(page, b"a", b"z", branch=branch)
        assert len(without(page, set(page.broken))) == PAGE


def test_another_page_is_not_taken_for_this_one() -> None:
    with pytest.raises(DamagedError, match="page 7777"):
        content(leaf(ROWS, 7777), NUMBER, branch=False, numeric=False)


def test_a_row_that_was_taken_out_does_not_come_back() -> None:
    page = content(WHOLE, NUMBER, branch=False, numeric=False)
    for gone in ({0}, {len(ROWS) - 1}, {3, 4, 7}):
        left = without(page, gone)
        assert keys_of(left) == [key for index, key in enumerate(sorted(ROWS)) if index not in gone]


def test_a_single_row_of_another_page_goes_but_not_most_of_a_page() -> None:
    page = content(WHOLE, NUMBER, branch=False, numeric=False)
    put_aside(page, b"key-01", None, branch=False)
    assert list(page.broken) == [0]
    page = content(WHOLE, NUMBER, branch=False, numeric=False)
    put_aside(page, b"key-08", None, branch=False)
    assert not page.broken, "it is the page above that is wrong"
