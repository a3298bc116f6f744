"""Whether the rows of a session make sense, and agree with the chunks that came with them. Pure.

A bundle may come from anybody: its digests say only that it is as somebody wrote it.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from reeld.store import automation, clocks, heard, sessions
from reeld.store.ingest import CODEC_CHARS_MAX, count
from reeld.store.keys import NUMBER_BYTES, TIME_NS_MAX, name_key
from reeld.store.records import (
    AutomationEntry,
    ChunkEntry,
    ClockJumpEntry,
    GapEntry,
    HeardEntry,
    LineageEntry,
    MarkerEntry,
    NoteEntry,
    PauseEntry,
    PrerollEntry,
    SessionRecord,
    SoundGraphEntry,
    TrackState,
    WarningEntry,
)
from reeld.store.rows import DIGEST_BYTES, Row, digests_of, record_in
from reeld.store.timeline import Span, cover_faults
from reeld.store.transaction import Table, decode
from reeld_proto.errors import ReeldError, StoreCorrupt
from reeld_proto.privacy import RULE_NAME_CHARACTERS_MAX
from reeld_proto.records import SessionState, TrackKind
from reeld_proto.sound_graph import GRAPH_BYTES_MAX

ROWS_MAX = 5_000_000
"""A day of ten tracks has fewer."""
_FINAL_STATES = frozenset({SessionState.COMPLETED, SessionState.INTERRUPTED, SessionState.PARTIAL, SessionState.ERROR})
_TEXT_CHARS_MAX = 100_000
_NAME_CHARS_MAX = 255
_DIGEST_TAILS = {Table.MARKERS: 8, Table.AUTOMATION: automation.DIGEST_BYTES}
"""Keys of these end with so many bytes of a digest."""
_KINDS: dict[Table, type[Struct]] = {
    Table.TIMELINE: ChunkEntry,
    Table.PREROLL: PrerollEntry,
    Table.GAPS: GapEntry,
    Table.PAUSES: PauseEntry,
    Table.MARKERS: MarkerEntry,
    Table.CLOCK_JUMPS: ClockJumpEntry,
    Table.WARNINGS: WarningEntry,
    Table.NOTES: NoteEntry,
    Table.LINEAGE: LineageEntry,
    Table.HEARD: HeardEntry,
    Table.AUTOMATION: AutomationEntry,
    Table.SOUND_GRAPHS: SoundGraphEntry,
}
_FRAME_BYTES = 16
"""Of a row around a graph."""
_OF_A_TRACK = frozenset({Table.TIMELINE, Table.PREROLL, Table.GAPS})


def check_rows(rows: Sequence[Row], sizes: Mapping[bytes, int]) -> SessionRecord:
    """The session's record, when all is well. sizes: of each chunk that is there, by digest.

    Raises StoreCorrupt naming the first fault.
    """
    keys = [(row.table, row.key) for row in rows]
    if len(set(keys)) != len(keys):
        raise StoreCorrupt("a row is there twice")
    record = record_in(rows)
    _check_record(record)
    needed: set[bytes] = set()
    for row in rows:
        if row.table is not Table.SESSIONS:
            _check_row(row, record)
        elif row.key:
            raise StoreCorrupt("a second record of a session")
        for digest in digests_of(row):
            if digest not in sizes:
                raise StoreCorrupt(f"chunk {digest.hex()[:12]} is not in the bundle")
            needed.add(digest)
    if len(needed) != len(sizes):
        raise StoreCorrupt("there are chunks that the session does not need")
    for track in record.tracks:
        _check_track(record, track, rows, sizes)
    return record


def _check_record(record: SessionRecord) -> None:
    try:
        name_key(record.id)
        for track in record.tracks:
            name_key(track.id)
        sessions.check_size(record)
    except ReeldError as error:
        raise StoreCorrupt(str(error)) from error
    if record.end_ns is None or record.state not in _FINAL_STATES or record.buffer:
        raise StoreCorrupt("the session is not finished")
    if not 0 <= record.end_ns <= TIME_NS_MAX or not 0 <= record.started_wall_ns <= TIME_NS_MAX:
        raise StoreCorrupt("the session has an impossible time")
    if not record.name.strip() or len(record.name) > _NAME_CHARS_MAX:
        raise StoreCorrupt("the session has an impossible name")
    if len({track.id for track in record.tracks}) != len(record.tracks):
        raise StoreCorrupt("two tracks have one id")
    if any(clocks.is_impossible(track.clock) for track in record.tracks):
        raise StoreCorrupt("a track has an impossible clock")
    if any(len(track.codec) > CODEC_CHARS_MAX for track in record.tracks):
        raise StoreCorrupt("a track has an impossible codec")


def _check_row(row: Row, record: SessionRecord) -> None:
    entry = decode(row.value, _KINDS[row.table])
    if row.table is Table.NOTES:
        key_is_right = row.key == b""
    elif row.table in _OF_A_TRACK:
        track, zero, number = row.key[: -NUMBER_BYTES - 1], row.key[-NUMBER_BYTES - 1 : -NUMBER_BYTES], row.key
        key_is_right = (
            len(number) > NUMBER_BYTES and zero == b"\0" and record.track(track.decode(errors="replace")) is not None
        )
    elif row.table is Table.HEARD:
        key_is_right = _is_of_sound(row.key, record)
    else:
        key_is_right = len(row.key) == NUMBER_BYTES + _DIGEST_TAILS.get(row.table, 0)
    if not key_is_right:
        raise StoreCorrupt(f"a row of {row.table} has an impossible key")
    if row.table is not Table.NOTES and _number(row) > TIME_NS_MAX:
        raise StoreCorrupt(f"a row of {row.table} has an impossible time")
    if len(getattr(entry, "text", "")) > _TEXT_CHARS_MAX or (
        row.table in (Table.AUTOMATION, Table.SOUND_GRAPHS) and len(row.value) > GRAPH_BYTES_MAX + _FRAME_BYTES
    ):
        raise StoreCorrupt("a text is too long")
    if isinstance(entry, HeardEntry) and not _number(row) < entry.end_ns <= TIME_NS_MAX:
        raise StoreCorrupt("what was heard ends before it begins")
    if isinstance(entry, PauseEntry) and not (entry.end_ns is None or _number(row) <= entry.end_ns <= TIME_NS_MAX):
        raise StoreCorrupt("a pause ends before it begins")
    if any(len(digest) != DIGEST_BYTES for digest in digests_of(row)):
        raise StoreCorrupt("a digest has another length")


def _is_of_sound(key: bytes, record: SessionRecord) -> bool:
    try:
        track = record.track(heard.parts_of(key)[0])
    except ValueError:
        return False
    return track is not None and track.kind is TrackKind.AUDIO


def _number(row: Row) -> int:
    if row.table in _DIGEST_TAILS:
        return int.from_bytes(row.key[:NUMBER_BYTES], "big")
    return int.from_bytes(row.key[-NUMBER_BYTES:], "big")


def _check_track(record: SessionRecord, track: TrackState, rows: Sequence[Row], sizes: Mapping[bytes, int]) -> None:
    recount = TrackState(id=track.id, kind=track.kind, codec=track.codec, label=track.label, source=track.source)
    spans = []
    for row, start_ns in _of_track(rows, track.id, Table.TIMELINE):
        entry = decode(row.value, ChunkEntry)
        spans.append(Span(start_ns, entry.end_ns))
        if entry.size != sizes[entry.chunk] or not -TIME_NS_MAX <= entry.shift_ns <= TIME_NS_MAX:
            raise StoreCorrupt(f"a chunk of track {track.id} is not described as it is")
        if min(entry.frames, entry.dropped, entry.unchanged, entry.silence_ns, entry.epoch) < 0:
            raise StoreCorrupt(f"a chunk of track {track.id} has impossible counters")
        count(recount, entry)
    for row, start_ns in _of_track(rows, track.id, Table.GAPS):
        gap = decode(row.value, GapEntry)
        if len(gap.detail) > RULE_NAME_CHARACTERS_MAX:
            raise StoreCorrupt(f"a gap of track {track.id} has an impossible detail")
        spans.append(Span(start_ns, gap.end_ns, gap.reason, gap.detail))
    if any(span.end_ns <= span.start_ns for span in spans) or cover_faults(spans, record.end_ns or 0):
        raise StoreCorrupt(f"track {track.id} does not explain every second")
    for name in ("chunks", "bytes", "frames", "dropped", "unchanged", "silence_ns"):
        if getattr(track, name) != getattr(recount, name):
            raise StoreCorrupt(f"the counter `{name}` of track {track.id} is wrong")
    starts = {start_ns for _, start_ns in _of_track(rows, track.id, Table.TIMELINE)}
    if any(start_ns not in starts for _, start_ns in _of_track(rows, track.id, Table.PREROLL)):
        raise StoreCorrupt(f"track {track.id} prepares for a chunk that is not there")


def _of_track(rows: Sequence[Row], track: str, table: Table) -> Iterator[tuple[Row, int]]:
    prefix = track.encode() + b"\0"
    for row in rows:
        if row.table is table and row.key.startswith(prefix) and len(row.key) == len(prefix) + NUMBER_BYTES:
            yield row, _number(row)
