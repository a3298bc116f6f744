"""How a copy is laid out in an object store: names, and what they hold.

    head                                  which manifests are the copy, written last: msgpack of `Head`
    sessions/<id>.<digest>.manifest       all rows of one session; never changed, replaced by one of another digest
    chunks/<2 digits>/<digest>            bytes of a chunk or init segment

Digests are SHA-256 of the object, in hexadecimal; an id is percent-encoded. A manifest is a sequence of pages, each a
32-bit big-endian length and that many bytes of msgpack (`reeld.store.rows.pages_of`). Replacing `head` is the one step
that changes the copy: before it, every object that the new head needs is there; after it, what only the old one needed
is removed.
"""

from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote

from msgspec import Struct

from reeld.store.rows import PAGE_BYTES_MAX, Row, pages_of, rows_in
from reeld_proto import codec
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt

HEAD = "head"
CHUNKS = "chunks"
MANIFESTS = "sessions"
LAYOUT_VERSION = 1
_LENGTH_BYTES = 4


class Head(Struct, frozen=True, kw_only=True):
    """The copy. store: identity of the store it is of. sessions: digest of the manifest of each."""

    layout: int
    format: int
    hash: str
    store: bytes
    made_wall_ns: int
    sessions: dict[str, bytes]


def chunk_name(digest: bytes) -> str:
    """Name of the object that holds the bytes of that digest."""
    return f"{CHUNKS}/{digest.hex()[:2]}/{digest.hex()}"


def digest_in(name: str) -> bytes | None:
    """The digest that a chunk's name holds; None for a name of something else."""
    last = name.rpartition("/")[2]
    try:
        digest = bytes.fromhex(last)
    except ValueError:
        return None
    return digest if len(digest) == 32 and chunk_name(digest) == name else None


def manifest_name(session: str, digest: bytes) -> str:
    """Name of a session's manifest."""
    return f"{MANIFESTS}/{quote(session, safe='')}.{digest.hex()}.manifest"


def session_in(name: str) -> str:
    """The session that a manifest's name speaks of."""
    return unquote(name.rpartition("/")[2].rsplit(".", 2)[0])


def framed(pages: Iterable[bytes]) -> Iterator[bytes]:
    """Pages with their lengths, the parts of a manifest."""
    for page in pages:
        yield len(page).to_bytes(_LENGTH_BYTES, "big") + page


def manifest_of(rows: Iterable[Row]) -> bytes:
    """A whole manifest."""
    return b"".join(framed(pages_of(rows)))


def rows_of(manifest: bytes) -> Iterator[Row]:
    """The rows in a manifest. Raises StoreCorrupt."""
    offset = 0
    while offset < len(manifest):
        length = int.from_bytes(manifest[offset : offset + _LENGTH_BYTES], "big")
        offset += _LENGTH_BYTES
        if length > PAGE_BYTES_MAX or offset + length > len(manifest):
            raise StoreCorrupt("a manifest is cut off")
        yield from rows_in(manifest[offset : offset + length])
        offset += length


def read_head(data: bytes, target: str) -> Head:
    """The head of a copy. Raises StoreCorrupt, or RequestRejected for one of a newer reeld."""
    try:
        head = codec.unpack_record(data, Head)
    except RequestRejected as error:
        raise StoreCorrupt(f"the head of the copy in {target} cannot be read: {error}") from error
    if head.layout > LAYOUT_VERSION:
        raise RequestRejected(
            f"the copy in {target} was made by a newer reeld",
            code=ErrorCode.UNSUPPORTED_VERSION,
            remedy="Update reeld, or choose another target.",
        )
    return head
