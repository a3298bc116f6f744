"""What happens in the daemon, as server-sent events (WHATWG HTML, 9.2)."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from reeld.review.bodies import allow
from reeld.review.desk import Desk
from reeld.review.feed import Feed
from reeld_proto import commands as c


def routes(desk: Desk) -> list[Route]:
    """The routes of this area."""
    feed = Feed(desk.client)

    async def events(request: Request) -> Response:
        """`hello` with the whole state, then each event under its topic; `daemon` when that is lost or back."""
        allow(request, c.GetSnapshot)
        return StreamingResponse(_stream(feed), media_type="text/event-stream")

    return [Route("/api/events", events)]


async def _stream(feed: Feed) -> AsyncIterator[bytes]:
    with feed.listener() as listener:
        async for part in listener:
            yield part
