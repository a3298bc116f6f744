"""The page's own files. They are few and small: read once, and given out without a thread."""

import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reeld.review.answers import names_etag

PAGE = Path(__file__).with_name("page")
INDEX = "index.html"
_KINDS = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_CHECKED = "no-cache"
"""A browser may keep them, and what it compiled of them, but asks whether they are still the same."""


@dataclass(frozen=True, slots=True)
class _File:
    data: bytes
    kind: str
    etag: str


def routes(folder: Path = PAGE) -> list[Route]:
    """The routes of the files in a folder; `index.html` is there under `/`, too."""
    files = {each.name: _read(each) for each in folder.iterdir() if each.suffix in _KINDS}

    async def file(request: Request) -> Response:
        """A file of the page."""
        found = files.get(request.path_params.get("name", INDEX))
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        headers = {"etag": found.etag, "cache-control": _CHECKED}
        if names_etag(request.headers.get("if-none-match", ""), found.etag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(found.data, media_type=found.kind, headers=headers)

    return [Route("/", file), Route("/{name}", file)]


def _read(path: Path) -> _File:
    data = path.read_bytes()
    return _File(data, _KINDS[path.suffix], f'"{hashlib.sha256(data).hexdigest()}"')
