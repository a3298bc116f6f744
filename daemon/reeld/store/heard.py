"""What detectors heard in tracks of sound: rows of stretches, in the caller's one transaction.

DESIGN: nothing is derived from these rows and nothing refers to them, so that they may come late, twice, or grow. One
row is one stretch; its begin is in the key, so one that is told again takes its own place.
"""

from collections.abc import Iterable, Iterator, Sequence

from reeld.store.api import Fate, Landing
from reeld.store.keys import TIME_NS_MAX, at, number_of, session_prefix, track_prefix
from reeld.store.records import HeardEntry, SessionRecord
from reeld.store.timeline import Span
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.errors import RequestRejected
from reeld_proto.records import TrackKind
from reeld_proto.sound import SpanKind
from reeld_proto.workers import SpansHeard

SPANS_MAX = 2_000
"""In one message, which has room for 64 KiB; a detector tells some a second."""


def refusal_of(message: SpansHeard) -> str:
    """Why this message can never be stored, as far as it shows by itself; empty if it can."""
    try:
        track_prefix(message.session, message.track)
    except RequestRejected as error:
        return str(error)
    if len(message.spans) > SPANS_MAX:
        return f"{len(message.spans)} stretches in one message"
    wrong = next((each for each in message.spans if not 0 <= each[0] < each[1] <= TIME_NS_MAX), None)
    return "" if wrong is None else f"impossible time: {wrong[0]} to {wrong[1]} ns"


def land(txn: Transaction, record: SessionRecord, message: SpansHeard) -> Landing:
    """Store what was heard, up to the session's end. Idempotent; counters and covers are not touched."""
    track = record.track(message.track)
    if track is None or track.kind is not TrackKind.AUDIO:
        return Landing(Fate.REFUSED, f"no track of sound {message.track!r} in session {record.id}")
    end_ns = TIME_NS_MAX if record.end_ns is None else record.end_ns
    spans = [Span(start_ns, min(stop_ns, end_ns)) for start_ns, stop_ns in message.spans if start_ns < end_ns]
    stored = put(txn, record.id, message.track, message.kind, spans)
    return Landing(Fate.STORED if stored else Fate.DUPLICATE)


def put(txn: Transaction, session: str, track: str, kind: SpanKind, spans: Iterable[Span]) -> bool:
    """Write stretches of a track; whether any was not there as it is."""
    prefix = _prefix(session, track, kind)
    changed = False
    for span in spans:
        key = at(prefix, span.start_ns)
        known = txn.record(Table.HEARD, key, HeardEntry)
        # A detector that begins anew after a crash may tell less of a stretch than it did before.
        if known is None or known.end_ns < span.end_ns:
            txn.put_record(Table.HEARD, key, HeardEntry(span.end_ns))
            changed = True
    return changed


def heard_of(txn: Transaction, session: str) -> Iterator[tuple[str, SpanKind, Span]]:
    """Every stretch of a session, by track, kind and time. Raises StoreCorrupt."""
    prefix = session_prefix(session)
    for key, value in txn.scan(Table.HEARD, prefix):
        track, kind, start_ns = parts_of(key[len(prefix) :])
        yield track, kind, Span(start_ns, decode(value, HeardEntry).end_ns)


def parts_of(key: bytes) -> tuple[str, SpanKind, int]:
    """Track, kind and begin in a key without its session. Raises ValueError for what is none."""
    track, zero, rest = key.partition(b"\0")
    kind, zero_too, number = rest.partition(b"\0")
    if not zero or not zero_too or len(number) != _NUMBER_BYTES:
        raise ValueError("no key of a stretch")
    return track.decode(), SpanKind(kind.decode()), number_of(number, b"")


_NUMBER_BYTES = len(at(b"", 0))


def carry(txn: Transaction, session: str, source: SessionRecord, within: Span, delta_ns: int) -> None:
    """Write what was heard in a range of another session, moved by `delta_ns`."""
    for track, kind, span in list(_touching(txn, source, within)):
        start_ns, end_ns = max(span.start_ns, within.start_ns), min(span.end_ns, within.end_ns)
        put(txn, session, track, kind, [Span(start_ns + delta_ns, end_ns + delta_ns)])


def remove(txn: Transaction, record: SessionRecord, cleared: Sequence[Span]) -> None:
    """Take what was heard in these ranges out; what reaches beyond them is cut."""
    for gone in cleared:
        for track, kind, span in list(_touching(txn, record, gone)):
            txn.delete(Table.HEARD, at(_prefix(record.id, track, kind), span.start_ns))
            put(txn, record.id, track, kind, _without(span, gone))


def _touching(txn: Transaction, record: SessionRecord, within: Span) -> Iterator[tuple[str, SpanKind, Span]]:
    """Stretches that lie in a range, or reach into it; those of one kind and track do not overlap."""
    for track in record.tracks:
        for kind in SpanKind if track.kind is TrackKind.AUDIO else ():
            prefix = _prefix(record.id, track.id, kind)
            first = next(txn.scan_back(Table.HEARD, prefix, at(prefix, within.start_ns)), None)
            for key, value in txn.scan(Table.HEARD, prefix, first[0] if first else None):
                span = Span(number_of(key, prefix), decode(value, HeardEntry).end_ns)
                if span.start_ns >= within.end_ns:
                    break
                if span.end_ns > within.start_ns:
                    yield track.id, kind, span


def _without(span: Span, gone: Span) -> list[Span]:
    pieces = [(span.start_ns, min(span.end_ns, gone.start_ns)), (max(span.start_ns, gone.end_ns), span.end_ns)]
    return [Span(start_ns, end_ns) for start_ns, end_ns in pieces if start_ns < end_ns]


def _prefix(session: str, track: str, kind: SpanKind) -> bytes:
    return track_prefix(session, track) + kind.value.encode() + b"\0"
