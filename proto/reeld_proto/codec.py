"""The one place where msgpack is imported: envelopes and their bodies to bytes and back.

Foreign input is limited in size before it is decoded, and msgspec decodes it straight into the expected types: nothing
is allocated for a length that the bytes behind it do not bear out, and what nobody expects is skipped. Whatever is
wrong with it is a `RequestRejected` with a stable code, and nothing else is ever raised.
"""

import gc
import threading
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgpack  # noqa: TID251 - this is the one place
import msgspec

from reeld_proto.base import Name
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


class Envelope(msgspec.Struct, Generic[B], frozen=True, kw_only=True):
    """What every message travels in.

    v: protocol version. seq: number of this message from this sender, from 1. id: set by a requester and copied into
    the reply. sender: name of the sending process, empty for clients. sent_ns: CLOCK_MONOTONIC when sent. token: what
    gives a client less than its owner may do.
    """

    v: int
    seq: int
    body: B
    id: str = ""
    sender: str = ""
    sent_ns: int = 0
    token: Name = ""


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    v: int
    seq: int = 0
    id: str = ""


class _Kind(msgspec.Struct, frozen=True, kw_only=True):
    type: str


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    body: _Kind


_LARGE_BYTES = 1_000_000

Encoded = msgspec.Raw
"""A struct that is msgpack already, put into a message as it is: a list of thousands is packed once, not every time."""


_HOLDING: dict[type, bool] = {}
"""For each type of body that was sent: whether it has parts that are packed already."""


def encode(envelope: Envelope[Any]) -> bytes:
    """Bytes of an envelope whose body is one of this package's structs.

    Raises InternalError if the body holds what msgpack cannot carry.
    """
    try:
        if _holds_encoded(envelope.body):
            return msgspec.msgpack.encode(envelope)
        packed: bytes = msgpack.packb(msgspec.to_builtins(envelope, builtin_types=(bytes,)), use_bin_type=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise InternalError(f"cannot encode {type(envelope.body).__name__}: {error}") from error
    return packed


def _holds_encoded(body: Any) -> bool:
    """Whether a body has parts that are packed already; only msgspec can put these in as they are."""
    kind = type(body)
    if kind not in _HOLDING:
        fields = msgspec.structs.fields(kind) if issubclass(kind, msgspec.Struct) else ()
        _HOLDING[kind] = any(field.type in (Encoded, list[Encoded]) for field in fields)
    return _HOLDING[kind]


def pack(
    body: msgspec.Struct, *, seq: int = 0, id: str = "", sender: str = "", sent_ns: int = 0, token: str = ""
) -> bytes:
    """Bytes of an envelope of the present protocol version around `body`."""
    return encode(Envelope(v=PROTOCOL_VERSION, seq=seq, body=body, id=id, sender=sender, sent_ns=sent_ns, token=token))


_DECODERS: "dict[Any, msgspec.msgpack.Decoder[Any]]" = {}
_BUILDING = threading.Lock()
"""While msgspec looks through a struct for the first time, the struct already bears what it knows of it by then; a
second thread would take that for the whole and read through null pointers. So one thread at a time builds."""


def _decoder(kind: Any) -> "msgspec.msgpack.Decoder[Any]":
    decoder = _DECODERS.get(kind)
    if decoder is None:
        with _BUILDING:
            decoder = _DECODERS.setdefault(kind, msgspec.msgpack.Decoder(kind))
    return decoder


def convert(plain: Any, kind: Any) -> Any:
    """Dicts, lists and scalars as `kind`, in any thread. Raises msgspec.ValidationError if they are not that."""
    _decoder(kind)
    return msgspec.convert(plain, kind)


def _decode(data: bytes | memoryview, kind: Any, limit: int) -> Any:
    if len(data) > limit:
        raise RequestRejected(f"message of {len(data)} bytes is over the limit of {limit}", code=ErrorCode.TOO_LARGE)
    try:
        if len(data) < _LARGE_BYTES:
            return _decoder(kind).decode(data)
        return _decode_uncollected(data, kind)
    except msgspec.ValidationError as error:
        raise RequestRejected(f"invalid message: {error}") from error
    except (msgspec.DecodeError, ValueError, RecursionError, OverflowError) as error:
        raise RequestRejected(f"not a msgpack message: {error}") from error


def _decode_uncollected(data: bytes | memoryview, kind: Any) -> Any:
    """Decode without the garbage collector, which would look through a growing list of thousands again and again.

    Nobody else is affected: no other Python code runs in this process until the decoder returns.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return _decoder(kind).decode(data)
    finally:
        if was_enabled:
            gc.enable()


def unpack(data: bytes | memoryview, body_type: Any, *, limit: int = COMMAND_BYTES_MAX) -> Envelope[Any]:
    """The envelope in `data`, its body validated as `body_type` (a struct or a union of tagged structs).

    Raises RequestRejected: TOO_LARGE, INVALID_REQUEST, UNSUPPORTED_VERSION or UNKNOWN_COMMAND.
    """
    header: _Header = _decode(data, _Header, limit)
    if header.v != PROTOCOL_VERSION:
        raise RequestRejected(
            f"protocol version {header.v} is not spoken here, only {PROTOCOL_VERSION}",
            code=ErrorCode.UNSUPPORTED_VERSION,
        )
    body: _Body = _decode(data, _Body, limit)
    if body.body.type not in tags_of(body_type):
        raise RequestRejected(f"unknown message type {body.body.type!r}", code=ErrorCode.UNKNOWN_COMMAND)
    envelope: Envelope[Any] = _decode(data, Envelope[body_type], limit)
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
        header: _Header = _decode(data, _Header, limit)
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
    return msgspec.msgpack.encode(record)


def pack_list(records: Sequence[msgspec.Struct]) -> bytes:
    """Bytes of bare structs, one after the other."""
    return msgspec.msgpack.encode(records)


def encoded(record: msgspec.Struct) -> Encoded:
    """A struct ready to be put into a message. Raises InternalError if it holds what msgpack cannot carry."""
    try:
        return Encoded(msgspec.msgpack.encode(record))
    except (TypeError, ValueError, OverflowError) as error:
        raise InternalError(f"cannot encode {type(record).__name__}: {error}") from error


def unpack_record(data: bytes | memoryview, record_type: type[T]) -> T:
    """The struct that `pack_record` wrote. Raises RequestRejected if `data` is not one."""
    record: T = _decode(data, record_type, MESSAGE_BYTES_MAX)
    return record


def unpack_all(records: list[Encoded], record_type: type[T]) -> list[T]:
    """The structs that `encoded` packed. Raises RequestRejected if one is another."""
    data = msgspec.msgpack.encode(records)
    found: list[T] = _decode(data, list[record_type], len(data))  # type: ignore[valid-type]
    return found


def to_plain(record: Any) -> Any:
    """A struct as dicts, lists and scalars for JSON, the type tag left out at the top."""
    plain = msgspec.to_builtins(record)
    if isinstance(plain, dict):
        plain.pop("type", None)
    return plain
