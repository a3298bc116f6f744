"""Harm guarded against: a player that shows a moment at another time, or cannot read a list at all."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.review.playlists import Piece, master_playlist, media_playlist, pieces_of, quoted, type_of
from reeld.store.api import Segment
from reeld_proto.records import TrackInfo, TrackKind

S = 1_000_000_000
INIT = "ab" * 32


def segment(start_ns: int, end_ns: int, init: bytes = b"i" * 32) -> Segment:
    return Segment(start_ns, end_ns, b"c" * 32, init, 10, 1, keyframe=True, epoch=1)


def track(id: str, kind: TrackKind, codec: str, size: int = 1000, label: str = "") -> TrackInfo:
    return TrackInfo(id=id, kind=kind, codec=codec, label=label or id, chunks=1, bytes=size, frames=1, dropped=0)


@given(st.lists(st.integers(1, 5 * S), min_size=1, max_size=20), st.integers(0, 10 * S))
def test_what_lasts_adds_up_to_where_each_piece_begins_and_to_the_end(lengths: list[int], rest: int) -> None:
    starts = [sum(lengths[:number]) for number in range(len(lengths))]
    end_ns = sum(lengths) + rest
    pieces = pieces_of([segment(start, start + 1) for start in starts], end_ns)
    assert [piece.starts_ns for piece in pieces] == starts
    assert [sum(piece.lasts_ns for piece in pieces[:number]) for number in range(len(pieces))] == starts
    assert sum(piece.lasts_ns for piece in pieces) == end_ns


def test_without_segments_there_are_no_pieces() -> None:
    assert pieces_of([], 5 * S) == []
    assert "#EXTINF" not in media_playlist([], live=False)


def test_no_piece_lasts_longer_than_the_playlist_promises() -> None:
    text = media_playlist([Piece(0, 3 * S + 1, INIT), Piece(3 * S + 1, S, INIT)], live=False)
    promised = int(re.findall(r"TARGETDURATION:(\d+)", text)[0])
    assert max(float(each) for each in re.findall(r"EXTINF:([\d.]+)", text)) <= promised


def test_a_recording_that_goes_on_has_no_end_and_one_that_ended_has() -> None:
    live, whole = (media_playlist([Piece(0, S, INIT)], live=live) for live in (True, False))
    assert "EVENT" in live
    assert "ENDLIST" not in live
    assert "VOD" in whole
    assert whole.endswith("#EXT-X-ENDLIST\n")


def test_another_encoder_begins_anew() -> None:
    other = "cd" * 32
    lines = media_playlist([Piece(0, S, INIT), Piece(S, S, other), Piece(2 * S, S, other)], live=False).splitlines()
    assert [line for line in lines if "MAP" in line or "DISC" in line] == [
        f'#EXT-X-MAP:URI="init/{INIT}.mp4"',
        "#EXT-X-DISCONTINUITY",
        f'#EXT-X-MAP:URI="init/{other}.mp4"',
    ]


def test_pictures_come_with_all_sounds_of_which_one_is_on() -> None:
    tracks = [track("v", TrackKind.VIDEO, "h264"), *(track(name, TrackKind.AUDIO, "aac") for name in ("mix", "mic"))]
    text = master_playlist(tracks, 2.0)
    assert re.findall(r'DEFAULT=(YES|NO),.*URI="(\w+)/', text) == [("YES", "mix"), ("NO", "mic")]
    assert 'CODECS="avc1.640033,mp4a.40.2",AUDIO="sound"\nv/playlist.m3u8\n' in text
    assert f"BANDWIDTH={8 * 3000 // 2}," in text


def test_sound_alone_is_played_too_and_nothing_at_all_is_a_list_without_entries() -> None:
    assert master_playlist([track("mic", TrackKind.AUDIO, "opus")], 1.0).endswith("mic/playlist.m3u8\n")
    assert "STREAM-INF" not in master_playlist([], 0.0)


@given(st.text())
def test_a_hostile_label_stays_inside_its_quotes(label: str) -> None:
    text = master_playlist([track("v", TrackKind.VIDEO, "h264"), track("a", TrackKind.AUDIO, "aac", label=label)], 1.0)
    (line,) = [line for line in text.splitlines() if "TYPE=AUDIO" in line]
    assert line.count('"') == 6
    assert quoted(label) in line


@pytest.mark.parametrize(("codec", "named"), [("hevc", "hvc1"), ("av1", "av01"), ("flac", "fLaC"), ("pcm", "pcm")])
def test_each_codec_is_named_as_players_know_it(codec: str, named: str) -> None:
    assert type_of(codec).startswith(named)
