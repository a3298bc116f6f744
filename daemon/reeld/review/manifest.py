"""What a page must know to play a stretch of a session: its tracks, and where each piece of media is to be had.

DESIGN: a session of many hours has tens of thousands of pieces, so a page asks for the minutes around what it shows.
A stretch begins where its first picture can be decoded, so what is asked for can be played without asking again.
"""

import contextlib
from collections.abc import Iterator
from itertools import islice

from msgspec import Struct

from reeld.review.playlists import type_of
from reeld.review.segments import are_raw
from reeld.store.api import Segment, TrackOutline
from reeld.store.reader import StoreReader
from reeld_proto.errors import StoreCorrupt
from reeld_proto.records import GapReason, TrackKind
from reeld_proto.units import NS_PER_S, seconds

PIECES_MAX = 2000
"""Pieces of a track in one answer: half an hour; the rest is asked for when it is wanted."""


class PlayPiece(Struct, frozen=True, kw_only=True, gc=False):
    """One chunk where it is shown, in seconds. key: decoding can begin with it. url, init: addresses of this server."""

    start_s: float
    end_s: float
    url: str
    init: str
    key: bool
    bytes: int


class PlayGap(Struct, frozen=True, kw_only=True, gc=False):
    """A stretch without media, in playback seconds, and why."""

    start_s: float
    end_s: float
    reason: GapReason
    detail: str


class PlayTrack(Struct, frozen=True, kw_only=True):
    """A track that is played. type: as browsers want it stated. more: pieces follow within the stretch asked for."""

    id: str
    kind: TrackKind
    codec: str
    type: str
    label: str
    end_s: float
    gaps: list[PlayGap]
    pieces: list[PlayPiece]
    more: bool


class Manifest(Struct, frozen=True, kw_only=True):
    """A stretch of a session. lasts: it is being recorded. duration_s: up to what is durable."""

    session: str
    lasts: bool
    duration_s: float
    from_s: float
    to_s: float
    tracks: list[PlayTrack]


def manifest_of(reader: StoreReader, session: str, from_ns: int, to_ns: int) -> Manifest:
    """The stretch [from_ns, to_ns) of media time. Raises RequestRejected (NOT_FOUND)."""
    outline = reader.outline(session)
    played = [track for track in outline.tracks if track.kind in (TrackKind.VIDEO, TrackKind.AUDIO)]
    return Manifest(
        session=session,
        lasts=outline.lasts,
        duration_s=seconds(outline.end_ns),
        from_s=seconds(from_ns),
        to_s=seconds(to_ns),
        tracks=[_track(reader, session, track, from_ns, to_ns) for track in played],
    )


def segment_path(session: str, track: str, start_ns: int) -> str:
    """Where a page gets a chunk that is not shown as it is stored."""
    return f"/api/sessions/{session}/tracks/{track}/{start_ns}.m4s"


def _track(reader: StoreReader, session: str, track: TrackOutline, from_ns: int, to_ns: int) -> PlayTrack:
    found = list(islice(_between(reader, session, track.id, from_ns, to_ns), PIECES_MAX + 1))
    raw = are_raw(reader, session, track.id, found)
    return PlayTrack(
        id=track.id,
        kind=track.kind,
        codec=track.codec,
        type=f'{track.kind}/mp4; codecs="{_codec(reader, track.codec, found)}"',
        label=track.label,
        end_s=seconds(track.end_ns),
        gaps=[
            PlayGap(start_s=seconds(gap.start_ns), end_s=seconds(gap.end_ns), reason=gap.reason, detail=gap.detail)
            for gap in reader.gaps(session, track.id)
            if gap.reason is not None
        ],
        pieces=[
            _piece(reader, session, track.id, segment, raw=is_raw)
            for segment, is_raw in zip(found[:PIECES_MAX], raw, strict=False)
        ],
        more=len(found) > PIECES_MAX,
    )


def _between(reader: StoreReader, session: str, track: str, from_ns: int, to_ns: int) -> Iterator[Segment]:
    before = reader.keyframe_before(session, track, from_ns)
    for segment in reader.segments(session, track, from_ns if before is None else before.start_ns):
        if segment.start_ns >= to_ns:
            return
        yield segment


def _piece(reader: StoreReader, session: str, track: str, segment: Segment, *, raw: bool) -> PlayPiece:
    has_lead = not raw and reader.preroll(session, track, segment.start_ns) is not None
    return PlayPiece(
        start_s=segment.start_ns / NS_PER_S,
        end_s=segment.end_ns / NS_PER_S,
        url=f"/chunks/{segment.chunk.hex()}" if raw else segment_path(session, track, segment.start_ns),
        init=f"/chunks/{segment.init.hex()}",
        key=segment.keyframe or has_lead,
        bytes=segment.size,
    )


def _codec(reader: StoreReader, codec: str, found: list[Segment]) -> str:
    """The codec as a browser is asked whether it can decode it: of H.264 with the profile that is there (RFC 6381)."""
    if codec == "flac":
        return codec  # playlists name it otherwise
    if codec == "h264" and found:
        with contextlib.suppress(StoreCorrupt):
            profile = h264_profile(reader.chunk(found[0].init))
            if profile:
                return f"avc1.{profile}"
    return type_of(codec)


def h264_profile(init: bytes) -> str:
    """Profile, constraints and level of an init segment's AVCDecoderConfigurationRecord, in hexadecimal; or nothing."""
    place = init.find(b"avcC")
    return init[place + 5 : place + 8].hex() if place >= 0 else ""
