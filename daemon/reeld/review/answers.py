"""Answers of the review server: documents, and bytes as HTTP wants them (RFC 9110: ETag, Range, HEAD)."""

import hashlib
import re
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

_FOR_EVER = "private, max-age=31536000, immutable"
"""Bytes under their own digest never change."""
CLIENT_GONE = 499
"""What servers write for a request that was given up; nobody hears it."""
_RANGE = re.compile(r"bytes=([0-9]{0,20})-([0-9]{0,20})")
"""No file is larger; longer numbers are no range."""


def answer_json(value: Any, status: int = HTTPStatus.OK) -> Response:
    """A document of records as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def answer_text(text: str, kind: str) -> Response:
    """A text of a media type."""
    return Response(text, media_type=kind)


def answer_bytes(request: Request, data: bytes, *, digest: str = "", kind: str = "video/mp4") -> Response:
    """Media, whole or the range that was asked for.

    digest: of these bytes, if the address names it; then a browser may keep them. kind: their media type. One range is
    served; of several, or of a unit we do not know, the whole, which RFC 9110 (14.2) allows.
    """
    etag = f'"{digest or hashlib.sha256(data).hexdigest()}"'
    headers = {"etag": etag, "accept-ranges": "bytes"}
    if digest:
        headers["cache-control"] = _FOR_EVER
    if names_etag(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    wanted = None
    # A range of what the client believes to be another file is worth nothing to it (RFC 9110, 13.1.5).
    if request.method == "GET" and request.headers.get("if-range", etag) == etag:
        wanted = range_of(request.headers.get("range", ""), len(data))
    if wanted is None:
        return Response(data, media_type=kind, headers=headers)
    start, end = wanted
    if start >= end:
        headers["content-range"] = f"bytes */{len(data)}"
        return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
    headers["content-range"] = f"bytes {start}-{end - 1}/{len(data)}"
    return Response(data[start:end], HTTPStatus.PARTIAL_CONTENT, media_type=kind, headers=headers)


def range_of(header: str, size: int) -> tuple[int, int] | None:
    """Start and end of the one range asked for, cut to `size`; empty if outside; None where all is to be sent."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or found[1] == found[2] == "":
        return None
    if not found[1]:
        length = int(found[2])
        return max(0, size - length), size if length else 0
    start = int(found[1])
    last = int(found[2]) if found[2] else size - 1
    if last < start and found[2]:
        return None  # no range at all, to be ignored
    return start, min(last + 1, size)


def names_etag(header: str, etag: str) -> bool:
    """Whether an `if-none-match` names what is there."""
    return header.strip() == "*" or etag in (each.strip().removeprefix("W/") for each in header.split(","))
