"""The recordings: their list, and what is known of one."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reeld.review.answers import answer_json
from reeld.review.desk import Desk, number
from reeld.review.guard import PLAY_PATH
from reeld.review.tickets import VISIT_S, Purpose
from reeld.runtime.clock import monotonic_ns

COUNT_MAX = 500
"""Sessions in one answer."""


def routes(desk: Desk) -> list[Route]:
    """The routes of this area."""

    async def sessions(request: Request) -> Response:
        """`{sessions, warnings}`: the newest `count`; with `text`, those that it finds, the best match first."""
        params = request.query_params
        count = min(number(params.get("count", "100"), "count"), COUNT_MAX)
        found = await desk.client.list_sessions(text=params.get("text", "").strip() or None, limit=max(1, count))
        return answer_json({"sessions": found.sessions, "warnings": found.warnings})

    async def session(request: Request) -> Response:
        """One session, and the address at which players play it."""
        info = await desk.client.show(request.path_params["session"])
        ticket = desk.office.issue(Purpose.PLAY, monotonic_ns(), VISIT_S, info.session)
        play_url = f"{PLAY_PATH}{ticket}/{info.session}/master.m3u8"
        return answer_json({"session": info, "play_url": play_url})

    return [Route("/api/sessions", sessions), Route("/api/sessions/{session}", session)]
