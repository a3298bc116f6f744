"""The review server's application: a browser is let in, the areas answer, what fails is said as JSON.

Reads only; changes go through the daemon.
"""

from http import HTTPStatus
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from reeld.review import files
from reeld.review.answers import answer_json
from reeld.review.areas import changes, exports, happening, knowledge, library, pictures, playing, sounds
from reeld.review.desk import Desk
from reeld.review.guard import OPEN_PATH, cookie_name
from reeld.review.tickets import VISIT_S, Entries, Purpose
from reeld.runtime.clock import monotonic_ns
from reeld_proto.errors import ErrorCode, ReeldError

_STATUS = {
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.INVALID_REQUEST: HTTPStatus.BAD_REQUEST,
    ErrorCode.CORRUPT: HTTPStatus.GONE,
    ErrorCode.DENIED: HTTPStatus.FORBIDDEN,
    ErrorCode.PERMISSION: HTTPStatus.FORBIDDEN,
    ErrorCode.WRONG_STATE: HTTPStatus.CONFLICT,
    ErrorCode.CANCELLED: HTTPStatus.CONFLICT,
    ErrorCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ErrorCode.DISK_FULL: HTTPStatus.INSUFFICIENT_STORAGE,
    ErrorCode.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
}


def build(desk: Desk) -> Starlette:
    """The application; `Guard` goes around it."""
    routes: list[BaseRoute] = [
        _entrance(desk),
        *library.routes(desk),
        *playing.routes(desk),
        *changes.routes(desk),
        *exports.routes(desk),
        *happening.routes(desk),
        *knowledge.routes(desk),
        *pictures.routes(desk),
        *sounds.routes(desk),
        _description(desk),
        *files.routes(),
    ]
    return Starlette(routes=routes, exception_handlers={ReeldError: _refused, HTTPException: _http_refused})


def _description(desk: Desk) -> Route:
    async def describe(_request: Request) -> Response:
        """The interface itself."""
        from reeld.review.openapi import description  # noqa: PLC0415 - a page never asks for it

        return answer_json(description(cookie_name(desk.port)))

    return Route("/openapi.json", describe)


def _entrance(desk: Desk) -> Route:
    entries = Entries(desk.office)

    async def enter(request: Request) -> Response:
        """Exchange the ticket of an opened address for a cookie."""
        now_ns = monotonic_ns()
        entry = entries.use(request.query_params.get("ticket", ""), now_ns)
        if entry is None:
            raise HTTPException(
                HTTPStatus.FORBIDDEN, "This address was used or is too old. Run `reelctl review` again."
            )
        query = {name: value for name in ("session", "t") if (value := request.query_params.get(name, ""))}
        answer = RedirectResponse(f"/?{urlencode(query)}" if query.get("session") else "/", HTTPStatus.SEE_OTHER)
        visit = desk.office.issue(Purpose.VISIT, now_ns, VISIT_S, scopes=entry.scopes)
        answer.set_cookie(cookie_name(desk.port), visit, httponly=True, samesite="strict")
        return answer

    return Route(OPEN_PATH, enter)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ReeldError)  # noqa: S101 - registered for these alone
    status = _STATUS.get(error.code, HTTPStatus.SERVICE_UNAVAILABLE)
    return answer_json({"error": error.code, "message": str(error)}, status)


async def _http_refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for these alone
    answer = answer_json({"error": "http", "message": error.detail}, error.status_code)
    answer.headers.update(error.headers or {})
    return answer
