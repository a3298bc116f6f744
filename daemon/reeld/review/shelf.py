"""The store as the review server sees it: read-only, in a thread of its own, opened when first asked for."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from mmap import PAGESIZE
from pathlib import Path
from typing import TypeVar

from reeld.review.playlists import Piece, pieces_of
from reeld.review.segments import segment_bytes
from reeld.store.reader import StoreReader
from reeld.store.soundness import check_length
from reeld_proto.errors import ErrorCode, RequestRejected

T = TypeVar("T")

MAPPED_BYTES = 6 << 20
"""So much of the store's file may stay in this process's memory after it was read; closing the file gives it back."""
_STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class TrackPieces:
    """What a playlist of one track needs. lasts: the recording goes on."""

    pieces: list[Piece]
    lasts: bool


class Shelf:
    """Methods are called in the event loop; all of them raise RequestRejected NOT_FOUND and StoreCorrupt."""

    def __init__(self, store_dir: Path) -> None:
        self._store_dir = store_dir
        self._reader: StoreReader | None = None
        self._opened_bytes = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="shelf")

    async def pieces(self, session: str, track: str) -> TrackPieces:
        """What the playlist of a track names."""

        def work(reader: StoreReader) -> TrackPieces:
            outline = reader.outline(session)
            found = next((each for each in outline.tracks if each.id == track), None)
            if found is None:
                raise RequestRejected(f"session {session} has no track {track}", code=ErrorCode.NOT_FOUND)
            end_ns = found.end_ns if outline.lasts else outline.end_ns
            return TrackPieces(pieces_of(list(reader.segments(session, track)), end_ns), outline.lasts)

        return await self.read(work)

    async def init(self, session: str, track: str, digest: bytes) -> bytes:
        """An init segment of a track."""

        def work(reader: StoreReader) -> bytes:
            if not any(segment.init == digest for segment in reader.segments(session, track)):
                raise RequestRejected(f"track {track} has no such init segment", code=ErrorCode.NOT_FOUND)
            return reader.chunk(digest)

        return await self.read(work)

    async def chunk(self, digest: bytes) -> bytes:
        """A chunk or an init segment, checked. NOT_FOUND for one that no recording refers to any more."""
        return await self.read(lambda reader: reader.held_chunk(digest))

    async def segment(self, session: str, track: str, start_ns: int) -> bytes:
        """The chunk that begins at exactly `start_ns` of a session, with the times and pictures that it has there."""
        return await self.read(lambda reader: segment_bytes(reader, session, track, start_ns))

    async def close(self) -> None:
        """Close the store and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def read(self, work: Callable[[StoreReader], T]) -> T:
        """What `work` finds; it is called in the shelf's thread. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: self._done(work))

    def _done(self, work: Callable[[StoreReader], T]) -> T:
        reader = self._checked()
        try:
            return work(reader)
        finally:
            if _file_bytes() > self._opened_bytes + MAPPED_BYTES:
                reader.store.let_go()
                self._opened_bytes = _file_bytes()

    def _checked(self) -> StoreReader:
        """The store, unless its file was cut off: reading beyond its end would end the process."""
        if self._reader is None:
            self._reader = StoreReader.open(self._store_dir)
            self._opened_bytes = _file_bytes()
        check_length(self._store_dir)
        return self._reader

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()


def _file_bytes() -> int:
    """How much of this process's memory is pages of files; 0 where the system does not tell."""
    try:
        return int(_STATM.read_bytes().split()[2]) * PAGESIZE
    except OSError:
        return 0
