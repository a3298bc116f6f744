"""What is in the store, read in a thread of its own so that no command waits for the disk."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from reeld.store.reader import StoreReader
from reeld_proto.records import SessionInfo, SessionState

T = TypeVar("T")


class Library:
    """The recorded sessions. Methods are called in the event loop; the store is opened at the first of them."""

    def __init__(self, store_dir: Path) -> None:
        self._store_dir = store_dir
        self._reader: StoreReader | None = None
        # One thread: the reader serves one at a time, and a second would only compete for the same pages.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="library")

    async def list_sessions(self, status: SessionState | None, tag: str | None, text: str | None) -> list[SessionInfo]:
        """Sessions that pass every filter given, newest first. Raises StoreCorrupt, RequestRejected."""
        return await self._read(lambda reader: reader.list_sessions(status, tag, text))

    async def show(self, session: str) -> SessionInfo:
        """One session. Raises RequestRejected NOT_FOUND, StoreCorrupt."""
        return await self._read(lambda reader: reader.show(session))

    async def close(self) -> None:
        """Close the store and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def _read(self, work: Callable[[StoreReader], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(self._open()))

    def _open(self) -> StoreReader:
        if self._reader is None:
            self._reader = StoreReader.open(self._store_dir)
        return self._reader

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
