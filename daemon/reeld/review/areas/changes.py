"""What a reviewer changes: through the daemon's control channel, with the scopes of who opened the page.

A change is a POST with a JSON object; what it may hold is the command's own fields. Nothing changes by GET.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reeld.review.answers import answer_json
from reeld.review.bodies import Body, Nothing, allow, body_of
from reeld.review.desk import Desk
from reeld_proto import commands as c
from reeld_proto.records import MarkerInfo

T = TypeVar("T", bound=Struct)
_REMOVES = (c.ForgetRange, c.DeleteSession)
"""After these a browser must not keep media and thumbnails that it has seen (W3C Clear Site Data)."""


class Edit(Body, frozen=True, kw_only=True):
    """What people write about a session; None leaves it."""

    name: str | None = None
    note: str | None = None
    add_tags: list[str] = field(default_factory=list)
    remove_tags: list[str] = field(default_factory=list)
    pinned: bool | None = None


class Mark(Body, frozen=True, kw_only=True):
    """A note at an instant, in playback seconds."""

    at_s: float
    text: str


class Span(Body, frozen=True, kw_only=True):
    """A range in playback seconds."""

    from_s: float
    to_s: float


class Clip(Span, frozen=True, kw_only=True):
    """A range that becomes a session."""

    name: str = ""


def routes(desk: Desk) -> list[Route]:
    """The routes of this area."""
    client = desk.client

    def change(path: str, kind: type[T], command: type[c.Command], work: Callable[[str, T], Awaitable[Any]]) -> Route:
        async def carry_out(request: Request) -> Response:
            session = request.path_params["session"]
            allow(request, command)
            answer = answer_json(await work(session, await body_of(request, kind)))
            if command in _REMOVES:
                answer.headers["clear-site-data"] = '"cache"'
            return answer

        return Route(f"/api/sessions/{{session}}/{path}", carry_out, methods=["POST"])

    async def edit(session: str, body: Edit) -> Any:
        options: Any = {key: value for key, value in msgspec.structs.asdict(body).items() if value not in (None, [])}
        return {"session": await client.edit(session, **options)}

    async def mark(session: str, body: Mark) -> Any:
        marker = MarkerInfo(at_s=body.at_s, text=body.text)
        return {"session": await client.edit(session, add_markers=[marker])}

    async def clip(session: str, body: Clip) -> Any:
        return await client.clip(session, from_s=body.from_s, to_s=body.to_s, name=body.name)

    async def forget(session: str, body: Span) -> Any:
        return await client.forget(session, from_s=body.from_s, to_s=body.to_s)

    async def delete(session: str, _body: Nothing) -> Any:
        return await client.delete(session)

    return [
        change("edit", Edit, c.EditSession, edit),
        change("markers", Mark, c.EditSession, mark),
        change("clip", Clip, c.ClipSession, clip),
        change("forget", Span, c.ForgetRange, forget),
        change("delete", Nothing, c.DeleteSession, delete),
    ]
