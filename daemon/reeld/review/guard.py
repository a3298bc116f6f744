"""Who may ask the review server for anything. An ASGI layer around all routes; nothing gets past it unchecked.

DESIGN: every page that a browser has open can send requests to every port of this machine. So a request needs the right
Host (against names that are made to point here), no foreign Origin, and a cookie that other sites cannot have sent.
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reeld.review.tickets import Purpose, Ticket, TicketOffice
from reeld.runtime.clock import monotonic_ns

OPEN_PATH = "/open"
CHANGE_PATH = "/api/"
SCOPES = "reeld.scopes"
"""Under this name an ASGI scope holds what the visitor may do."""
PLAY_PATH = "/play/"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""On every answer. Where nothing else is said, nothing is kept by a browser either."""
_ASK_AGAIN = "Not let in. Run `reelctl review` for a new address."


def cookie_name(port: int) -> str:
    """The cookie's name: browsers send cookies to all ports of a host."""
    return f"reeld_review_{port}"


class Guard:
    """Passes on what a browser or player that was let in asks for. `port`: where the server listens on the loopback.

    asked: called for every request that is passed on.
    """

    def __init__(
        self,
        app: ASGIApp,
        office: TicketOffice,
        port: int,
        *,
        now_ns: Callable[[], int] = monotonic_ns,
        asked: Callable[[], None] = lambda: None,
    ) -> None:
        self._app = app
        self._office = office
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        self._cookie = cookie_name(port)
        self._now_ns = now_ns
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, _hardened(send))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        refusal = self._site_refusal(headers, scope) or self._visitor_refusal(headers, scope)
        if refusal is not None:
            allow = {"allow": "GET, HEAD, POST"} if refusal[0] is HTTPStatus.METHOD_NOT_ALLOWED else None
            await PlainTextResponse(refusal[1] + "\n", status_code=refusal[0], headers=allow)(scope, receive, send)
            return
        self._asked()

        async def send_asked(message: Message) -> None:
            self._asked()  # who listens to events for hours asks once
            await send(message)

        await self._app(scope, receive, send_asked)

    def _site_refusal(self, headers: Headers, scope: Scope) -> tuple[HTTPStatus, str] | None:
        """Status and words for what no page of ours sends; else None."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return HTTPStatus.FORBIDDEN, "This server answers to 127.0.0.1 and localhost only."
        if any(origin != f"http://{hosts[0]}" for origin in headers.getlist("origin")):
            return HTTPStatus.FORBIDDEN, "Other sites may not ask."
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return HTTPStatus.FORBIDDEN, "Other sites may not ask."
        if scope["method"] in ("GET", "HEAD"):
            return None
        if scope["method"] != "POST" or not scope["path"].startswith(CHANGE_PATH):
            return HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD, and POST below /api/."
        return _change_refusal(headers)

    def _visitor_refusal(self, headers: Headers, scope: Scope) -> tuple[HTTPStatus, str] | None:
        """Status and words for who was not let in; else None."""
        path = scope["path"]
        if path == OPEN_PATH:
            return None
        if path.startswith(PLAY_PATH):
            return None if self._may_play(path) else (HTTPStatus.FORBIDDEN, _ASK_AGAIN)
        visit = self._visit(headers.getlist("cookie"))
        if visit is None:
            return HTTPStatus.UNAUTHORIZED, _ASK_AGAIN
        scope[SCOPES] = visit.scopes
        return None

    def _may_play(self, path: str) -> bool:
        ticket, _, rest = path.removeprefix(PLAY_PATH).partition("/")
        session = rest.partition("/")[0]
        return self._office.check(ticket, Purpose.PLAY, self._now_ns(), session) is not None

    def _visit(self, cookies: Iterable[str]) -> Ticket | None:
        for text in cookies:
            try:
                found = SimpleCookie(text).get(self._cookie)
            except CookieError:
                continue
            visit = None if found is None else self._office.check(found.value, Purpose.VISIT, self._now_ns())
            if visit is not None:
                return visit
        return None


def _change_refusal(headers: Headers) -> tuple[HTTPStatus, str] | None:
    """What a page of ours that changes something always says: its origin (checked above), and that it sends JSON.

    Forms of other sites cannot send JSON, and browsers name the origin with every POST.
    """
    if len(headers.getlist("origin")) != 1 or headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return HTTPStatus.FORBIDDEN, "Changes come from the page itself."
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Changes are sent as application/json."
    return None


def _hardened(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return send_with_headers
