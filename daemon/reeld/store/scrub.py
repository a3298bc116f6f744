"""In which order chunks are checked when there is no time for all of them.

DESIGN: the least recently checked first, without a date for every chunk: digests are checked in their own order, in
rounds, and the store keeps where the round stands. What was just checked is then last in the round. A chunk that came
behind the round's place waits for the next one; digests are random, so half of what is new is met in this one.
"""

from bisect import bisect_right
from collections.abc import Iterable

from msgspec import Struct

from reeld.store.transaction import Table, Transaction
from reeld_proto.errors import RequestRejected
from reeld_proto.store_orders import RecordCheck

_KEY = b"scrub"
DIGEST_BYTES = 32


class ScrubPlace(Struct, frozen=True, array_like=True):
    """The last digest that was checked, and when; rounds: how often all have been checked."""

    cursor: bytes
    at_wall_ns: int
    rounds: int


def place(txn: Transaction) -> ScrubPlace:
    """Where the round stands; the beginning in a store that was never checked."""
    return txn.record(Table.META, _KEY, ScrubPlace) or ScrubPlace(b"", 0, 0)


def record(txn: Transaction, order: RecordCheck) -> None:
    """Chunks up to a digest were checked. Raises RequestRejected for what is no digest."""
    try:
        cursor = bytes.fromhex(order.cursor)
    except ValueError as error:
        raise RequestRejected(f"{order.cursor!r} is not a digest") from error
    if len(cursor) not in (0, DIGEST_BYTES):
        raise RequestRejected(f"{order.cursor!r} is not a digest")
    before = place(txn)
    rounds = before.rounds + (cursor <= before.cursor)
    txn.put_record(Table.META, _KEY, ScrubPlace(cursor, order.at_wall_ns, rounds))


def in_turn(digests: Iterable[bytes], cursor: bytes) -> list[bytes]:
    """All `digests`, least recently checked first, when `cursor` was the last that was checked."""
    ordered = sorted(digests)
    first = bisect_right(ordered, cursor) if cursor else 0
    return ordered[first:] + ordered[:first]
