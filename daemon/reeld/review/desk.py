"""What every area of the review server works with, and how it reads what an address says."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from math import isfinite

from starlette.exceptions import HTTPException
from starlette.requests import Request

from reeld.review.guard import SCOPES
from reeld.review.shelf import Shelf
from reeld.review.tickets import TicketOffice
from reeld_client import AsyncClient
from reeld_proto.access import Scope
from reeld_proto.errors import RequestRejected

_DIGEST = re.compile("[0-9a-f]{64}")
SECONDS_MAX = 1e9
"""Longer lasts no recording."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts of one server. client: the daemon's, with all rights. port: where it listens."""

    shelf: Shelf
    client: AsyncClient
    office: TicketOffice
    port: int


def scopes_of(request: Request) -> frozenset[Scope]:
    """What the visitor may do."""
    scopes: frozenset[Scope] = request.scope.get(SCOPES, frozenset())
    return scopes


def digest_in(request: Request) -> bytes:
    """The SHA-256 that an address names. Raises HTTPException NOT_FOUND."""
    text = request.path_params["digest"]
    if not _DIGEST.fullmatch(text):
        raise HTTPException(HTTPStatus.NOT_FOUND, "That is no SHA-256 in 64 lower-case hexadecimal digits.")
    return bytes.fromhex(text)


def number(text: str, name: str, most: int = 2**63 - 1) -> int:
    """A whole number from 0 to `most`. Raises RequestRejected."""
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if not 0 <= value <= most:
        raise RequestRejected(f"{name} is no whole number from 0 to {most}")
    return value


def seconds_of(text: str, name: str) -> float:
    """A time of a session in seconds. Raises RequestRejected."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not isfinite(value) or not 0 <= value <= SECONDS_MAX:
        raise RequestRejected(f"{name} is no time in seconds from 0 on")
    return value
