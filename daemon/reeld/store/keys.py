"""Keys of the store's databases: text, a zero byte, then a big-endian number, so that they sort by time."""

import struct

from reeld_proto.errors import RequestRejected

NAME_BYTES_MAX = 128
"""Longest session or track id. LMDB's keys hold 511 bytes; two names and a number must fit."""

TIME_NS_MAX = 2**63 - 1

IDENTITY_KEY = b"identity"
"""In `meta`: 16 random bytes that name a store for life."""
REPAIRED_KEY = b"repaired"
"""In `meta`: 16 random bytes, others whenever bytes of a chunk were put in the place of damaged ones."""
COPY_OF_KEY = b"copy-of"
"""In `meta` of a copy: the identity of the store that it is a copy of."""
COPIED_PREFIX = b"copied/"
"""In `meta` of a copy, before the id of each session that was copied: the digest of its rows there."""

_U64 = struct.Struct(">Q")
NUMBER_BYTES = _U64.size


def name_key(name: str) -> bytes:
    """Key of a session or producer. Raises RequestRejected for what cannot be one: empty, too long, a zero byte."""
    try:
        key = name.encode()
    except UnicodeEncodeError as error:
        raise RequestRejected(f"not a valid name: {name!r}") from error
    if not key or len(key) > NAME_BYTES_MAX or b"\0" in key:
        raise RequestRejected(f"not a valid name: {name[:64]!r}")
    return key


def session_prefix(session: str) -> bytes:
    """Prefix of the keys of everything that belongs to a session."""
    return name_key(session) + b"\0"


def track_prefix(session: str, track: str) -> bytes:
    """Prefix of the keys of a track's timeline."""
    return session_prefix(session) + name_key(track) + b"\0"


def at(prefix: bytes, number: int) -> bytes:
    """Key of `number` (nanoseconds or an ordinal, 0 to 2**64 - 1) below `prefix`."""
    return prefix + _U64.pack(number)


def number_of(key: bytes, prefix: bytes) -> int:
    """The number in a key made by `at`, whatever follows it."""
    (number,) = _U64.unpack_from(key, len(prefix))
    return int(number)
