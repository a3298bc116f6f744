"""The records of all sessions: one that is damaged is passed over by what looks at many, and does not hide the others.

DESIGN: a row may be damaged in two ways. It cannot be decoded, or it decodes to what cannot be true: another session's
record, or names and times that no order would have let in. Both are one fault here. `verify` names it, `repair` sets
the row aside and makes a record anew from the media.
"""

from collections.abc import Iterable, Iterator

from reeld.store.keys import NAME_BYTES_MAX, TIME_NS_MAX
from reeld.store.records import SessionRecord
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.errors import StoreCorrupt

REMEDY = "`reelctl repair` sets it aside and keeps what is good."


def read(key: bytes, value: bytes) -> SessionRecord:
    """The record in a row of `sessions`. Raises StoreCorrupt, naming the session, if it is damaged."""
    try:
        record = decode(value, SessionRecord)
    except StoreCorrupt as error:
        raise StoreCorrupt(f"the record of session {name_of(key)} is damaged: {error}", remedy=REMEDY) from error
    fault = _fault(key, record)
    if fault:
        raise StoreCorrupt(f"the record of session {name_of(key)} is damaged: {fault}", remedy=REMEDY)
    return record


def name_of(key: bytes) -> str:
    """The session that a key names, for messages."""
    return key.decode(errors="replace")


def every(txn: Transaction) -> Iterator[SessionRecord]:
    """The record of every session. Raises StoreCorrupt at a damaged one: for what must not overlook any."""
    for key, value in txn.scan(Table.SESSIONS):
        yield read(key, value)


def readable(rows: Iterable[tuple[bytes, bytes]]) -> Iterator[SessionRecord]:
    """The records in these rows of `sessions`, damaged ones left out."""
    for key, value in rows:
        record = readable_one(key, value)
        if record is not None:
            yield record


def readable_one(key: bytes, value: bytes | None) -> SessionRecord | None:
    """The record in a row of `sessions`; None if it is damaged or there is none."""
    try:
        return None if value is None else read(key, value)
    except StoreCorrupt:
        return None


def _fault(key: bytes, record: SessionRecord) -> str:
    """What cannot be true in a record; empty if nothing. Lists read thousands: a microsecond."""
    if record.id.encode() != key:
        return "it names another session"
    names = set()
    ends_ns = [record.started_wall_ns, record.end_ns or 0]
    for track in record.tracks:
        name = track.id.encode()
        if not name or len(name) > NAME_BYTES_MAX or b"\0" in name or name in names:
            return "it names an impossible track"
        names.add(name)
        ends_ns.append(track.end_ns)
    if min(ends_ns) < 0 or max(ends_ns) > TIME_NS_MAX:
        return "it has an impossible time"
    return ""
