import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.export.window import Window, choose_tracks, window_of
from reeld.store.api import SessionOutline, TrackOutline
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import TrackKind

NS = 1_000_000_000


def outline(
    end_ns: int = 10 * NS, tracks: tuple[str, ...] = ("system", "mic", "video-2", "mix", "video-1")
) -> SessionOutline:
    made = [
        TrackOutline(name, TrackKind.VIDEO if name.startswith("video") else TrackKind.AUDIO, "", name, end_ns)
        for name in tracks
    ]
    return SessionOutline("s", "name", end_ns, tuple(made))


@pytest.mark.parametrize(
    ("from_s", "to_s", "expected"),
    [
        (None, None, (0, 10 * NS)),
        (2.5, None, (2.5 * NS, 10 * NS)),
        (None, 3.25, (0, 3.25 * NS)),
        (9.0, 10.0005, (9 * NS, 10 * NS)),
    ],
)
def test_a_range_within_the_session_is_taken(
    from_s: float | None, to_s: float | None, expected: tuple[int, int]
) -> None:
    window = window_of(outline(), from_s, to_s)
    assert window == Window(*(round(each) for each in expected))
    assert window.length_ns == window.to_ns - window.from_ns


@pytest.mark.parametrize(("from_s", "to_s"), [(-1, 5), (10, None), (99, 100), (5, 5), (6, 5), (0, 10.1), (None, 0)])
def test_a_range_outside_is_refused_with_what_would_be_right(from_s: float | None, to_s: float | None) -> None:
    with pytest.raises(RequestRejected) as caught:
        window_of(outline(), from_s, to_s)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert "10.0" in caught.value.remedy
    assert caught.value.faults


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12))
def test_any_two_numbers_give_a_range_inside_or_an_error(from_s: float, to_s: float) -> None:
    try:
        window = window_of(outline(), from_s, to_s)
    except RequestRejected:
        return
    assert 0 <= window.from_ns < window.to_ns <= 10 * NS


def test_an_empty_session_says_that_it_is_empty() -> None:
    with pytest.raises(RequestRejected, match="nothing was recorded") as caught:
        window_of(outline(0), None, None)
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_players_find_the_picture_first_and_the_mix_before_its_parts() -> None:
    assert [track.id for track in choose_tracks(outline(), [])] == ["video-2", "video-1", "mix", "mic", "system"]
    assert [track.id for track in choose_tracks(outline(), ["mic", "video-1"])] == ["video-1", "mic"]


def test_snapshots_are_no_film_and_whoever_asks_for_them_is_told_how_to_get_them() -> None:
    made = outline(tracks=("mix", "video-1"))
    still = TrackOutline("snapshots-1", TrackKind.SNAPSHOT, "png", "LEFT", 10 * NS)
    with_stills = SessionOutline("s", "name", 10 * NS, (still, *made.tracks))
    assert [track.id for track in choose_tracks(with_stills, [])] == ["video-1", "mix"]
    with pytest.raises(RequestRejected, match="snapshots-1") as caught:
        choose_tracks(with_stills, ["mix", "snapshots-1"])
    assert "reelctl snapshots" in caught.value.remedy


def test_an_unknown_track_is_named_with_those_there_are() -> None:
    with pytest.raises(RequestRejected, match="video-9") as caught:
        choose_tracks(outline(), ["mix", "video-9"])
    assert caught.value.code is ErrorCode.NOT_FOUND
    assert "video-1" in caught.value.remedy
