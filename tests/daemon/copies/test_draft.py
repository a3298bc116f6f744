"""A session made of pieces. Harm guarded against: one that the store's own check would call damaged."""

from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.copies.draft import Draft
from reeld.copies.lanes import Piece
from reeld.copies.manifest_check import check_rows
from reeld.store.chunks import digest_of
from reeld_proto.records import TrackKind

MS = 1_000_000


class _Lane:
    kind = TrackKind.VIDEO
    codec = "h264"


spans = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3000)), min_size=1, max_size=8)


@settings(deadline=None)
@given(st.lists(spans, min_size=1, max_size=3), st.one_of(st.none(), st.integers(0, 20_000)))
def test_any_pieces_make_a_session_that_passes_the_check(
    tracks: list[list[tuple[int, int]]], stated: int | None
) -> None:
    kept: dict[bytes, int] = {}

    def keep(data: bytes) -> bytes:
        kept[digest_of(data)] = len(data)
        return digest_of(data)

    draft = Draft("film.mp4", keep, None if stated is None else stated * MS)
    for number, pieces in enumerate(tracks):
        track, at = draft.track(_Lane(), "label"), 0  # type: ignore[arg-type]
        for gap, length in pieces:
            at += gap * MS
            track.add(Piece(at, at + length * MS, 0, 1, True, f"{number} {at}".encode()), b"init", keep)
            at += length * MS
    rows = draft.rows("film", [], 0)
    record = check_rows(rows, kept)
    assert [each.id for each in record.tracks] == [f"video-{number + 1}" for number in range(len(tracks))]


def test_a_piece_whose_time_is_taken_is_left_out() -> None:
    draft = Draft("film.mp4", digest_of)
    track = draft.track(_Lane(), "label")  # type: ignore[arg-type]
    for _ in range(2):
        track.add(Piece(0, 5, 0, 1, True, b"data"), b"init", digest_of)
    assert track.state.chunks == 1


def test_a_file_without_media_gives_no_rows() -> None:
    draft = Draft("film.mp4", digest_of)
    draft.track(_Lane(), "label")  # type: ignore[arg-type]
    assert draft.rows("film", [], 0) == []
