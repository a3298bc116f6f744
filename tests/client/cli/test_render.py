"""What people read: complete, and safe against what others wrote."""

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console

from reeld_client.cli import render
from reeld_client.cli.record import Recorded
from reeld_client.cli.render_library import print_session, print_sessions, print_verified, started
from reeld_client.cli.render_live import print_changed, print_sources, print_started, print_status, print_stopped
from reeld_proto import commands
from reeld_proto.records import Fault, GapInfo, GapReason, SessionInfo, SessionState
from tests.client.fake_reeld import GAP, INFO, SESSION, TRACK, FakeReeld, faulty
from tests.proto.messages import structs


def text_of(printer: Any, found: Any, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    printer(console, found)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_session_shows_all_that_is_known_of_it() -> None:
    text = text_of(print_session, INFO)
    for expected in (
        "stand-up [daily]",
        SESSION,
        "7.4 s",
        "400 kB",
        "#work",
        "LEFT",
        "decided",
        "paused",
        "no microphone",
    ):
        assert expected in text


def test_a_session_shows_what_people_wrote_and_where_it_comes_from() -> None:
    told = replace(INFO, note="one\ntwo \x1b[31m", pinned=True, origins=["20261122-171000-abcd"], tier="keyframes")
    text = text_of(print_session, told)
    for expected in ("one\n", "two", "pinned", "from 20261122-171000-abcd", "keyframes only"):
        assert expected in text
    assert "\x1b" not in text
    assert "pinned" not in text_of(print_session, INFO)


def test_how_silent_a_sound_is_is_told_where_it_is_known() -> None:
    sound = replace(TRACK, id="mic", silence_ratio=0.256)
    text = text_of(print_session, replace(INFO, tracks=[TRACK, sound]))
    assert "silent" in text
    assert "26%" in text
    assert "silent" not in text_of(print_session, INFO)


def test_ids_are_whole_also_on_eighty_columns() -> None:
    """They are there to be copied."""
    many = replace(INFO, name="a very long name of a session " * 3, tags=["one", "two", "three"])
    text = text_of(print_sessions, [many], 80)
    assert SESSION in text
    assert "very long" in text
    assert "started" in text_of(print_sessions, [many], 120)
    assert "tags" not in text_of(print_sessions, [replace(INFO, tags=[])])
    assert text_of(print_sessions, []).strip() == "no sessions"


def test_gaps_shared_by_all_tracks_are_one_line_and_others_are_named() -> None:
    tracks = [TRACK, replace(TRACK, id="mic")]
    lost = GapInfo(track="mic", start_s=4.0, end_s=4.5, reason=GapReason.DEVICE_LOST)
    stopped = commands.SessionStopped(
        session=SESSION,
        state=SessionState.COMPLETED,
        duration_s=7.4,
        tracks=tracks,
        gaps=[GAP, replace(GAP, track="mic"), lost],
    )
    text = text_of(print_stopped, stopped)
    assert text.count("gap at") == 2
    assert "gap at 2.0 s for 1.0 s: paused, all tracks" in text
    assert "gap at 4.0 s for 0.5 s: device-lost, mic" in text


def test_a_session_without_a_name_is_called_by_its_id() -> None:
    reply = commands.SessionStarted(session=SESSION, state=SessionState.ACTIVE, first_frame_ms=None)
    assert text_of(print_started, reply).count(SESSION) == 1


def test_pause_and_mark_say_different_things() -> None:
    changed = commands.SessionChanged(session=SESSION, state=SessionState.PAUSED, elapsed_s=61.0)
    assert "paused  1:01" in text_of(print_changed, changed)
    assert "marked at 2.5 s" in text_of(print_changed, replace(changed, marker_at_s=2.5))


def test_sources_that_are_not_there_are_told() -> None:
    assert "nothing to record" in text_of(print_sources, commands.Sources())
    assert "primary" in text_of(print_sources, FakeReeld()._sources(None))


def test_the_status_of_an_idle_daemon() -> None:
    text = text_of(print_status, FakeReeld()._status(None))
    for expected in ("pid 7", "up 1:01", "not recording", "capture-1", "running"):
        assert expected in text


def test_many_faults_are_counted_and_some_shown() -> None:
    fault = faulty().faults[0]
    text = text_of(print_verified, replace(faulty(), faults=[fault] * 30))
    assert "30 faults" in text
    assert "and 10 more" in text
    assert text.count("one bit differs") == 20


def test_times_are_the_persons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert started("not a time") == "not a time"
    assert started("2026-11-22T17:05:09+00:00").startswith("2026-11-2")


def test_every_answer_has_a_text(capsys: pytest.CaptureFixture[str]) -> None:
    render.show(Recorded(path="/a.mp4", duration_s=1.0, bytes=1, session=SESSION))
    assert "/a.mp4" in capsys.readouterr().out
    with pytest.raises(TypeError, match="int"):
        render.show(5)


@pytest.mark.parametrize(
    ("printer", "kind"),
    [
        (print_session, SessionInfo),
        (print_stopped, commands.SessionStopped),
        (print_sources, commands.Sources),
        (print_status, commands.Status),
        (print_started, commands.SessionStarted),
        (print_verified, commands.Verified),
    ],
)
@settings(max_examples=25)
@given(data=st.data())
def test_whatever_stands_in_an_answer_can_be_printed(printer: Any, kind: Any, data: st.DataObject) -> None:
    """Names and titles come from outside and may look like markup."""
    text_of(printer, data.draw(structs(kind)))


@pytest.mark.parametrize("hostile", ["[/]", "[red]", "[/bold]", "[link=x]", "\\[", "]["])
def test_markup_in_names_is_shown_as_written(hostile: str) -> None:
    assert hostile in text_of(print_session, replace(INFO, name=hostile))
    assert hostile in text_of(print_sessions, [replace(INFO, name=hostile)])
    fault = Fault(kind=hostile, detail=hostile)
    assert hostile in text_of(print_verified, replace(faulty(), faults=[fault]))
