"""From sources to tracks. Harm guarded against: a picture in which sources are missing or have no room."""

import pytest

from reeld.sessions.findings import Findings
from reeld.sessions.pictures import check_columns, check_count, names_video, plan_pictures, wants_video
from reeld_proto.commands import Sources, StartSession
from reeld_proto.records import Corner, DisplaySource, InsetSize, Layout
from reeld_proto.workers import VideoTrackSpec
from tests.daemon.sessions.conversation import NO_DISPLAY, PICTURES


def planned(request: StartSession, listed: Sources = PICTURES) -> list[VideoTrackSpec]:
    findings = Findings()
    tracks = plan_pictures(request, listed, findings)
    assert not findings.faults
    return tracks


def fault(request: StartSession, listed: Sources = PICTURES) -> str:
    findings = Findings()
    assert plan_pictures(request, listed, findings) == [] or findings.faults
    ((_, message, _),) = findings.faults
    return message


def test_two_displays_are_one_picture_in_their_own_size() -> None:
    (track,) = planned(StartSession())
    assert (track.width, track.height, track.arrangement.layout) == (3844, 1080, Layout.GRID)
    assert track.source == "LEFT, RIGHT"


def test_the_layout_and_what_is_said_of_it_arrive() -> None:
    request = StartSession(layout=Layout.PIP, corner=Corner.TOP_LEFT, inset=InsetSize.SMALL, output=(1281, 720))
    (track,) = planned(request)
    assert (track.arrangement.corner, track.arrangement.inset) == (Corner.TOP_LEFT, InsetSize.SMALL)
    assert (track.width, track.height) == (1282, 720)


def test_a_small_source_has_a_picture_of_at_least_the_smallest_size() -> None:
    (track,) = planned(StartSession(test_patterns=["320x200"]))
    assert (track.width, track.height) == (640, 480)


def test_each_as_a_track_keeps_its_own_size() -> None:
    tracks = planned(StartSession(layout=Layout.TRACKS, test_patterns=["800x600", "1280x720"]))
    assert [(track.track, track.width, track.height) for track in tracks] == [
        ("video-1", 800, 600),
        ("video-2", 1280, 720),
    ]


@pytest.mark.parametrize(
    ("layout", "count", "word"),
    [
        (Layout.PASSTHROUGH, 2, "one source, not 2"),
        (Layout.GRID, 10, "1 to 9 sources, not 10"),
        (Layout.SIDE_BY_SIDE, 5, "2 to 4 sources, not 5"),
        (Layout.PIP, 6, "2 to 5 sources, not 6"),
        (Layout.TRACKS, 10, "1 to 9 sources, not 10"),
    ],
)
def test_more_than_a_layout_can_show_is_refused(layout: Layout, count: int, word: str) -> None:
    assert word in fault(StartSession(layout=layout, test_patterns=["640x480"] * count))


def test_many_displays_by_default_are_at_most_nine() -> None:
    displays = [
        DisplaySource(id=f"D{n}", name="", x=640 * n, y=0, width=640, height=480, primary=n == 0) for n in range(9)
    ]
    (track,) = planned(StartSession(), Sources(displays=displays))
    assert (track.width, track.height) == (3 * 640 + 8, 3 * 480 + 8)


@pytest.mark.parametrize("output", [(639, 480), (640, 100), (5000, 1000), (0, 0), (-640, -480)])
def test_an_output_that_nobody_can_play_is_refused(output: tuple[int, int]) -> None:
    assert "is not between" in fault(StartSession(output=output))


def test_columns_and_counts_have_bounds() -> None:
    findings = Findings()
    for columns in (0, 1, 4):
        check_columns(columns, findings)
    assert check_count(Layout.GRID, 9, findings)
    assert not findings.faults
    check_columns(-1, findings)
    assert findings.faults


def test_what_is_named_decides_whether_its_loss_is_an_error() -> None:
    assert not names_video(StartSession())
    assert not names_video(StartSession(displays=["none"]))
    assert names_video(StartSession(displays=["all"]))
    assert names_video(StartSession(test_patterns=["640x480"]))
    assert not wants_video(StartSession(displays=["none"]))


def test_a_missing_default_is_a_warning_and_what_is_named_is_not() -> None:
    findings = Findings()
    assert plan_pictures(StartSession(), NO_DISPLAY, findings) == []
    assert (findings.faults, findings.warnings) == ([], ["no picture is recorded: no display"])
    assert plan_pictures(StartSession(test_patterns=["640x480"]), NO_DISPLAY, findings)
