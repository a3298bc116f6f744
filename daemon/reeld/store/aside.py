"""What repair set aside is media, too: a range that is forgotten goes from the quarantine as it does from timelines.

Otherwise a second copy would heal the chunk one day, and bring the range back.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from reeld.store.forgetting import overlap
from reeld.store.keys import NUMBER_BYTES, number_of, session_prefix
from reeld.store.records import ChunkEntry, PrerollEntry, QuarantineEntry
from reeld.store.timeline import Span
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.units import NS_PER_S

BEYOND_NS = 3 * NS_PER_S
"""How far a chunk may reach beyond what its entry shows; it cannot be looked into any more."""


def forget_set_aside(txn: Transaction, cleared: Mapping[str, Iterable[Span]]) -> Counter[bytes]:
    """Remove rows that may hold something of these stretches of sessions; the references that they counted.

    Raises StoreCorrupt for rows that cannot be read.
    """
    prefixes = {session_prefix(session): list(spans) for session, spans in cleared.items()}
    given_up: Counter[bytes] = Counter()
    for digest, value in list(txn.scan(Table.QUARANTINE)):
        entry = decode(value, QuarantineEntry)
        doomed = [row for row in entry.rows if _is_hit(row, prefixes)]
        if not doomed:
            continue
        keys = {key for _, key, _ in doomed}
        kept = [row for row in entry.rows if row[1] not in keys]
        for table, _, row in (row for row in entry.rows if row[1] in keys):
            given_up.update(_digests(table, row))
        if kept:
            own = any(digest in _digests(table, row) for table, _, row in doomed)
            data = b"" if own else entry.data
            txn.put_record(Table.QUARANTINE, digest, QuarantineEntry(entry.reason, entry.at_wall_ns, data, kept))
        else:
            txn.delete(Table.QUARANTINE, digest)
    return given_up


def _is_hit(row: tuple[str, bytes, bytes], prefixes: Mapping[bytes, list[Span]]) -> bool:
    table, key, value = row
    spans = next((spans for prefix, spans in prefixes.items() if key.startswith(prefix)), [])
    if not spans:
        return False
    start_ns = number_of(key, key[:-NUMBER_BYTES])
    if table == Table.PREROLL:
        # Everything before the entry may be in it.
        return any(span.start_ns < start_ns for span in spans)
    near = Span(start_ns - BEYOND_NS, decode(value, ChunkEntry).end_ns + BEYOND_NS)
    return any(overlap(span, near) for span in spans)


def _digests(table: str, value: bytes) -> list[bytes]:
    if table == Table.PREROLL:
        return [digest for pair in decode(value, PrerollEntry).chunks for digest in pair]
    entry = decode(value, ChunkEntry)
    return [entry.chunk, entry.init]
