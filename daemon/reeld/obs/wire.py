"""obs-websocket 5 on the wire: numbers with fixed meanings, and messages to text (JSON) or bytes (msgpack) and back."""

from enum import IntEnum, IntFlag
from typing import Any

import msgspec

JSON, MSGPACK = "obswebsocket.json", "obswebsocket.msgpack"
SUBPROTOCOLS = (JSON, MSGPACK)

RPC_VERSION = 1
OBS_WEBSOCKET_VERSION = "5.5.0"
"""The release of obs-websocket whose requests are spoken; remotes compare it."""
OBS_VERSION = "30.2.0"
"""The release of OBS that came with it."""

Message = dict[str, Any]


class Op(IntEnum):
    """What a message is."""

    HELLO = 0
    IDENTIFY = 1
    IDENTIFIED = 2
    REIDENTIFY = 3
    EVENT = 5
    REQUEST = 6
    RESPONSE = 7
    BATCH = 8
    BATCH_RESPONSE = 9


class CloseCode(IntEnum):
    """Why a connection is closed."""

    DECODE_ERROR = 4002
    MISSING_FIELD = 4003
    INVALID_TYPE = 4004
    UNKNOWN_OP = 4006
    NOT_IDENTIFIED = 4007
    ALREADY_IDENTIFIED = 4008
    AUTHENTICATION_FAILED = 4009
    UNSUPPORTED_RPC = 4010
    SESSION_INVALIDATED = 4011


class Status(IntEnum):
    """How a request went."""

    SUCCESS = 100
    UNKNOWN_TYPE = 204
    NOT_READY = 207
    UNSUPPORTED_EXECUTION = 206
    MISSING_FIELD = 300
    INVALID_FIELD = 400
    INVALID_FIELD_TYPE = 401
    OUT_OF_RANGE = 402
    OUTPUT_RUNNING = 500
    OUTPUT_NOT_RUNNING = 501
    OUTPUT_PAUSED = 502
    OUTPUT_NOT_PAUSED = 503
    NOT_FOUND = 600
    INVALID_STATE = 604
    FAILED = 702


class Intent(IntFlag):
    """Kinds of events that a remote may subscribe to; those of high volume are not among `ALL`."""

    SCENES = 1 << 2
    INPUTS = 1 << 3
    OUTPUTS = 1 << 6
    ALL = (1 << 11) - 1
    VOLUME_METERS = 1 << 16


class Refused(Exception):
    """A request is not done."""

    def __init__(self, status: Status, comment: str) -> None:
        super().__init__(comment)
        self.status = status


class Closing(Exception):
    """The connection must be closed."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def encode(message: Message, subprotocol: str) -> str | bytes:
    """A message as it is sent."""
    return msgspec.msgpack.encode(message) if subprotocol == MSGPACK else msgspec.json.encode(message).decode()


def decode(data: str | bytes, subprotocol: str) -> tuple[int, Message]:
    """What a message is, and its `d`. Raises Closing."""
    if isinstance(data, str) == (subprotocol == MSGPACK):
        raise Closing(CloseCode.DECODE_ERROR, f"{subprotocol} was agreed on, and this is the other kind of frame")
    try:
        message = msgspec.msgpack.decode(data) if isinstance(data, bytes) else msgspec.json.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Closing(CloseCode.DECODE_ERROR, "the message cannot be decoded") from error
    if not isinstance(message, dict):
        raise Closing(CloseCode.DECODE_ERROR, "the message is not an object")
    op = message.get("op")
    if op is None or "d" not in message:
        raise Closing(CloseCode.MISSING_FIELD, "`op` or `d` is missing")
    if not isinstance(op, int) or not isinstance(message["d"], dict):
        raise Closing(CloseCode.INVALID_TYPE, "`op` is not a number, or `d` not an object")
    return op, message["d"]


def event(name: str, intent: Intent, data: Message) -> Message:
    """An event."""
    return {"op": Op.EVENT, "d": {"eventType": name, "eventIntent": int(intent), "eventData": data}}


def result(name: str, status: Status, comment: str = "", data: Message | None = None) -> Message:
    """How a request went, as responses and those of batches hold it."""
    said = {"result": status is Status.SUCCESS, "code": int(status), **({"comment": comment} if comment else {})}
    return {"requestType": name, "requestStatus": said, **({} if data is None else {"responseData": data})}
