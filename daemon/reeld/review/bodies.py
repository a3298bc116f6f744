"""What is sent to change something: who may send it, and how it is read."""

from typing import TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request

from reeld.review.desk import scopes_of
from reeld_proto.base import Command
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.scopes import check_kind

T = TypeVar("T", bound=Struct)
BODY_BYTES_MAX = 64 * 1024


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what is sent."""


class Nothing(Body, frozen=True, kw_only=True):
    """No choices."""


def allow(request: Request, command: type[Command]) -> None:
    """Raises RequestRejected (DENIED) if the visitor may not have this command sent."""
    check_kind(command, scopes_of(request))


async def body_of(request: Request, kind: type[T]) -> T:
    """What was sent. Raises RequestRejected: TOO_LARGE, or INVALID_REQUEST naming the fault."""
    data = bytearray()
    try:
        async for part in request.stream():
            data += part
            if len(data) > BODY_BYTES_MAX:
                raise RequestRejected(f"more than {BODY_BYTES_MAX} bytes were sent", code=ErrorCode.TOO_LARGE)
    except ClientDisconnect as error:
        raise RequestRejected("the request broke off") from error
    try:
        return msgspec.json.decode(bytes(data) or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise RequestRejected(f"what was sent cannot be read: {error}") from error
