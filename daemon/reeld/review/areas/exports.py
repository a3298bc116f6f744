"""Exports as jobs of the daemon: begun, followed by its events, cancelled; the file is handed out once it is whole."""

import asyncio
import os
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from reeld.review.answers import answer_json
from reeld.review.bodies import Body, Nothing, allow, body_of
from reeld.review.desk import Desk
from reeld.review.videos import free_name, videos_folder
from reeld_proto import commands as c
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.jobs import JobState


class Export(Body, frozen=True, kw_only=True):
    """What to write, and where. path: absolute; None for a new file in the user's folder of videos."""

    from_s: float | None = None
    to_s: float | None = None
    tracks: list[str] | None = None
    path: str | None = None


def routes(desk: Desk) -> list[Route]:
    """The routes of this area."""
    begun: dict[str, Path] = {}

    async def export(request: Request) -> Response:
        """`{job}`, at once."""
        session = request.path_params["session"]
        allow(request, c.ExportSession)
        body = await body_of(request, Export)
        info = await desk.client.show(session)
        taken = frozenset(begun.values())
        path = await asyncio.to_thread(_path_of, body, info.name or info.session, taken)
        options: Any = {"from_s": body.from_s, "to_s": body.to_s, "tracks": body.tracks}
        job = await desk.client.jobs.export(session, path, **options)
        begun[job.id] = path
        return answer_json({"job": job.info}, HTTPStatus.ACCEPTED)

    async def job(request: Request) -> Response:
        """`{job}`: one that any client began."""
        allow(request, c.ShowJob)
        return answer_json({"job": (await desk.client.jobs.get(request.path_params["job"])).info})

    async def cancel(request: Request) -> Response:
        """Cancel a job that was begun here."""
        allow(request, c.ExportSession)
        await body_of(request, Nothing)
        found = await desk.client.jobs.get(_own(request))
        return answer_json({"job": await found.cancel()})

    async def file(request: Request) -> Response:
        """The file of an export that was begun here."""
        allow(request, c.ExportSession)
        info = (await desk.client.jobs.get(_own(request))).info
        path = Path(info.path)
        if info.state is not JobState.COMPLETED or not await asyncio.to_thread(path.is_file):
            raise HTTPException(HTTPStatus.NOT_FOUND, "This export has no file, or it was moved.")
        how = "inline" if request.query_params.get("play") else "attachment"
        return FileResponse(path, filename=path.name, content_disposition_type=how)

    def _own(request: Request) -> str:
        id: str = request.path_params["job"]  # noqa: A001 - the standard name of one
        if id not in begun:
            raise HTTPException(HTTPStatus.NOT_FOUND, "No export with this id was begun here.")
        return id

    return [
        Route("/api/sessions/{session}/export", export, methods=["POST"]),
        Route("/api/jobs/{job}", job),
        Route("/api/jobs/{job}/cancel", cancel, methods=["POST"]),
        Route("/api/exports/{job}/{name}", file),
    ]


def _path_of(body: Export, name: str, taken: frozenset[Path]) -> Path:
    """Where to write. taken: by exports that were begun, whose files may not be there yet."""
    if body.path is None:
        return free_name(videos_folder(), name, taken)
    try:
        path = Path(body.path).expanduser()
    except RuntimeError as error:
        raise RequestRejected("nobody here has that name", remedy="Give a path that begins with / or ~/.") from error
    if not path.is_absolute() or "\0" in body.path:
        raise RequestRejected(
            f"{body.path[:64]!r} is no absolute path", remedy="Give one that begins with / or ~, or none."
        )
    if path in taken or os.path.lexists(path):
        raise RequestRejected(
            f"there is a file {path} already", code=ErrorCode.WRONG_STATE, remedy="Give another name, or none."
        )
    return path
