"""Read-only views of the store, for the daemon, the exporter and verification. Imports neither av nor numpy.

Every method is one short read transaction and sees one committed state. Used from one thread at a time.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from reeld.store import automation, buffer, chunks, sessions
from reeld.store.api import Segment, SessionOutline, TrackOutline
from reeld.store.description import describe
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import at, number_of, track_prefix
from reeld.store.listing import Card, Cards
from reeld.store.records import ChunkEntry, GapEntry, PrerollEntry
from reeld.store.roster import name_of
from reeld.store.said import said_of
from reeld.store.selection import EVERYTHING, Selection, pick
from reeld.store.timeline import Span
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto import codec
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionInfo
from reeld_proto.sound_graph import SoundGraph, SoundMoment

SEGMENTS_PER_READ = 500
"""Timeline entries fetched at a time: a quarter of an hour, well under a millisecond."""


class StoreReader:
    """Views of one open store."""

    def __init__(self, store: StoreEnvironment) -> None:
        self._store = store
        self._cards = Cards()

    @classmethod
    def open(cls, path: Path) -> "StoreReader":
        """Open the store in `path` read-only. Raises RequestRejected (NOT_FOUND) or StoreCorrupt."""
        return cls(StoreEnvironment.open_read(path))

    def close(self) -> None:
        """Close the store. May be called twice."""
        self._store.close()

    @property
    def store(self) -> StoreEnvironment:
        """The open store."""
        return self._store

    def find(self, selection: Selection, scores: Mapping[str, float] | None = None) -> list[Card]:
        """Sessions that pass, the best match first, else newest first. Fast when repeated: see `listing.py`.

        scores: of the sessions that the selection's query finds. Sessions whose records are damaged are in `damaged`.
        """
        with self._store.read() as txn:
            cards = self._cards.some(txn, scores or ()) if selection.needs_text else self._cards.all(txn)
        return pick(cards, selection, scores)

    @property
    def damaged(self) -> dict[str, str]:
        """Sessions that `find` could not read, and why: of the whole store, or of what the last query found."""
        return dict(self._cards.damaged)

    def warm(self, after: bytes = b"") -> bytes | None:
        """Prepare a portion of the first list, of half a millisecond; where to go on, or None at the end."""
        with self._store.read() as txn:
            return self._cards.warm(txn, after)

    def count(self) -> int:
        """How many sessions there are, the rolling buffer's included."""
        with self._store.read() as txn:
            return txn.count(Table.SESSIONS)

    def list_sessions(
        self, selection: Selection = EVERYTHING, scores: Mapping[str, float] | None = None
    ) -> list[SessionInfo]:
        """As `find`, unpacked."""
        return codec.unpack_all([card.info for card in self.find(selection, scores)], SessionInfo)

    def newest(self, offset: int, count: int) -> tuple[int, list[SessionInfo], dict[str, str]]:
        """How many sessions there are, and those at [offset, offset + count) of them, newest first.

        Beside them: which of these are damaged, and why. For who looks at some of many: nothing is remembered, where
        `find` keeps 1.5 kB or more of every session.
        """
        cards = Cards()
        with self._store.read() as txn:
            hidden = buffer.keys(txn)
            keys = [key for key in txn.keys(Table.SESSIONS) if key not in hidden][::-1]
            shown = cards.some(txn, [name_of(key) for key in keys[offset : offset + count]])
        found = codec.unpack_all([card.info for card in shown if not card.hidden], SessionInfo)
        return len(keys), found, cards.damaged

    def show(self, session: str) -> SessionInfo:
        """One session. Raises RequestRejected (NOT_FOUND)."""
        with self._store.read() as txn:
            return describe(sessions.load_shown(txn, session), said_of(txn, session)).info

    def outline(self, session: str) -> SessionOutline:
        """What an exporter must know of a session. Raises RequestRejected (NOT_FOUND)."""
        with self._store.read() as txn:
            record = sessions.load_shown(txn, session)
        tracks = tuple(
            TrackOutline(track.id, track.kind, track.codec, track.label, track.end_ns) for track in record.tracks
        )
        return SessionOutline(record.id, record.name, record.media_end_ns(), tracks, lasts=record.end_ns is None)

    def segments(self, session: str, track: str, from_ns: int = 0) -> Iterator[Segment]:
        """The chunks of a track that begin at or after `from_ns`, in order.

        Reads in portions, so what is committed meanwhile appears at the end.
        """
        prefix = track_prefix(session, track)
        while True:
            portion = []
            with self._store.read() as txn:
                for key, value in txn.scan(Table.TIMELINE, prefix, at(prefix, from_ns)):
                    portion.append(segment_of(number_of(key, prefix), decode(value, ChunkEntry)))
                    if len(portion) == SEGMENTS_PER_READ:
                        break
            yield from portion
            if len(portion) < SEGMENTS_PER_READ:
                return
            from_ns = portion[-1].start_ns + 1

    def segment_before(self, session: str, track: str, at_ns: int) -> Segment | None:
        """The last chunk that begins at or before `at_ns`, whether or not it lasts until then."""
        prefix = track_prefix(session, track)
        with self._store.read() as txn:
            for key, value in txn.scan_back(Table.TIMELINE, prefix, at(prefix, at_ns)):
                return segment_of(number_of(key, prefix), decode(value, ChunkEntry))
        return None

    def keyframe_before(self, session: str, track: str, at_ns: int) -> Segment | None:
        """The last chunk that begins at or before `at_ns` and can be decoded alone, or with its preroll."""
        prefix = track_prefix(session, track)
        with self._store.read() as txn:
            for key, value in txn.scan_back(Table.TIMELINE, prefix, at(prefix, at_ns)):
                entry = decode(value, ChunkEntry)
                if entry.keyframe or txn.get(Table.PREROLL, key) is not None:
                    return segment_of(number_of(key, prefix), entry)
        return None

    def preroll(self, session: str, track: str, start_ns: int) -> list[tuple[bytes, bytes]] | None:
        """What a decoder needs before the chunk shown from exactly `start_ns`, from a key frame on and in order.

        Digests of chunk and init segment; their own times are shifted as that chunk's are. None where the chunk before
        is all it needs; empty where what it needs is not there any more.
        """
        with self._store.read() as txn:
            found = txn.record(Table.PREROLL, at(track_prefix(session, track), start_ns), PrerollEntry)
        return None if found is None else found.chunks

    def sound_history(self, session: str) -> tuple[list[tuple[int, SoundGraph]], list[SoundMoment]]:
        """The graphs of a session with the media time from which each held, and every change, both in order."""
        with self._store.read() as txn:
            return automation.graphs_of(txn, session), automation.moments_of(txn, session)

    def gaps(self, session: str, track: str) -> list[Span]:
        """The gaps of a track in media time, pauses not among them."""
        with self._store.read() as txn:
            return gaps_of(txn, session, track)

    def bytes_in_use(self) -> int:
        """Bytes of the file that hold something."""
        with self._store.read() as txn:
            return txn.bytes_in_use()

    def chunk(self, digest: bytes) -> bytes:
        """Bytes of a chunk or init segment, checked. Raises StoreCorrupt if missing or damaged."""
        with self._store.read() as txn:
            return chunks.load(txn, digest)

    def held_chunk(self, digest: bytes) -> bytes:
        """As `chunk`, of what a recording refers to: what was forgotten is not given out, even while it is stored.

        Raises RequestRejected (NOT_FOUND) for anything else.
        """
        with self._store.read() as txn:
            if not chunks.is_held(txn, digest):
                raise RequestRejected(f"no recording holds chunk {digest.hex()}", code=ErrorCode.NOT_FOUND)
            return chunks.load(txn, digest)


def gaps_of(txn: Transaction, session: str, track: str) -> list[Span]:
    """The gaps of a track in media time."""
    prefix = track_prefix(session, track)
    spans = []
    for key, value in txn.scan(Table.GAPS, prefix):
        gap = decode(value, GapEntry)
        spans.append(Span(number_of(key, prefix), gap.end_ns, gap.reason, gap.detail))
    return spans


def segment_of(start_ns: int, entry: ChunkEntry) -> Segment:
    """An entry of the timeline as its readers see it."""
    return Segment(
        start_ns=start_ns,
        end_ns=entry.end_ns,
        chunk=entry.chunk,
        init=entry.init,
        size=entry.size,
        frames=entry.frames,
        keyframe=entry.keyframe,
        epoch=entry.epoch,
        shift_ns=entry.shift_ns,
    )
