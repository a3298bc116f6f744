"""Which stretch of which recording a derived session shows where, so that what is forgotten is found in all of them.

DESIGN: digests are not enough for that: a stretch may have been encoded again at a cut, thinned or compressed, in one
of the sessions that show it and not in the others. Time is: a recording's own media time names every instant of it for
ever. A recording has no rows; a derived session has one for each part, with the recording's time, not that of the
session it was cut from, so that neither is needed any more to understand it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from reeld.store.keys import NUMBER_BYTES, at, number_of, session_prefix
from reeld.store.records import LineageEntry, SessionRecord
from reeld.store.timeline import Span
from reeld.store.transaction import Table, Transaction, decode


@dataclass(frozen=True, slots=True)
class Line:
    """[start_ns, end_ns) of a session shows the recording `root` from its `root_ns` on. Media times."""

    start_ns: int
    end_ns: int
    root: str
    root_ns: int

    def to_root(self, span: Span) -> Span | None:
        """The time in the recording that the part of `span` on this line shows; None if it shows none of it."""
        start_ns, end_ns = max(span.start_ns, self.start_ns), min(span.end_ns, self.end_ns)
        moved_ns = self.root_ns - self.start_ns
        return Span(start_ns + moved_ns, end_ns + moved_ns) if start_ns < end_ns else None

    def from_root(self, span: Span) -> Span:
        """Where the session has, or would have if the line went on beyond its ends, that time of the recording."""
        moved_ns = self.start_ns - self.root_ns
        return Span(span.start_ns + moved_ns, span.end_ns + moved_ns)


def lines_of(txn: Transaction, record: SessionRecord) -> list[Line]:
    """The lines of a session in order; none for a derived one that came from elsewhere without them."""
    if not record.origins:
        return [Line(0, record.media_end_ns(), record.id, 0)]
    prefix = session_prefix(record.id)
    found = []
    for key, value in txn.scan(Table.LINEAGE, prefix):
        entry = decode(value, LineageEntry)
        found.append(Line(number_of(key, prefix), entry.end_ns, entry.root, entry.root_ns))
    return found


def inherit(txn: Transaction, session: str, parts: Iterable[tuple[SessionRecord, Span, int]]) -> None:
    """Write the lines of a session that is made of parts: (session, its range, where that begins in the new one)."""
    prefix = session_prefix(session)
    for source, within, base_ns in parts:
        for line in lines_of(txn, source):
            shown = line.to_root(within)
            if shown is None:
                continue
            start_ns = max(within.start_ns, line.start_ns) - within.start_ns + base_ns
            end_ns = start_ns + shown.end_ns - shown.start_ns
            txn.put_record(Table.LINEAGE, at(prefix, start_ns), LineageEntry(end_ns, line.root, shown.start_ns))


def relatives(txn: Transaction, record: SessionRecord) -> set[str]:
    """Ids of all sessions that may show something of the same recordings as this one, itself among them."""
    roots = {line.root for line in lines_of(txn, record)} | {record.id}
    found = set(roots)
    for key, value in txn.scan(Table.LINEAGE):
        if decode(value, LineageEntry).root in roots:
            found.add(key[: -NUMBER_BYTES - 1].decode(errors="replace"))
    return found
