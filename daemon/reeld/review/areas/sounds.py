"""How loud a track is over time.

DESIGN: the store's thread gives some chunks at a time and then answers others; they are measured in a thread of their
own. Between two portions it is looked whether anybody still waits for the answer.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice, takewhile
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reeld.review.answers import CLIENT_GONE, answer_json
from reeld.review.cache import Cache
from reeld.review.desk import Desk, number, seconds_of
from reeld.review.peaks import Columns, Measured, drawn
from reeld.review.shelf import Shelf
from reeld.store.api import Segment
from reeld.store.reader import SEGMENTS_PER_READ, StoreReader
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.records import TrackKind
from reeld_proto.units import NS_PER_S

if TYPE_CHECKING:
    from reeld.review.loudness import Meter

COUNT_MAX = 2000
CACHE_BYTES = 2 << 20
PORTION = 16
"""Chunks read at a time: 150 KB of AAC, 1.5 MB of FLAC."""
LOOKS_PER_READ = 200
"""Columns looked up at a time: some milliseconds."""
_MEASURED_BYTES = 150
"""What one takes beside its steps."""

T = TypeVar("T")
Loaded = tuple[bytes, bytes]
"""Init segment and chunk."""


class GoneError(Exception):
    """Nobody waits for the answer any more."""


class Sounds:
    """Measures chunks and remembers what it found. Used in the event loop."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._cache: Cache[tuple[bytes, bool], Measured] = Cache(CACHE_BYTES)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sounds")
        self._meter: Meter | None = None

    async def peaks(self, session: str, track: str, columns: Columns, request: Request) -> list[int]:
        """As `drawn`. Raises RequestRejected (NOT_FOUND), GoneError."""
        await self._read(partial(_check, session=session, track=track), request)
        segments = await self._segments(session, track, columns, request)
        found = {each.chunk: self._cache.get((each.chunk, columns.sampled)) for each in segments}
        missing = [each for each in {each.chunk: each for each in segments}.values() if found[each.chunk] is None]
        for at in range(0, len(missing), PORTION):
            portion = missing[at : at + PORTION]
            loaded = await self._read(partial(_loaded, segments=portion), request)
            measured = await self._work(partial(self._measured, loaded, glance=columns.sampled))
            for segment, one in zip(portion, measured, strict=True):
                found[segment.chunk] = one
                if one is not None:
                    self._cache.put((segment.chunk, columns.sampled), one, len(one.steps) + _MEASURED_BYTES)
        return await self._work(lambda: drawn(columns, [(each, found[each.chunk]) for each in segments]))

    async def _segments(self, session: str, track: str, columns: Columns, request: Request) -> list[Segment]:
        """The chunks to look at, each once, in order of their time."""
        found: dict[int, Segment] = {}
        if columns.sampled:
            for at in range(0, columns.count, LOOKS_PER_READ):
                some = range(at, min(at + LOOKS_PER_READ, columns.count))
                looks = [(columns.start_ns(column), columns.start_ns(column + 1)) for column in some]
                portion = await self._read(partial(_glanced, session=session, track=track, looks=looks), request)
                found |= {each.start_ns: each for each in portion}
            return list(found.values())
        from_ns: int | None = columns.from_ns
        while from_ns is not None:
            look = partial(_shown, session=session, track=track, from_ns=from_ns, to_ns=columns.to_ns)
            portion = await self._read(look, request)
            found |= {each.start_ns: each for each in portion}
            from_ns = portion[-1].start_ns + 1 if len(portion) == SEGMENTS_PER_READ else None
        return list(found.values())

    async def _read(self, work: Callable[[StoreReader], T], request: Request) -> T:
        if await request.is_disconnected():
            raise GoneError
        return await self._shelf.read(work)

    async def _work(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _measured(self, loaded: Sequence[Loaded | None], *, glance: bool) -> list[Measured | None]:
        """In the thread. None for what cannot be read."""
        from reeld.review.loudness import Meter  # noqa: PLC0415 - 25 MB that only waves need

        self._meter = meter = self._meter or Meter()
        found: list[Measured | None] = []
        for each in loaded:
            try:
                found.append(None if each is None else meter.measure(*each, glance=glance))
            except StoreCorrupt:
                found.append(None)
        return found


def routes(desk: Desk) -> list[Route]:
    """The routes of this area."""
    sounds = Sounds(desk.shelf)

    async def peaks(request: Request) -> Response:
        """`{from_s, to_s, count, peaks}`: of each of `count` columns the loudest, 0 to 255; -1 without sound."""
        where, params = request.path_params, request.query_params
        from_s, to_s = (seconds_of(params.get(name, ""), name) for name in ("from_s", "to_s"))
        count = number(params.get("count", ""), "count", COUNT_MAX)
        columns = Columns(round(from_s * NS_PER_S), round(to_s * NS_PER_S), count)
        if count < 1 or columns.to_ns <= columns.from_ns:
            raise RequestRejected("count is less than 1, or to_s not after from_s")
        try:
            found = await sounds.peaks(where["session"], where["track"], columns, request)
        except GoneError:
            return Response(status_code=CLIENT_GONE)
        return answer_json({"from_s": from_s, "to_s": to_s, "count": count, "peaks": found})

    return [Route("/api/sessions/{session}/tracks/{track}/peaks", peaks)]


def _check(reader: StoreReader, session: str, track: str) -> None:
    kinds = {each.id: each.kind for each in reader.outline(session).tracks}
    if kinds.get(track) is not TrackKind.AUDIO:
        raise RequestRejected(f"session {session} has no track of sound {track}", code=ErrorCode.NOT_FOUND)


def _glanced(reader: StoreReader, session: str, track: str, looks: Sequence[tuple[int, int]]) -> list[Segment]:
    """Of each span the chunk in its middle, or else the last one in it."""
    found = []
    for from_ns, to_ns in looks:
        for at_ns in ((from_ns + to_ns) // 2, to_ns - 1):
            segment = reader.segment_before(session, track, at_ns)
            if segment is not None and segment.end_ns > from_ns:
                found.append(segment)
                break
    return found


def _shown(reader: StoreReader, session: str, track: str, from_ns: int, to_ns: int) -> list[Segment]:
    """The next chunks of a range, the one that lasts into it first."""
    before = reader.segment_before(session, track, from_ns)
    start_ns = before.start_ns if before is not None and before.end_ns > from_ns else from_ns
    some = islice(reader.segments(session, track, start_ns), SEGMENTS_PER_READ)
    return list(takewhile(lambda each: each.start_ns < to_ns, some))


def _loaded(reader: StoreReader, segments: Sequence[Segment]) -> list[Loaded | None]:
    """Init segment and chunk of each; None for what is missing or damaged."""
    inits: dict[bytes, bytes] = {}
    found: list[Loaded | None] = []
    for segment in segments:
        try:
            if segment.init not in inits:
                inits[segment.init] = reader.chunk(segment.init)
            found.append((inits[segment.init], reader.chunk(segment.chunk)))
        except StoreCorrupt:
            found.append(None)
    return found
