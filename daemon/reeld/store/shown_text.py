"""What could be read on the screens of a session: the texts that engines found on its stills, at their times."""

from collections.abc import Iterator
from dataclasses import dataclass

from reeld.store import results
from reeld.store.keys import at, number_of, track_prefix
from reeld.store.records import ChunkEntry, SessionRecord
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.findings import PageText, Stage
from reeld_proto.records import TrackKind


@dataclass(frozen=True, slots=True)
class View:
    """A still while it is on view, in media time. page: None if nobody has read it.

    source, header: digests of the still and of its description.
    """

    track: str
    start_ns: int
    end_ns: int
    source: bytes
    header: bytes
    page: PageText | None


def views_of(txn: Transaction, record: SessionRecord) -> list[View]:
    """All views of a session, track by track, in the order of time. Raises StoreCorrupt."""
    return [
        view
        for track in record.tracks
        if track.kind is TrackKind.SNAPSHOT
        for view in _of_track(txn, record.id, track.id)
    ]


def pages_at(txn: Transaction, record: SessionRecord, at_ns: int) -> Iterator[tuple[str, PageText]]:
    """What was read on the stills that came on view at exactly this instant, with their tracks."""
    for track in record.tracks:
        if track.kind is not TrackKind.SNAPSHOT:
            continue
        entry = txn.record(Table.TIMELINE, at(track_prefix(record.id, track.id), at_ns), ChunkEntry)
        page = None if entry is None else results.payload(txn, entry.chunk, Stage.OCR, PageText)
        if page is not None:
            yield track.id, page


def first_ns(txn: Transaction, record: SessionRecord, track: str, at_ns: int, text: str) -> int:
    """Since when a line that is on view at an instant has been on every still before, without a break."""
    prefix = track_prefix(record.id, track)
    since_ns = at_ns
    for key, value in txn.scan_back(Table.TIMELINE, prefix, at(prefix, at_ns)):
        entry, start_ns = decode(value, ChunkEntry), number_of(key, prefix)
        if start_ns >= at_ns:
            continue
        page = results.payload(txn, entry.chunk, Stage.OCR, PageText)
        if entry.end_ns < since_ns or page is None or all(line.text != text for line in page.lines):
            break
        since_ns = start_ns
    return since_ns


def _of_track(txn: Transaction, session: str, track: str) -> Iterator[View]:
    """How long a still is on view is told in entries of half a minute; here it is one view."""
    prefix = track_prefix(session, track)
    last: View | None = None
    for key, value in txn.scan(Table.TIMELINE, prefix):
        entry, start_ns = decode(value, ChunkEntry), number_of(key, prefix)
        if last is not None and last.source == entry.chunk and last.end_ns == start_ns:
            last = View(track, last.start_ns, entry.end_ns, last.source, last.header, last.page)
            continue
        if last is not None:
            yield last
        page = results.payload(txn, entry.chunk, Stage.OCR, PageText)
        last = View(track, start_ns, entry.end_ns, entry.chunk, entry.init, page)
    if last is not None:
        yield last
