"""Bytes that a job hands to the store worker: staged files of bare bytes, each small enough for one transaction."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from reeld.store.rows import Row, pages_of, rows_in
from reeld.store.staging import StagedChunk, StagingWriter, read_staged, remove_staged

SLICE_BYTES = 16 * 1024 * 1024
"""What the store lands in one transaction: a tenth of a second, so a recording never waits long behind an import."""


class _AbandonedError(Exception):
    """What was staged is not wanted."""


class Slices:
    """Writes staged files one after the other. Use it in a `with`: an exception removes all of them.

    paths: the finished files, in order. written: bytes given so far.
    """

    def __init__(self, store_dir: Path) -> None:
        self._store_dir = store_dir
        self._open: StagingWriter | None = None
        self.paths: list[str] = []
        self.written = 0

    def add(self, data: bytes) -> None:
        """Append bytes; a slice that is full is closed and synced."""
        if self._open is None:
            self._open = StagingWriter(self._store_dir)
        self._open.add(blob(data))
        self.written += len(data)
        if self._open.chunk_bytes >= SLICE_BYTES:
            self._close()

    def restart(self) -> None:
        """Remove what was written and begin anew."""
        if self._open is not None:
            opened, self._open = self._open, None
            opened.__exit__(_AbandonedError, None, None)
        for path in self.paths:
            remove_staged(self._store_dir, path)
        self.paths.clear()
        self.written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self._close()
            return
        self.restart()

    def _close(self) -> None:
        if self._open is not None:
            opened, self._open = self._open, None
            opened.__exit__(None, None, None)
            self.paths.append(str(opened.path))


def blob(data: bytes) -> StagedChunk:
    """A staged chunk that is bytes alone."""
    return StagedChunk(
        session="",
        track="",
        start_ns=0,
        end_ns=0,
        shift_ns=0,
        frames=0,
        keyframe=False,
        codec="",
        dropped=0,
        unchanged=0,
        silence_ns=0,
        payload=data,
        init=b"",
    )


def stage_rows(store_dir: Path, rows: list[Row]) -> str:
    """Rows as one staged file; its path."""
    with StagingWriter(store_dir) as writer:
        for page in pages_of(rows):
            writer.add(blob(page))
    return str(writer.path)


def staged_bytes(store_dir: Path, path: str) -> Iterator[bytes]:
    """What `Slices` wrote into one file, in order. Raises StoreCorrupt, RequestRejected."""
    for chunk in read_staged(store_dir, path):
        yield chunk.payload


def staged_rows(store_dir: Path, path: str) -> list[Row]:
    """What `stage_rows` wrote. Raises StoreCorrupt, RequestRejected."""
    return [row for page in staged_bytes(store_dir, path) for row in rows_in(page)]
