"""What the review server answers: one function a route. Reads only; changes go through the daemon."""

import re
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from reeld.review.answers import answer_bytes, answer_json, answer_text
from reeld.review.guard import OPEN_PATH, PLAY_PATH, cookie_name
from reeld.review.playlists import master_playlist, media_playlist
from reeld.review.shelf import Shelf
from reeld.review.tickets import VISIT_S, Entries, Purpose, TicketOffice
from reeld.runtime.clock import monotonic_ns
from reeld_client import AsyncClient
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected

PAGE = Path(__file__).with_name("page")
COUNT_MAX = 500
"""Sessions in one answer."""
_PLAYLIST = "application/vnd.apple.mpegurl"
_DIGEST = re.compile("[0-9a-f]{64}")
_STATUS = {
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.INVALID_REQUEST: HTTPStatus.BAD_REQUEST,
    ErrorCode.CORRUPT: HTTPStatus.GONE,
}


class Desk:
    """The routes of one server. client: the daemon's, with all rights. port: where it listens."""

    def __init__(self, shelf: Shelf, client: AsyncClient, office: TicketOffice, port: int) -> None:
        self._shelf = shelf
        self._client = client
        self._office = office
        self._entries = Entries(office)
        self._port = port

    async def enter(self, request: Request) -> Response:
        """Exchange the ticket of an opened address for a cookie."""
        now_ns = monotonic_ns()
        if not self._entries.use(request.query_params.get("ticket", ""), now_ns):
            raise HTTPException(
                HTTPStatus.FORBIDDEN, "This address was used or is too old. Run `reelctl review` again."
            )
        session = request.query_params.get("session", "")
        answer = RedirectResponse(f"/?session={quote(session, safe='')}" if session else "/", HTTPStatus.SEE_OTHER)
        visit = self._office.issue(Purpose.VISIT, now_ns, VISIT_S)
        answer.set_cookie(cookie_name(self._port), visit, httponly=True, samesite="strict")
        return answer

    async def sessions(self, request: Request) -> Response:
        """`{sessions, warnings}`: the newest `count`; with `text`, those that it finds, the best match first."""
        params = request.query_params
        count = min(_number(params.get("count", "100"), "count"), COUNT_MAX)
        found = await self._client.list_sessions(text=params.get("text", "").strip() or None, limit=max(1, count))
        return answer_json({"sessions": found.sessions, "warnings": found.warnings})

    async def session(self, request: Request) -> Response:
        """One session, and the address at which players play it."""
        info = await self._client.show(request.path_params["session"])
        ticket = self._office.issue(Purpose.PLAY, monotonic_ns(), VISIT_S, info.session)
        play_url = f"{PLAY_PATH}{ticket}/{info.session}/master.m3u8"
        return answer_json({"session": info, "play_url": play_url})

    async def chunk(self, request: Request) -> Response:
        """A chunk or init segment by the SHA-256 of its bytes."""
        digest = _digest(request)
        return answer_bytes(request, await self._shelf.chunk(digest), digest=digest.hex())

    async def master(self, request: Request) -> Response:
        """The playlist of all tracks."""
        info = await self._client.show(request.path_params["session"])
        return answer_text(master_playlist(info.tracks, info.duration_s), _PLAYLIST)

    async def playlist(self, request: Request) -> Response:
        """The playlist of one track."""
        found = await self._shelf.pieces(request.path_params["session"], request.path_params["track"])
        return answer_text(media_playlist(found.pieces, live=found.lasts), _PLAYLIST)

    async def init(self, request: Request) -> Response:
        """An init segment that a playlist names."""
        where = request.path_params
        digest = _digest(request)
        data = await self._shelf.init(where["session"], where["track"], digest)
        return answer_bytes(request, data, digest=digest.hex())

    async def segment(self, request: Request) -> Response:
        """A chunk where it is shown."""
        where = request.path_params
        start_ns = _number(where["start"], "start")
        return answer_bytes(request, await self._shelf.segment(where["session"], where["track"], start_ns))


def build(desk: Desk) -> Starlette:
    """The application; `Guard` goes around it."""
    playing = [
        Route("/master.m3u8", desk.master),
        Route("/{track}/playlist.m3u8", desk.playlist),
        Route("/{track}/init/{digest}.mp4", desk.init),
        Route("/{track}/{start:int}.m4s", desk.segment),
    ]
    routes = [
        Route(OPEN_PATH, desk.enter),
        Route("/api/sessions", desk.sessions),
        Route("/api/sessions/{session}", desk.session),
        Route("/chunks/{digest}", desk.chunk),
        Mount(PLAY_PATH + "{ticket}/{session}", routes=playing),
        Mount("/", StaticFiles(directory=PAGE, html=True)),
    ]
    return Starlette(routes=routes, exception_handlers={ReeldError: _refused, HTTPException: _http_refused})


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ReeldError)  # noqa: S101 - registered for these alone
    return answer_json(
        {"error": error.code, "message": str(error)}, _STATUS.get(error.code, HTTPStatus.SERVICE_UNAVAILABLE)
    )


async def _http_refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for these alone
    return answer_json({"error": "http", "message": error.detail}, error.status_code)


def _digest(request: Request) -> bytes:
    text = request.path_params["digest"]
    if not _DIGEST.fullmatch(text):
        raise HTTPException(HTTPStatus.NOT_FOUND, "That is no SHA-256 in 64 lower-case hexadecimal digits.")
    return bytes.fromhex(text)


def _number(text: str, name: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0 or value >= 2**63:
        raise RequestRejected(f"{name} is no whole number from 0 on")
    return value
