"""A session being made of pieces: bytes are handed on at once, rows are made when all is known. Otherwise pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from reeld.copies.lanes import Lane, Piece
from reeld.store.ingest import count
from reeld.store.keys import at, name_key
from reeld.store.records import ChunkEntry, GapEntry, SessionRecord, TrackState
from reeld.store.rows import Row
from reeld.store.timeline import ROUNDING_NS
from reeld.store.transaction import Table
from reeld_proto import codec
from reeld_proto.records import GapReason, SessionState

Keep = Callable[[bytes], bytes]
"""Takes bytes to be stored, each time they are needed; gives their digest."""

PADDING_NS_MAX = 100_000_000
"""A file that states a shorter length than this says something else, or nothing that can be believed."""


@dataclass
class DraftTrack:
    """A track being made. entries: by their start."""

    state: TrackState
    entries: dict[int, ChunkEntry] = field(default_factory=dict)
    gaps: dict[int, int] = field(default_factory=dict)
    last_ns: int = 0

    def add(self, piece: Piece, init: bytes, keep: Keep) -> None:
        """Append a piece. What lies between the end and its start becomes a gap."""
        start_ns, end_ns = max(piece.start_ns, self.state.end_ns), piece.end_ns
        if end_ns <= start_ns:
            return  # shown by what came before
        if start_ns - self.state.end_ns > ROUNDING_NS:
            self.gaps[self.state.end_ns] = start_ns
        else:
            start_ns = self.state.end_ns
        entry = ChunkEntry(
            end_ns=end_ns,
            chunk=keep(piece.data),
            init=keep(init),
            size=len(piece.data),
            frames=piece.frames,
            keyframe=piece.keyframe,
            epoch=0,
            dropped=0,
            unchanged=0,
            silence_ns=0,
            shift_ns=piece.shift_ns,
        )
        self.entries[start_ns] = entry
        self.last_ns = start_ns
        count(self.state, entry)
        self.state.end_ns = end_ns

    def rows(self, end_ns: int) -> list[Row]:
        """The track's rows in a session that ends at `end_ns`."""
        if abs(end_ns - self.state.end_ns) <= ROUNDING_NS or self.last_ns < end_ns < self.state.end_ns:
            self.entries[self.last_ns] = structs.replace(self.entries[self.last_ns], end_ns=end_ns)
            self.state.end_ns = end_ns
        if self.state.end_ns < end_ns:
            self.gaps[self.state.end_ns] = end_ns
            self.state.end_ns = end_ns
        prefix = name_key(self.state.id) + b"\0"
        rows = [_row(Table.TIMELINE, at(prefix, start), entry) for start, entry in self.entries.items()]
        return rows + [
            _row(Table.GAPS, at(prefix, start), GapEntry(stop, GapReason.ABSENT)) for start, stop in self.gaps.items()
        ]


@dataclass
class Draft:
    """A session being made. source: what its tracks came from.

    stated_end_ns: how long the file says it is; sound is padded to whole packets beyond that.
    """

    source: str
    keep: Keep
    stated_end_ns: int | None = None
    tracks: list[DraftTrack] = field(default_factory=list)

    def track(self, lane: Lane, label: str) -> DraftTrack:
        """A new track for a lane."""
        number = sum(each.state.kind is lane.kind for each in self.tracks) + 1
        state = TrackState(
            id=f"{lane.kind}-{number}", kind=lane.kind, codec=lane.codec, label=label, source=self.source, epoch=0
        )
        self.tracks.append(DraftTrack(state))
        return self.tracks[-1]

    def rows(self, name: str, tags: list[str], started_wall_ns: int) -> list[Row]:
        """All rows of the finished session, in the order of `reeld.store.rows.read_rows`.

        Tracks that stayed empty are left out; none at all if every track did.
        """
        tracks = [track for track in self.tracks if track.entries]
        if not tracks:
            return []
        end_ns = max(track.state.end_ns for track in tracks)
        stated_ns = self.stated_end_ns
        if stated_ns is not None and 0 < end_ns - stated_ns < PADDING_NS_MAX:
            end_ns = max(stated_ns, *(track.last_ns + 1 for track in tracks))
        rows = [row for track in tracks for row in track.rows(end_ns)]
        record = SessionRecord(
            id="import",
            name=name,
            tags=tags,
            state=SessionState.COMPLETED,
            started_wall_ns=started_wall_ns,
            started_mono_ns=0,
            tracks=[track.state for track in tracks],
            end_ns=end_ns,
        )
        order = [Table.TIMELINE, Table.GAPS]
        return [_row(Table.SESSIONS, b"", record), *sorted(rows, key=lambda row: (order.index(row.table), row.key))]


def _row(table: Table, key: bytes, record: Any) -> Row:
    return Row(table, key, codec.pack_record(record))
