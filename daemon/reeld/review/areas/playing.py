"""Media: chunks by their digest, and sessions as HLS playlists for players."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from reeld.review.answers import answer_bytes, answer_text
from reeld.review.desk import Desk, digest_in, number
from reeld.review.guard import PLAY_PATH
from reeld.review.playlists import master_playlist, media_playlist

_PLAYLIST = "application/vnd.apple.mpegurl"


def routes(desk: Desk) -> list[BaseRoute]:
    """The routes of this area."""

    async def chunk(request: Request) -> Response:
        """A chunk or init segment by the SHA-256 of its bytes."""
        digest = digest_in(request)
        return answer_bytes(request, await desk.shelf.chunk(digest), digest=digest.hex())

    async def master(request: Request) -> Response:
        """The playlist of all tracks."""
        info = await desk.client.show(request.path_params["session"])
        return answer_text(master_playlist(info.tracks, info.duration_s), _PLAYLIST)

    async def playlist(request: Request) -> Response:
        """The playlist of one track."""
        found = await desk.shelf.pieces(request.path_params["session"], request.path_params["track"])
        return answer_text(media_playlist(found.pieces, live=found.lasts), _PLAYLIST)

    async def init(request: Request) -> Response:
        """An init segment that a playlist names."""
        where = request.path_params
        digest = digest_in(request)
        data = await desk.shelf.init(where["session"], where["track"], digest)
        return answer_bytes(request, data, digest=digest.hex())

    async def segment(request: Request) -> Response:
        """A chunk where it is shown."""
        where = request.path_params
        start_ns = number(where["start"], "start")
        return answer_bytes(request, await desk.shelf.segment(where["session"], where["track"], start_ns))

    playing = [
        Route("/master.m3u8", master),
        Route("/{track}/playlist.m3u8", playlist),
        Route("/{track}/init/{digest}.mp4", init),
        Route("/{track}/{start}.m4s", segment),
    ]
    return [
        Route("/chunks/{digest}", chunk),
        Route("/api/sessions/{session}/tracks/{track}/{start}.m4s", segment),
        Mount(PLAY_PATH + "{ticket}/{session}", routes=playing),
    ]
