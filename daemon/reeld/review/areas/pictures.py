"""Pictures beside the player: thumbnails of key frames, and the snapshots of a session.

DESIGN: decoding has a thread of its own, so that the store answers others meanwhile; one picture is made at a time,
since each needs many times the bytes that come out. Whoever is gone when his turn comes gets none.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reeld.media.still_header import parse_header
from reeld.review.answers import CLIENT_GONE, answer_bytes, answer_json
from reeld.review.cache import Cache
from reeld.review.desk import SECONDS_MAX, Desk, digest_in, number
from reeld.review.shelf import Shelf
from reeld.review.thumbnails import Meant, meant
from reeld.store.reader import StoreReader
from reeld.store.stills import snapshots_of
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import TrackKind
from reeld_proto.units import seconds

WIDTH_MIN, WIDTH_MAX = 16, 640
CACHE_BYTES = 4 << 20
_KEPT = "private, max-age=86400"
"""A key frame stays what it is, but it may be forgotten one day."""
_MS = 1_000_000


class Thumbnails:
    """Makes pictures, one at a time. Used in the event loop."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._cache: Cache[tuple[bytes, int], bytes] = Cache(CACHE_BYTES)
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="thumbnails")

    async def picture(self, wanted: Meant, width: int, request: Request) -> bytes | None:
        """JPEG no wider than `width`; None if the client is gone. Raises StoreCorrupt."""
        key = wanted.chunk, width
        async with self._turn:
            made = self._cache.get(key)
            if made is None and not await request.is_disconnected():
                made = await self._made(wanted, width)
                self._cache.put(key, made, len(made))
        return made

    async def _made(self, wanted: Meant, width: int) -> bytes:
        init, data = await self._shelf.read(lambda reader: (reader.chunk(wanted.init), reader.chunk(wanted.chunk)))
        make = _still_picture if wanted.still else _first_picture
        return await asyncio.get_running_loop().run_in_executor(self._thread, make, init, data, width)


def _first_picture(init: bytes, data: bytes, width: int) -> bytes:
    from reeld.review import jpeg  # noqa: PLC0415 - 16 MB that only pictures need

    return jpeg.first_picture(init, data, width)


def _still_picture(header: bytes, data: bytes, width: int) -> bytes:
    from reeld.review import jpeg  # noqa: PLC0415 - as above

    return jpeg.still_picture(header, data, width)


def routes(desk: Desk) -> list[Route]:
    """The routes of this area."""
    thumbnails = Thumbnails(desk.shelf)

    async def thumbnail(request: Request) -> Response:
        """The nearest key frame at or before a time, as JPEG; `x-reeld-at` says since when it is on view."""
        where, params = request.path_params, request.query_params
        at_ms = number(where["at_ms"], "the time in milliseconds", int(SECONDS_MAX * 1000))
        width = number(params.get("width", "160"), "width", WIDTH_MAX)
        if width < WIDTH_MIN:
            raise RequestRejected(f"width is less than {WIDTH_MIN}")
        track = params.get("track", "")
        wanted = await desk.shelf.read(lambda reader: meant(reader, where["session"], track, at_ms * _MS))
        picture = await thumbnails.picture(wanted, width, request)
        if picture is None:
            return Response(status_code=CLIENT_GONE)
        headers = {"x-reeld-at": str(seconds(wanted.at_ns))}
        if wanted.settled:
            headers["cache-control"] = _KEPT
        return Response(picture, media_type="image/jpeg", headers=headers)

    async def snapshots(request: Request) -> Response:
        """`{snapshots}`: each with `at_s`, `track`, `width`, `height`, `bytes`, `digest`, `type`."""
        return answer_json(await desk.shelf.read(lambda reader: listed(reader, request.path_params["session"])))

    async def snapshot(request: Request) -> Response:
        """A picture file of a session by its SHA-256."""
        digest, session = digest_in(request), request.path_params["session"]
        data, kind = await desk.shelf.read(lambda reader: picture_file(reader, session, digest))
        return answer_bytes(request, data, digest=digest.hex(), kind=kind)

    return [
        Route("/api/sessions/{session}/thumbnails/{at_ms}.jpg", thumbnail),
        Route("/api/sessions/{session}/snapshots", snapshots),
        Route("/api/sessions/{session}/snapshots/{digest}", snapshot),
    ]


def listed(reader: StoreReader, session: str) -> dict[str, list[dict[str, object]]]:
    """The snapshots of a session as a page shows them. Raises RequestRejected (NOT_FOUND)."""
    found = [
        {
            "at_s": taken.info.at_s,
            "track": taken.info.track,
            "width": taken.info.width,
            "height": taken.info.height,
            "bytes": taken.info.bytes,
            "digest": taken.chunk.hex(),
            "type": f"image/{taken.info.format}",
        }
        for taken in snapshots_of(reader, session)
    ]
    return {"snapshots": found}


def picture_file(reader: StoreReader, session: str, digest: bytes) -> tuple[bytes, str]:
    """Bytes and media type of a snapshot of this session. Raises RequestRejected (NOT_FOUND), StoreCorrupt."""
    for track in reader.outline(session).tracks:
        if track.kind is TrackKind.SNAPSHOT:
            for segment in reader.segments(session, track.id):
                if segment.chunk == digest:
                    return reader.chunk(digest), f"image/{parse_header(reader.chunk(segment.init)).format}"
    raise RequestRejected(f"session {session} has no such snapshot", code=ErrorCode.NOT_FOUND)
