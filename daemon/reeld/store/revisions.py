"""What changed since when: every change of what is said about a session gets the next number of one counter.

DESIGN: each session has one row under the number of its last change, so that an index that knows the last number it
has seen finds what it missed by one scan from there on. A removed session keeps its row: its id leads to no record,
which is how an index learns of it.
"""

from reeld.store.keys import at, name_key, number_of
from reeld.store.records import SessionRecord
from reeld.store.transaction import Table, Transaction

_COUNTER = b"revision"
_NO_PREFIX = b""


def touch(txn: Transaction, record: SessionRecord) -> None:
    """What is said about the session changed: give its record the next number, and write it."""
    _move(txn, record)
    txn.put_record(Table.SESSIONS, name_key(record.id), record)


def bury(txn: Transaction, record: SessionRecord) -> None:
    """The session was removed: leave a row that names it, and no record."""
    _move(txn, record)
    txn.delete(Table.SESSIONS, name_key(record.id))


def bury_unreadable(txn: Transaction, session: bytes) -> None:
    """The record of the session with this key cannot be read and goes: who knew it must look again."""
    former = _number_of(txn, session)
    if former:
        txn.delete(Table.REVISIONS, at(_NO_PREFIX, former))
    _next(txn, session)
    txn.delete(Table.SESSIONS, session)


def adopt(txn: Transaction, record: SessionRecord) -> None:
    """The session gets a record that did not know its number: give it the next one, and write it."""
    record.revision = _number_of(txn, name_key(record.id))
    touch(txn, record)


def latest(txn: Transaction) -> int:
    """Number of the last change; 0 before the first."""
    value = txn.get(Table.META, _COUNTER)
    return 0 if value is None else number_of(value, _NO_PREFIX)


def _move(txn: Transaction, record: SessionRecord) -> None:
    former = at(_NO_PREFIX, record.revision)
    # A record that came from another store brings a number that may be some other session's here.
    if txn.get(Table.REVISIONS, former) == name_key(record.id):
        txn.delete(Table.REVISIONS, former)
    record.revision = _next(txn, name_key(record.id))


def _next(txn: Transaction, session: bytes) -> int:
    number = latest(txn) + 1
    txn.put(Table.META, _COUNTER, at(_NO_PREFIX, number))
    txn.put(Table.REVISIONS, at(_NO_PREFIX, number), session)
    return number


def _number_of(txn: Transaction, session: bytes) -> int:
    """Number of the last change of a session, found by looking at all; 0 if there is none."""
    return next((number_of(key, _NO_PREFIX) for key, named in txn.scan(Table.REVISIONS) if named == session), 0)
