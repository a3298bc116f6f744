"""HLS playlists of a session (RFC 8216), as text. Pure.

DESIGN: a chunk is a CMAF fragment, so a playlist needs no conversion: it names init segments and chunks by where they
are on the session's timeline. What nothing was recorded for has no segment; the one before lasts until the next, as the
picture on the screen did, so that the places of a playlist add up to the times of the session.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from reeld.store.api import Segment
from reeld_proto.records import TrackInfo, TrackKind
from reeld_proto.units import NS_PER_S

VERSION = 7
"""fMP4 in I-frame and ordinary playlists alike."""
_SOUNDS = "sound"
_TYPES = {
    "h264": "avc1.640033",
    "hevc": "hvc1.1.6.L153.B0",
    "av1": "av01.0.13M.08",
    "aac": "mp4a.40.2",
    "flac": "fLaC",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One entry of a playlist. starts_ns: where it is on the timeline; lasts_ns: until the next. init: hex digest."""

    starts_ns: int
    lasts_ns: int
    init: str


def pieces_of(segments: Sequence[Segment], end_ns: int) -> list[Piece]:
    """The segments of a track, each until the next, the last until `end_ns` or its own end if that is later."""
    if not segments:
        return []
    starts = [segment.start_ns for segment in segments]
    last_ns = max(end_ns, segments[-1].end_ns)
    return [
        Piece(segment.start_ns, following - segment.start_ns, segment.init.hex())
        for segment, following in zip(segments, [*starts[1:], last_ns], strict=True)
    ]


def media_playlist(pieces: Sequence[Piece], *, live: bool) -> str:
    """The playlist of one track. Where a recording goes on, it grows (EVENT); else it is whole (VOD)."""
    longest_ns = max((piece.lasts_ns for piece in pieces), default=NS_PER_S)
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{max(1, ceil(longest_ns / NS_PER_S))}",
        f"#EXT-X-PLAYLIST-TYPE:{'EVENT' if live else 'VOD'}",
        "#EXT-X-MEDIA-SEQUENCE:0",
    ]
    init = ""
    for piece in pieces:
        if piece.init != init:
            # Another encoder: a player begins anew with it.
            lines += (["#EXT-X-DISCONTINUITY"] if init else []) + [f'#EXT-X-MAP:URI="init/{piece.init}.mp4"']
            init = piece.init
        lines += [f"#EXTINF:{piece.lasts_ns / NS_PER_S:.6f},", f"{piece.starts_ns}.m4s"]
    if not live:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def master_playlist(tracks: Sequence[TrackInfo], duration_s: float) -> str:
    """The playlist of all tracks: the pictures as variants, each with all sounds; the first sound is on."""
    sounds = [track for track in tracks if track.kind is TrackKind.AUDIO]
    pictures = [track for track in tracks if track.kind is TrackKind.VIDEO]
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}"]
    shown = pictures or sounds[:1]
    if pictures:
        for place, track in enumerate(sounds):
            chosen = "YES" if place == 0 else "NO"
            lines.append(
                f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{_SOUNDS}",NAME="{quoted(track.label or track.id)}",'
                f'DEFAULT={chosen},AUTOSELECT={chosen},URI="{track.id}/playlist.m3u8"'
            )
    for track in shown:
        codecs = [type_of(each.codec) for each in (track, *(sounds if pictures else ()))]
        group = f',AUDIO="{_SOUNDS}"' if pictures and sounds else ""
        lines.append(
            f"#EXT-X-STREAM-INF:BANDWIDTH={_bandwidth([track, *sounds], duration_s)},"
            f'CODECS="{",".join(dict.fromkeys(codecs))}"{group}'
        )
        lines.append(f"{track.id}/playlist.m3u8")
    return "\n".join(lines) + "\n"


def type_of(codec: str) -> str:
    """The codec's name as browsers and players state it (RFC 6381), of the highest level that we encode."""
    return _TYPES.get(codec, codec)


def quoted(text: str) -> str:
    """Text inside a quoted string of a playlist, where neither quotes nor line ends may be (RFC 8216, 4.2)."""
    return "".join(" " if ord(char) < 32 or char in '"\x7f\u0085\u2028\u2029' else char for char in text)


def _bandwidth(tracks: Sequence[TrackInfo], duration_s: float) -> int:
    stored_bits = 8 * sum(track.bytes for track in tracks)
    return max(1, ceil(stored_bits / max(duration_s, 1.0)))
