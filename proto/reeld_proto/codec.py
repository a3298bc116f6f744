"""The one place where msgpack is imported: envelopes and their bodies to bytes and back.

Foreign input is limited in size before it is decoded and validated by msgspec against the expected types;
whatever is wrong with it is a `RequestRejected` with a stable code, and nothing else is ever raised.
"""

from typing import Any, Generic, TypeVar

import msgpack  # noqa: TID251 - this is the one place
import msgspec

from reeld_proto.errors import ErrorCode, InternalError, RequestRejected
from reeld_proto.version import PROTOCOL_VERSION

B = TypeVar("B")
T = TypeVar("T")

COMMAND_BYTES_MAX = 256 * 1024
"""Largest command or event a peer may send; a list of 10,000 sessions goes the other way."""
MESSAGE_BYTES_MAX = 64 * 1024 * 1024
"""Largest envelope between our own processes and largest reply."""
PAYLOAD_BYTES_MAX = 64 * 1024 * 1024
"""Largest chunk: far above 2 s of lossless 4K, far below what would exhaust memory."""
_NESTING_ITEMS_MAX = 1_000_000


class Envelope(msgspec.Struct, Generic[B], frozen=True, kw_only=True):
    """What every message travels in.

    v: protocol version. seq: number of this message from this sender, from 1. id: set by a requester and copied into
    the reply. sender: name of the sending process, empty for clients. sent_ns: CLOCK_MONOTONIC when sent.
    """

    v: int
    seq: int
    body: B
    id: str = ""
    sender: str = ""
    sent_ns: int = 0


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    v: int
    seq: int = 0
    id: str = ""


class _Kind(msgspec.Struct, frozen=True, kw_only=True):
    type: str


def encode(envelope: Envelope[Any]) -> bytes:
    """Bytes of an envelope whose body is one of this package's structs.

    Raises InternalError if the body holds what msgpack cannot carry.
    """
    try:
        packed: bytes = msgpack.packb(msgspec.to_builtins(envelope, builtin_types=(bytes,)), use_bin_type=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise InternalError(f"cannot encode {type(envelope.body).__name__}: {error}") from error
    return packed


def pack(body: msgspec.Struct, *, seq: int = 0, id: str = "", sender: str = "", sent_ns: int = 0) -> bytes:
    """Bytes of an envelope of the present protocol version around `body`."""
    return encode(Envelope(v=PROTOCOL_VERSION, seq=seq, body=body, id=id, sender=sender, sent_ns=sent_ns))


def _unpack(data: bytes | memoryview, limit: int) -> Any:
    if len(data) > limit:
        raise RequestRejected(f"message of {len(data)} bytes is over the limit of {limit}", code=ErrorCode.TOO_LARGE)
    try:
        return msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            max_str_len=limit,
            max_bin_len=limit,
            max_array_len=_NESTING_ITEMS_MAX,
            max_map_len=_NESTING_ITEMS_MAX,
            max_ext_len=0,
        )
    except Exception as error:  # msgpack raises ValueError, its own types, and StackError on hostile input
        raise RequestRejected(f"not a msgpack message: {error}") from error


def _convert(value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError, OverflowError) as error:
        raise RequestRejected(f"invalid message: {error}") from error


def unpack(data: bytes | memoryview, body_type: Any, *, limit: int = COMMAND_BYTES_MAX) -> Envelope[Any]:
    """The envelope in `data`, its body validated as `body_type` (a struct or a union of tagged structs).

    Raises RequestRejected: TOO_LARGE, INVALID_REQUEST, UNSUPPORTED_VERSION or UNKNOWN_COMMAND.
    """
    value = _unpack(data, limit)
    header: _Header = _convert(value, _Header)
    if header.v != PROTOCOL_VERSION:
        raise RequestRejected(
            f"protocol version {header.v} is not spoken here, only {PROTOCOL_VERSION}",
            code=ErrorCode.UNSUPPORTED_VERSION,
        )
    kind: _Kind = _convert(value.get("body"), _Kind)
    if kind.type not in tags_of(body_type):
        raise RequestRejected(f"unknown message type {kind.type!r}", code=ErrorCode.UNKNOWN_COMMAND)
    envelope: Envelope[Any] = _convert(value, Envelope[body_type])
    return envelope


def request_id_of(data: bytes | memoryview, *, limit: int = COMMAND_BYTES_MAX) -> str:
    """The request id in a message that could not be accepted, so that the error can name it; empty if unreadable."""
    header = _header_of(data, limit)
    return "" if header is None else header.id


def sequence_of(data: bytes | memoryview) -> int | None:
    """The sequence number of an event, of a known type or not; None if unreadable."""
    header = _header_of(data, COMMAND_BYTES_MAX)
    return None if header is None else header.seq


def _header_of(data: bytes | memoryview, limit: int) -> _Header | None:
    try:
        header: _Header = _convert(_unpack(data, limit), _Header)
    except RequestRejected:
        return None
    return header


_TAGS: dict[Any, frozenset[str]] = {}


def tags_of(body_type: Any) -> frozenset[str]:
    """Type tags of a struct or a union of structs."""
    if body_type not in _TAGS:
        members = getattr(body_type, "__args__", (body_type,))
        _TAGS[body_type] = frozenset(str(member.__struct_config__.tag) for member in members)
    return _TAGS[body_type]


def pack_record(record: msgspec.Struct) -> bytes:
    """Bytes of a bare struct, for values kept in the store."""
    packed: bytes = msgpack.packb(msgspec.to_builtins(record, builtin_types=(bytes,)), use_bin_type=True)
    return packed


def unpack_record(data: bytes | memoryview, record_type: type[T]) -> T:
    """The struct that `pack_record` wrote. Raises RequestRejected if `data` is not one."""
    record: T = _convert(_unpack(data, MESSAGE_BYTES_MAX), record_type)
    return record


def to_plain(record: Any) -> Any:
    """A struct as dicts, lists and scalars for JSON, the type tag left out at the top."""
    plain = msgspec.to_builtins(record)
    if isinstance(plain, dict):
        plain.pop("type", None)
    return plain
