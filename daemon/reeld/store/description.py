"""A session as clients see it, put together from its record and from what is kept beside it.

Snapshots are tracks only to the store: whoever plays a session does not meet them, `sessions.snapshots` lists them.

What is kept beside it and cannot be read is left out, and a warning says so: the rest is served.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from reeld.store import clocks
from reeld.store.keys import NUMBER_BYTES, number_of, session_prefix
from reeld.store.records import GapEntry, PauseEntry, SessionRecord, TrackState
from reeld.store.said import Entries, Said
from reeld.store.timeline import Pause, PauseMap, Span, public_gaps
from reeld_proto.records import GapInfo, MarkerInfo, SessionInfo, TrackInfo, TrackKind
from reeld_proto.units import NS_PER_S, seconds


@dataclass(frozen=True, slots=True)
class Description:
    """A session for clients, and when it was on the civil clock. ended_wall_ns: None while it lasts."""

    info: SessionInfo
    ended_wall_ns: int | None = field(default=None)


def describe(record: SessionRecord, said: Said) -> Description:
    """The session as clients see it."""
    prefix = session_prefix(record.id)
    pauses = PauseMap(_pauses(said.pauses, prefix))
    info = SessionInfo(
        session=record.id,
        name=record.name,
        state=record.state,
        started_at=_local_time(record.started_wall_ns),
        duration_s=seconds(record.media_end_ns()),
        bytes=sum([track.bytes for track in record.tracks]),
        tags=record.tags,
        tracks=[_track_info(track) for track in _playable(record)],
        gaps=_gaps(record, said.gaps, prefix, pauses),
        markers=[MarkerInfo(at_s=seconds(number_of(key, prefix)), text=entry.text) for key, entry in said.markers],
        warnings=[*(entry.text for _, entry in said.warnings), *_lost(said)],
        note=said.notes[0][1].text if said.notes else "",
        pinned=record.pinned,
        origins=record.origins,
        tier=record.tier,
    )
    ended_ns = None if record.end_ns is None else record.started_wall_ns + pauses.clock_ns(record.end_ns)
    return Description(info, ended_ns)


def _lost(said: Said) -> list[str]:
    if not said.lost:
        return []
    return [f"{said.lost} of its gaps, pauses, markers, warnings and notes cannot be read: see `reelctl verify`"]


def _local_time(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns / NS_PER_S, UTC).astimezone().isoformat(timespec="milliseconds")


def _playable(record: SessionRecord) -> list[TrackState]:
    return [track for track in record.tracks if track.kind is not TrackKind.SNAPSHOT]


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
        clock=clocks.told(track.clock),
    )


def _pauses(entries: Entries[PauseEntry], prefix: bytes) -> list[Pause]:
    found = []
    for key, entry in entries:
        start_ns, end_ns = number_of(key, prefix), entry.end_ns
        if end_ns is not None and end_ns > start_ns:
            found.append(Pause(start_ns, end_ns))
    return found


def _gaps(record: SessionRecord, entries: Entries[GapEntry], prefix: bytes, pauses: PauseMap) -> list[GapInfo]:
    found: dict[bytes, list[tuple[int, GapEntry]]] = {}
    start = len(prefix)
    for key, gap in entries:
        number = int.from_bytes(key[-NUMBER_BYTES:], "big")
        found.setdefault(key[start : -NUMBER_BYTES - 1], []).append((number, gap))
    shown: list[GapInfo] = []
    for track_id in (track.id for track in _playable(record)):
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
