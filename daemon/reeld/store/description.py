"""A session as clients see it, put together from its record and from what is kept beside it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from reeld.store.keys import NUMBER_BYTES, name_key, number_of, session_prefix
from reeld.store.records import GapEntry, MarkerEntry, NoteEntry, PauseEntry, SessionRecord, TrackState, WarningEntry
from reeld.store.timeline import Pause, PauseMap, Span, public_gaps
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.records import GapInfo, MarkerInfo, SessionInfo, TrackInfo
from reeld_proto.units import NS_PER_S, seconds

Rows = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Said:
    """What is kept beside a session's record: keys and values of its rows, each in order. note: the value alone."""

    gaps: Rows = ()
    pauses: Rows = ()
    markers: Rows = ()
    warnings: Rows = ()
    note: bytes | None = None


@dataclass(frozen=True, slots=True)
class Description:
    """A session for clients, and when it was on the civil clock. ended_wall_ns: None while it lasts."""

    info: SessionInfo
    ended_wall_ns: int | None = field(default=None)


def said_of(txn: Transaction, session: str) -> Said:
    """What is kept beside the record of one session."""
    prefix = session_prefix(session)
    return Said(
        gaps=txn.scan(Table.GAPS, prefix),
        pauses=txn.scan(Table.PAUSES, prefix),
        markers=txn.scan(Table.MARKERS, prefix),
        warnings=txn.scan(Table.WARNINGS, prefix),
        note=txn.get(Table.NOTES, name_key(session)),
    )


def describe(record: SessionRecord, said: Said) -> Description:
    """The session as clients see it. Raises StoreCorrupt for rows that cannot be read."""
    prefix = session_prefix(record.id)
    pauses = PauseMap(_pauses(said.pauses, prefix))
    info = SessionInfo(
        session=record.id,
        name=record.name,
        state=record.state,
        started_at=_local_time(record.started_wall_ns),
        duration_s=seconds(record.media_end_ns()),
        bytes=sum(track.bytes for track in record.tracks),
        tags=record.tags,
        tracks=[_track_info(track) for track in record.tracks],
        gaps=_gaps(record, said.gaps, prefix, pauses),
        markers=[
            MarkerInfo(at_s=seconds(number_of(key, prefix)), text=decode(value, MarkerEntry).text)
            for key, value in said.markers
        ],
        warnings=[decode(value, WarningEntry).text for _, value in said.warnings],
        note=decode(said.note, NoteEntry).text if said.note is not None else "",
        pinned=record.pinned,
        origins=record.origins,
        tier=record.tier,
    )
    ended_ns = None if record.end_ns is None else record.started_wall_ns + pauses.clock_ns(record.end_ns)
    return Description(info, ended_ns)


def _local_time(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns / NS_PER_S, UTC).astimezone().isoformat(timespec="milliseconds")


def _track_info(track: TrackState) -> TrackInfo:
    return TrackInfo(
        id=track.id,
        kind=track.kind,
        codec=track.codec,
        label=track.label,
        chunks=track.chunks,
        bytes=track.bytes,
        frames=track.frames,
        dropped=track.dropped,
        unchanged=track.unchanged,
        silence_s=seconds(track.silence_ns),
    )


def _pauses(rows: Rows, prefix: bytes) -> list[Pause]:
    found = []
    for key, value in rows:
        start_ns, end_ns = number_of(key, prefix), decode(value, PauseEntry).end_ns
        if end_ns is not None and end_ns > start_ns:
            found.append(Pause(start_ns, end_ns))
    return found


def _gaps(record: SessionRecord, rows: Rows, prefix: bytes, pauses: PauseMap) -> list[GapInfo]:
    found: dict[bytes, list[tuple[int, GapEntry]]] = {}
    for key, value in rows:
        track = key[len(prefix) : -NUMBER_BYTES - 1]
        found.setdefault(track, []).append((number_of(key, key[:-NUMBER_BYTES]), decode(value, GapEntry)))
    shown: list[GapInfo] = []
    for track_id in (track.id for track in record.tracks):
        gaps = found.get(track_id.encode(), [])
        if pauses.points:
            spans = [Span(start_ns, gap.end_ns, gap.reason, gap.detail) for start_ns, gap in gaps]
            shown += public_gaps(track_id, spans, pauses)
        else:
            shown += [_unpaused(track_id, start_ns, gap) for start_ns, gap in gaps]
    return shown


def _unpaused(track: str, start_ns: int, gap: GapEntry) -> GapInfo:
    """As `public_gaps`, for a session without pauses, where both clocks are one: most are, and a list has thousands."""
    start_s, end_s = seconds(start_ns), seconds(gap.end_ns)
    return GapInfo(
        track=track,
        start_s=start_s,
        end_s=end_s,
        reason=gap.reason,
        media_start_s=start_s,
        media_end_s=end_s,
        detail=gap.detail,
    )
