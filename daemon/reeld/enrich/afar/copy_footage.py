"""Footage of one session read from the copy in an object store, as `reelctl sync` lays it out.

DESIGN: a machine of the cluster has no store. The session's manifest says what is on its timeline, and each chunk is
fetched when it is needed, so nothing else of the copy travels. A manifest is named after its digest and never changes:
two portions of one job see the same session, whatever is synced meanwhile.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from reeld.copies import layout
from reeld.copies.targets import Target
from reeld.store.api import Segment
from reeld.store.chunks import digest_of
from reeld.store.keys import number_of
from reeld.store.reader import segment_of
from reeld.store.records import ChunkEntry
from reeld.store.rows import Row
from reeld.store.transaction import Table, decode
from reeld_proto.errors import ErrorCode, StoreCorrupt, TransportError

SMALL_BYTES = 16_384
SMALL_KEPT_MAX = 256
"""Init segments and descriptions of stills are asked for again and again."""


class NotSynced(TransportError):
    """The copy does not have it (yet). The machine that has the store can do the work."""

    def __init__(self, what: str, url: str) -> None:
        super().__init__(f"{what} is not in the copy at {url}", code=ErrorCode.NOT_FOUND)
        self._what, self._url = what, url

    def __reduce__(self) -> tuple[type["NotSynced"], tuple[str, str]]:
        """It comes back from another machine."""
        return NotSynced, (self._what, self._url)


class _Timeline(NamedTuple):
    """Of one track: when its chunks begin, and the chunks, in order; and which of them have a preroll."""

    starts: list[int]
    segments: list[Segment]
    with_preroll: set[int]


class CopyFootage:
    """Implements `reeld.store.api.Footage`. Used by one thread.

    url: of the copy, for people; manifest: digest of the session's. Raises NotSynced, StoreCorrupt, and what the target
    raises.
    """

    def __init__(self, target: Target, url: str, session: str, manifest: bytes) -> None:
        self._target, self._url, self._session = target, url, session
        data = target.get(layout.manifest_name(session, manifest))
        if data is None:
            raise NotSynced(f"session {session} as it is now", url)
        _check(data, manifest, "the manifest")
        self._tracks = _timelines(layout.rows_of(data))
        self._small: dict[bytes, bytes] = {}

    def segments(self, session: str, track: str, from_ns: int = 0) -> Iterator[Segment]:
        """The chunks of a track that begin at or after `from_ns`, in order."""
        found = self._track(session, track)
        yield from found.segments[bisect_left(found.starts, from_ns) :]

    def segment_before(self, session: str, track: str, at_ns: int) -> Segment | None:
        """The last chunk that begins at or before `at_ns`."""
        found = self._track(session, track)
        place = bisect_right(found.starts, at_ns)
        return found.segments[place - 1] if place else None

    def keyframe_before(self, session: str, track: str, at_ns: int) -> Segment | None:
        """The last such chunk that can be decoded alone, or with its preroll."""
        found = self._track(session, track)
        before = reversed(found.segments[: bisect_right(found.starts, at_ns)])
        return next((each for each in before if each.keyframe or each.start_ns in found.with_preroll), None)

    def chunk(self, digest: bytes) -> bytes:
        """Bytes of a chunk or init segment, checked."""
        known = self._small.get(digest)
        if known is not None:
            return known
        data = self._target.get(layout.chunk_name(digest))
        if data is None:
            raise NotSynced(f"chunk {digest.hex()}", self._url)
        _check(data, digest, "a chunk")
        if len(data) <= SMALL_BYTES:
            if len(self._small) >= SMALL_KEPT_MAX:
                self._small.clear()
            self._small[digest] = data
        return data

    def held_chunk(self, digest: bytes) -> bytes:
        """As `chunk`: what is forgotten leaves the copy with the next sync, and its results are not kept."""
        return self.chunk(digest)

    def _track(self, session: str, track: str) -> _Timeline:
        if session != self._session:
            raise NotSynced(f"session {session}", self._url)
        return self._tracks.get(track, _Timeline([], [], set()))


def _timelines(rows: Iterable[Row]) -> dict[str, _Timeline]:
    """The timeline of each track. Raises StoreCorrupt."""
    found: dict[str, _Timeline] = {}
    for row in rows:
        if row.table not in (Table.TIMELINE, Table.PREROLL):
            continue
        name, _, number = row.key.partition(b"\0")
        track = found.setdefault(name.decode(), _Timeline([], [], set()))
        start_ns = number_of(number, b"")
        if row.table is Table.PREROLL:
            track.with_preroll.add(start_ns)
        else:
            track.starts.append(start_ns)
            track.segments.append(segment_of(start_ns, decode(row.value, ChunkEntry)))
    return found


def _check(data: bytes, digest: bytes, what: str) -> None:
    if digest_of(data) != digest:
        raise StoreCorrupt(f"{what} in the copy is damaged: it is not {digest.hex()}")
