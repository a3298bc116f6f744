"""Media on its way into the store beside the ingest socket: a file of finished chunks that an order names.

DESIGN: what a job made (frames encoded again at a cut, a compressed copy) has to change the store in the same
transaction as the manifest that shows it. A job cannot write to the store, and an order is too small to carry media; so
the job leaves a file in the store's folder, and the store worker lands it together with the order and removes it. What
a crash leaves behind nobody refers to; it is removed when the store is opened for writing.
"""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct

from reeld.store.lmdb_errors import translated
from reeld_proto import codec
from reeld_proto.errors import RequestRejected, StoreCorrupt

FOLDER = "staging"
_LENGTH_BYTES = 4
CHUNK_BYTES_MAX = 2 * codec.PAYLOAD_BYTES_MAX


class StagedChunk(Struct, frozen=True, array_like=True):
    """A chunk for the time [start_ns, end_ns) of a track (media time). shift_ns: media time minus the chunk's own."""

    session: str
    track: str
    start_ns: int
    end_ns: int
    shift_ns: int
    frames: int
    keyframe: bool
    codec: str
    dropped: int
    unchanged: int
    silence_ns: int
    payload: bytes
    init: bytes


class StagingWriter:
    """Writes one staged file below the store in `store_dir`. Use it in a `with`: an exception removes the file.

    path: its absolute name, complete and synced after the block. chunk_bytes: payload written so far.
    Raises RequestRejected DISK_FULL or PERMISSION.
    """

    def __init__(self, store_dir: Path) -> None:
        folder = store_dir / FOLDER
        with translated(store_dir):
            folder.mkdir(mode=0o700, exist_ok=True)
            self.path = folder.absolute() / f"{secrets.token_hex(8)}.chunks"
            self._file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._store_dir = store_dir
        self.chunk_bytes = 0
        self.chunks = 0

    def add(self, chunk: StagedChunk) -> None:
        """Append a chunk."""
        data = codec.pack_record(chunk)
        with translated(self._store_dir):
            self._file.write(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
        self.chunks += 1
        self.chunk_bytes += len(chunk.payload)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            with self._file, translated(self._store_dir):
                if kind is None:
                    self._file.flush()
                    os.fsync(self._file.fileno())
        except BaseException:
            self.path.unlink(missing_ok=True)
            raise
        if kind is not None:
            self.path.unlink(missing_ok=True)


def read_staged(store_dir: Path, path: str) -> Iterator[StagedChunk]:
    """The chunks of a staged file, in order; nothing for an empty path.

    Raises RequestRejected for a path that is not in the store's staging folder, StoreCorrupt for a broken file.
    """
    if not path:
        return
    file = checked_path(store_dir, path)
    with translated(store_dir), file.open("rb") as stream:
        while head := stream.read(_LENGTH_BYTES):
            length = int.from_bytes(head, "big")
            data = stream.read(length) if length <= CHUNK_BYTES_MAX else b""
            if len(head) != _LENGTH_BYTES or len(data) != length:
                raise StoreCorrupt(f"the staged file {file.name} is cut off")
            try:
                chunk = codec.unpack_record(data, StagedChunk)
            except RequestRejected as error:
                raise StoreCorrupt(f"the staged file {file.name} cannot be read: {error}") from error
            yield chunk


def checked_path(store_dir: Path, path: str) -> Path:
    """`path` if it lies in the staging folder of the store. Raises RequestRejected otherwise."""
    file = Path(path)
    if file.parent != store_dir.absolute() / FOLDER or file.is_symlink():
        raise RequestRejected(f"{path} is not a staged file of this store")
    return file


def remove_staged(store_dir: Path, path: str) -> None:
    """Remove one staged file; an empty or missing one is no error."""
    if path:
        checked_path(store_dir, path).unlink(missing_ok=True)


def remove_leftovers(store_dir: Path) -> int:
    """Remove every staged file; their number. Only while no job runs: when the store worker starts with a daemon."""
    removed = 0
    folder = store_dir / FOLDER
    if folder.is_dir():
        for file in folder.iterdir():
            file.unlink(missing_ok=True)
            removed += 1
    return removed
