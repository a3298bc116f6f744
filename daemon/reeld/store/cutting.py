"""What a range of a track holds: entries cut at its ends, gaps, and what a decoder needs before them.

All times are media time of the session that is read; nothing is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from reeld.store.keys import at, number_of, track_prefix
from reeld.store.reader import gaps_of
from reeld.store.records import ChunkEntry, PrerollEntry, TrackState
from reeld.store.timeline import Span
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.records import GapReason, TrackKind

CHAIN_BREAKS = frozenset(
    {
        GapReason.DROPPED,
        GapReason.DISK_FULL,
        GapReason.WORKER_RESTART,
        GapReason.FORGOTTEN,
        GapReason.THINNED,
        GapReason.DAMAGED,
        GapReason.ABSENT,
        GapReason.RECYCLED,
    }
)
"""Gaps in which pictures may be missing that later ones build on."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What of an entry lies in the range. preroll: None where the chunk before it on the track is all it needs."""

    start_ns: int
    end_ns: int
    entry: ChunkEntry
    preroll: PrerollEntry | None = None


@dataclass(slots=True)
class Cut:
    """A range of a track: pieces and gaps together cover it, each in order."""

    pieces: list[Piece] = field(default_factory=list)
    gaps: list[Span] = field(default_factory=list)


def cut(
    txn: Transaction, session: str, track: TrackState, within: Span, left_out: Sequence[tuple[int, int]] = ()
) -> Cut:
    """The range `within` of a track. Raises StoreCorrupt.

    left_out: a chunk that an entry shows in one of these ranges is not taken at all; a `forgotten` gap is in its place.
    Where the track's cover ends before the range does, the rest is an `absent` gap.
    """
    prefix = track_prefix(session, track.id)
    found = Cut()
    gaps = gaps_of(txn, session, track.id)
    first = True
    for start_ns, entry in _entries(txn, prefix, within):
        shown = Span(max(start_ns, within.start_ns), min(entry.end_ns, within.end_ns))
        if _is_left_out(start_ns, entry, left_out):
            found.gaps.append(Span(shown.start_ns, shown.end_ns, GapReason.FORGOTTEN))
            first = True
            continue
        preroll = None
        if track.kind is TrackKind.VIDEO and not entry.keyframe:
            preroll = txn.record(Table.PREROLL, at(prefix, start_ns), PrerollEntry)
            if preroll is None and first:
                # Without a row an entry builds on the one before it, which is not its own here.
                preroll = PrerollEntry(_chain(txn, prefix, start_ns, gaps, left_out))
        found.pieces.append(Piece(shown.start_ns, shown.end_ns, entry, preroll))
        first = False
    found.gaps += (
        Span(max(gap.start_ns, within.start_ns), min(gap.end_ns, within.end_ns), gap.reason, gap.detail)
        for gap in gaps
        if gap.start_ns < within.end_ns and gap.end_ns > within.start_ns
    )
    if track.end_ns < within.end_ns:
        found.gaps.append(Span(max(track.end_ns, within.start_ns), within.end_ns, GapReason.ABSENT))
    found.gaps.sort()
    return found


def _entries(txn: Transaction, prefix: bytes, within: Span) -> list[tuple[int, ChunkEntry]]:
    """Every entry that shows something of the range, with its start."""
    before = next(txn.scan_back(Table.TIMELINE, prefix, at(prefix, within.start_ns)), None)
    found = []
    for key, value in txn.scan(Table.TIMELINE, prefix, before[0] if before else at(prefix, within.start_ns)):
        start_ns = number_of(key, prefix)
        if start_ns >= within.end_ns:
            break
        entry = decode(value, ChunkEntry)
        if entry.end_ns > within.start_ns:
            found.append((start_ns, entry))
    return found


def _is_left_out(start_ns: int, entry: ChunkEntry, left_out: Sequence[tuple[int, int]]) -> bool:
    return any(start_ns < to_ns and entry.end_ns > from_ns for from_ns, to_ns in left_out)


def _chain(
    txn: Transaction, prefix: bytes, start_ns: int, gaps: Sequence[Span], left_out: Sequence[tuple[int, int]]
) -> list[tuple[bytes, bytes]]:
    """Chunks from the last key frame up to the entry at `start_ns`; none if one between is missing or left out."""
    broken_ns = max((gap.end_ns for gap in gaps if gap.reason in CHAIN_BREAKS and gap.end_ns <= start_ns), default=0)
    chain: list[tuple[bytes, bytes]] = []
    for key, value in txn.scan_back(Table.TIMELINE, prefix, at(prefix, start_ns)):
        before_ns = number_of(key, prefix)
        if before_ns == start_ns:
            continue
        if before_ns < broken_ns:
            return []
        entry = decode(value, ChunkEntry)
        if _is_left_out(before_ns, entry, left_out):
            return []
        chain.append((entry.chunk, entry.init))
        if entry.keyframe:
            return chain[::-1]
        known = txn.record(Table.PREROLL, key, PrerollEntry)
        if known is not None:
            return [*known.chunks, *chain[::-1]] if known.chunks else []
    return []
