"""Harm guarded against: somebody who was not let in, or was let in once, and looks at recordings."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.review.tickets import Entries, Purpose, TicketOffice
from reeld_proto.access import Scope

S = 1_000_000_000
OFFICE = TicketOffice(b"k" * 32)


@given(
    st.sampled_from(Purpose),
    st.integers(0, 2**60),
    st.integers(1, 10**6),
    st.text(),
    st.frozensets(st.sampled_from(Scope)),
)
def test_a_ticket_holds_until_its_end_and_for_what_it_was_made(
    purpose: Purpose, now_ns: int, lasts_s: int, about: str, scopes: frozenset[Scope]
) -> None:
    about = about.encode(errors="replace").decode()
    text = OFFICE.issue(purpose, now_ns, lasts_s, about, scopes)
    ticket = OFFICE.check(text, purpose, now_ns, about)
    assert ticket
    assert ticket.scopes == scopes
    assert OFFICE.check(text, purpose, now_ns + lasts_s * S - 1, about)
    assert not OFFICE.check(text, purpose, now_ns + lasts_s * S, about)
    assert not OFFICE.check(text, purpose, now_ns, about + "x")
    assert not any(OFFICE.check(text, other, now_ns, about) for other in Purpose if other is not purpose)
    assert not TicketOffice(b"o" * 32).check(text, purpose, now_ns, about)


@given(st.integers(0, 56), st.integers(1, 255))
def test_a_ticket_with_any_other_byte_is_worth_nothing(place: int, change: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(OFFICE.issue(Purpose.VISIT, 0, 60) + "=" * 4))
    raw[place] ^= change
    assert not OFFICE.check(base64.urlsafe_b64encode(raw).decode().rstrip("="), Purpose.VISIT, 0)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_whatever_else_is_sent_is_no_ticket(text: str) -> None:
    assert OFFICE.check(text, Purpose.ENTRY, 0) is None


def test_an_entry_lets_in_once_and_is_remembered_until_it_expires() -> None:
    entries = Entries(OFFICE)
    first, second = (OFFICE.issue(Purpose.ENTRY, 0, 60) for _ in range(2))
    let_in = [entries.use(first, 0), entries.use(first, 59 * S), entries.use(second, 59 * S)]
    assert [each is not None for each in let_in] == [True, False, True]
    assert not entries.use(OFFICE.issue(Purpose.ENTRY, 0, 60), 60 * S)
    assert not entries._used
    assert not entries.use(OFFICE.issue(Purpose.VISIT, 0, 60), 0)


@pytest.mark.parametrize("length", [56, 58])
def test_a_ticket_of_another_length_is_none(length: int) -> None:
    assert OFFICE.check(base64.urlsafe_b64encode(bytes(length)).decode().rstrip("="), Purpose.ENTRY, 0) is None
