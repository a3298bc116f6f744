"""What is written beside a snapshot's picture file: the init segment of a track of stills. Pure."""

from msgspec import Struct

from reeld_proto import codec
from reeld_proto.errors import RequestRejected, StoreCorrupt

PNG, WEBP = "png", "webp"

HEADER_VERSION = 1

PIXELS_MAX = 65_535
"""Width or height; nothing larger can be shown."""


class StillHeader(Struct, frozen=True, kw_only=True, tag="reeld.still", tag_field="type"):
    """Describes one picture file. hash: perceptual, in hex; of: the video track it shows.

    taken_ns: when its pixels were captured, in the media time of the recording itself; a session made of others finds
    its own time by the shift of an entry, as for any chunk.
    """

    version: int
    format: str
    width: int
    height: int
    hash: str
    of: str
    taken_ns: int


def pack_header(header: StillHeader) -> bytes:
    """Bytes of a header."""
    return codec.pack_record(header)


def parse_header(data: bytes) -> StillHeader:
    """The header in `data`. Raises StoreCorrupt for anything else."""
    try:
        header = codec.unpack_record(data, StillHeader)
    except RequestRejected as error:
        raise StoreCorrupt(f"not the header of a still: {error}") from error
    if header.version != HEADER_VERSION or header.format not in {PNG, WEBP}:
        raise StoreCorrupt(f"a still of format {header.format!r}, version {header.version}, is not known here")
    if not (0 < header.width <= PIXELS_MAX and 0 < header.height <= PIXELS_MAX):
        raise StoreCorrupt(f"a still of {header.width}x{header.height} pixels")
    return header
