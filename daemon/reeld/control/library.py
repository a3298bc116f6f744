"""What is in the store, read in a thread of its own so that no command waits for the disk."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from msgspec import field, structs

from reeld.enrich import parts
from reeld.runtime.logs import get_logger
from reeld.store import enrichment, happenings, known, roster, spending, suspicion
from reeld.store.index import FILE_NAME
from reeld.store.index.query import Query
from reeld.store.keys import IDENTITY_KEY
from reeld.store.listing import Card
from reeld.store.reader import StoreReader
from reeld.store.selection import Selection
from reeld.store.soundness import check_length
from reeld.store.stills import snapshots_of
from reeld.store.transaction import Table
from reeld.store.usage import is_quick, survey
from reeld_proto import codec
from reeld_proto.base import Reply
from reeld_proto.enrich import EnrichJob, Findings, Moment, Transcript
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected, StoreCorrupt
from reeld_proto.findings import Stage
from reeld_proto.records import SessionInfo
from reeld_proto.snapshots import SnapshotInfo
from reeld_proto.sound import SessionTimeline
from reeld_proto.store_orders import Surveyed

if TYPE_CHECKING:
    from reeld.store.index.finder import Finder

T = TypeVar("T")

PAGE_BYTES_MAX = codec.MESSAGE_BYTES_MAX // 2
"""Sessions a message; 10,000 of five tracks with some gaps are half of it. Beyond, the client asks again."""


WARM_SESSIONS_MIN = 200
"""Fewer are described in less time than anybody notices."""

WARM_PORTIONS, WARM_PAUSE_S = 5, 0.0005
"""Portions between two looks at who waits for the library's thread, and the pause between two portions: only one thread
of a process runs Python at a time, and the event loop comes first."""


class PackedSessions(Reply, tag="sessions.list.reply", frozen=True, kw_only=True):
    """`SessionList` on the wire: sessions that are packed already."""

    sessions: list[codec.Encoded]
    more: bool = False
    warnings: list[str] = field(default_factory=list)


class Library:
    """The recorded sessions. Methods are called in the event loop; the store is opened at the first of them."""

    def __init__(self, store_dir: Path) -> None:
        self._store_dir = store_dir
        self._reader: StoreReader | None = None
        self._finder: Finder | None = None
        self._warming: asyncio.Task[None] | None = None
        self._logged: set[str] = set()
        # One thread: the reader serves one at a time, and a second would only compete for the same pages.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="library")

    async def find(self, selection: Selection, after: str = "") -> PackedSessions:
        """Sessions that pass behind `after`, as many as a message holds; the best match first, else newest first.

        Raises StoreCorrupt, RequestRejected (NOT_FOUND if `after` passes no more).
        """

        def work(reader: StoreReader) -> PackedSessions:
            scores = None if selection.query is None else self._text().search(selection.query)
            reply = page(reader.find(selection, scores), after)
            damaged = self._told(reader.damaged)
            return reply if after or not damaged else structs.replace(reply, warnings=damaged)

        return await self._read(work)

    def begin_warming(self) -> None:
        """Prepare the first list of a large store, in small portions, until that is done or `close` is called.

        Called when the store is up. Whatever is asked meanwhile waits some milliseconds at most; a list makes the rest.
        """
        if self._warming is None:
            self._warming = asyncio.get_running_loop().create_task(self._warm())

    async def show(self, session: str) -> SessionInfo:
        """One session. Raises RequestRejected NOT_FOUND, StoreCorrupt."""

        def work(reader: StoreReader) -> SessionInfo:
            with reader.store.read() as txn:
                return happenings.shown(txn, session)

        return await self._read(work)

    async def timeline(self, session: str) -> SessionTimeline:
        """What happened when in one session. Raises RequestRejected NOT_FOUND, StoreCorrupt."""

        def work(reader: StoreReader) -> SessionTimeline:
            with reader.store.read() as txn:
                return happenings.timeline_of(txn, session)

        return await self._read(work)

    async def snapshots(self, session: str) -> list[SnapshotInfo]:
        """The snapshots of one session, in order of time. Raises RequestRejected NOT_FOUND."""
        return await self._read(lambda reader: [taken.info for taken in snapshots_of(reader, session)])

    async def enrich_jobs(self) -> tuple[list[EnrichJob], dict[str, float]]:
        """Every job of enrichment that the store has, the oldest first; and what was spent on each day."""

        def work(reader: StoreReader) -> tuple[list[EnrichJob], dict[str, float]]:
            with reader.store.read() as txn:
                return enrichment.jobs_of(txn), spending.of(txn)

        return await self._read(work)

    async def moments(self, query: Query, limit: int, session: str) -> tuple[list[Moment], bool]:
        """Moments that a query finds, and whether there are more. Raises RequestRejected NOT_FOUND, StoreCorrupt."""

        def work(reader: StoreReader) -> tuple[list[Moment], bool]:
            if session:
                reader.show(session)
            finder = self._text()
            from reeld.store import moments  # noqa: PLC0415 - with SQLite, when somebody searches

            with reader.store.read() as txn:
                return moments.search(finder, txn, query, limit, session)

        return await self._read(work)

    async def transcript(self, session: str, skip: int) -> Transcript:
        """What was said in a session, but for the first utterances. Raises RequestRejected NOT_FOUND, StoreCorrupt."""
        return await self._read(lambda reader: known.transcript_of(reader, session, skip))

    async def findings(self, session: str) -> Findings:
        """Chapters and summary of a session. Raises RequestRejected NOT_FOUND, StoreCorrupt."""
        return await self._read(lambda reader: known.findings_of(reader, session))

    async def to_enrich(self, session: str, stage: Stage, engine: str) -> known.Extent:
        """How much a stage has to do in a session. Raises RequestRejected NOT_FOUND, StoreCorrupt."""
        return await self._read(lambda reader: known.extent_of(reader, session, stage, engine))

    async def to_write(self, session: str) -> tuple[known.Extent, int, int]:
        """How much a language model has to do, and how many tokens go to and fro for a part of it at most."""
        return await self._read(lambda reader: parts.extent_of(reader, session))

    async def sessions(self) -> list[SessionInfo]:
        """Every session, newest first."""
        return await self._read(lambda reader: reader.list_sessions())

    async def catch_up(self) -> None:
        """Bring the text index in step with the store, so that nothing the store removed is left in it."""
        if (self._store_dir / FILE_NAME).exists():
            await self._read(lambda _reader: self._text().catch_up())

    async def check_index(self, *, rebuild: bool) -> tuple[int, list[str]]:
        """Compare the text index with the store: how many sessions, and the differences (before a rebuild)."""
        return await self._read(lambda _reader: self._text().check(rebuild=rebuild))

    async def bytes_in_use(self) -> int:
        """Bytes of the store's file that hold something. Takes no time, whatever the size of the store."""
        return await self._read(lambda reader: reader.bytes_in_use())

    async def identity(self) -> bytes:
        """What tells this store from all others, over its whole life."""

        def work(reader: StoreReader) -> bytes:
            with reader.store.read() as txn:
                return txn.get(Table.META, IDENTITY_KEY) or b""

        return await self._read(work)

    async def survey_if_quick(self) -> Surveyed | None:
        """What takes how much room; None for a store so large that a job should find out."""
        return await self._read(lambda reader: survey(reader.store) if is_quick(reader.store) else None)

    async def close(self) -> None:
        """Close the store and end the thread."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def _warm(self) -> None:
        try:
            if await self._read(lambda reader: reader.count()) < WARM_SESSIONS_MIN:
                return
            after: bytes | None = b""
            while after is not None:
                after = await self._read(partial(_warm_on, after=after))
        except ReeldError as error:
            # Whoever asks is told; until then nobody needs to know.
            get_logger().info("library.not_warmed", reason=str(error))

    def _told(self, damaged: dict[str, str]) -> list[str]:
        """A warning for each damaged session; each is named in the log once."""
        for session, reason in damaged.items():
            if session not in self._logged:
                get_logger().error("session.damaged", session_id=session, reason=reason)
        self._logged = set(damaged)
        return [f"{reason}; {roster.REMEDY}" for reason in damaged.values()]

    async def _read(self, work: Callable[[StoreReader], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(self._checked()))

    def _checked(self) -> StoreReader:
        """The store, unless its file was cut off meanwhile: reading beyond its end would end the daemon."""
        reader = self._open()
        try:
            check_length(self._store_dir)
        except StoreCorrupt:
            suspicion.distrust(self._store_dir)
            raise
        return reader

    def _open(self) -> StoreReader:
        if self._reader is None:
            self._reader = StoreReader.open(self._store_dir)
        return self._reader

    def _text(self) -> "Finder":
        if self._finder is None:
            from reeld.store.index.finder import Finder  # noqa: PLC0415 - SQLite is loaded when somebody searches

            self._finder = Finder(self._open().store)
        return self._finder

    def _close(self) -> None:
        if self._finder is not None:
            self._finder.close()
            self._finder = None
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _warm_on(reader: StoreReader, after: bytes) -> bytes | None:
    last: bytes | None = after
    for _ in range(WARM_PORTIONS):
        if last is None:
            break
        last = reader.warm(last)
        time.sleep(WARM_PAUSE_S)
    return last


def page(found: Sequence[Card], after: str = "", bytes_max: int = PAGE_BYTES_MAX) -> PackedSessions:
    """As many of the cards behind `after` as `bytes_max` holds, but at least one. Raises RequestRejected NOT_FOUND."""
    start = 0
    if after:
        start = next((number for number, card in enumerate(found, 1) if card.session == after), 0)
        if not start:
            raise RequestRejected(
                f"the list does not go on behind session {after}: it is no longer in it",
                code=ErrorCode.NOT_FOUND,
                remedy="Ask for the list again.",
            )
    taken: list[codec.Encoded] = []
    room = bytes_max
    for card in found[start:]:
        room -= card.size
        if room < 0 and taken:
            return PackedSessions(sessions=taken, more=True)
        taken.append(card.info)
    return PackedSessions(sessions=taken)
