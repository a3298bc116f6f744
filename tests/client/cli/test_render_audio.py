"""What people read about sound: complete, and safe against what others wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from reeld_client.cli.audio_view import CheckedGraph, SoundView
from reeld_client.cli.render_audio import BAR_CELLS, bar, print_adjusted, print_checked, print_sound, print_timeline
from reeld_proto import commands
from reeld_proto.records import MarkerInfo
from reeld_proto.sound import AutomationPoint, HeardSpan
from tests.client.cli.test_render import text_of
from tests.client.fake_reeld import LEVELS, NODE, SESSION, SOUND, TIMELINE

RUNNING = commands.SoundGraphReply(session=SESSION, graph=SOUND, nodes=[NODE], levels=[LEVELS])


def test_every_node_is_drawn_once_below_what_it_takes_from() -> None:
    text = text_of(print_sound, SoundView.of(RUNNING))
    lines = text.splitlines()
    places = {node.name: next(n for n, line in enumerate(lines) if f" {node.name}  " in line) for node in SOUND.nodes}
    assert places["mic-in"] < places["mic-volume"] < places["mic-meter"] < places["mix-bus"] < places["mix"]
    assert sum("mix-bus" in line for line in lines) == 2  # its second input leads to where it is drawn
    assert "↳ mix-bus" in lines[places["system-in"] + 1]
    assert SESSION in lines[0]


def test_what_differs_from_the_usual_is_told_and_what_is_full_stands_out() -> None:
    text = text_of(print_sound, SoundView.of(RUNNING))
    for word in ("gain_db -6.0", "muted True", "queue 75%", "-6.0 dB"):
        assert word in text
    for word in ("pan", "ramp_ms", "codec", "device"):
        assert word not in text


def test_without_a_session_it_says_so() -> None:
    found = commands.SoundGraphReply(session=None, graph=SOUND)
    assert "not recording" in text_of(print_sound, SoundView.of(found))


@pytest.mark.parametrize(
    ("rms_db", "peak_db", "cells", "word"),
    [(-120, -120, 0, "silent"), (-60, -50, 0, "-50.0 dB"), (-30, -20, 12, "-20.0 dB"), (0, 0, 24, "0.0 dB")],
)
def test_a_bar_is_as_long_as_it_is_loud(rms_db: float, peak_db: float, cells: int, word: str) -> None:
    text = bar(rms_db, peak_db).plain
    assert text.count("█") == cells
    assert text.endswith(word)


@given(st.floats(-200, 20), st.floats(-200, 20))
def test_a_bar_is_always_as_wide(rms_db: float, peak_db: float) -> None:
    drawn = bar(rms_db, peak_db).plain[:BAR_CELLS]
    assert set(drawn) <= set("█▏▎▍▌▋▊▉·")


def test_a_timeline_is_in_the_order_of_time() -> None:
    lines = text_of(print_timeline, TIMELINE).splitlines()
    words = ("voice on mic for 1.5 s", "mic-volume muted True", "decided", "silence on system", "gap at 2.0 s")
    places = [next(n for n, line in enumerate(lines) if word in line) for word in words]
    assert places == sorted(places)


def test_a_change_tells_what_changed() -> None:
    changed = commands.SoundAdjusted(session=SESSION, state=commands.SessionState.ACTIVE, at_s=3.0)
    assert "another graph" in text_of(print_adjusted, changed)


def test_a_checked_graph_says_whether_all_was_checked() -> None:
    whole = CheckedGraph(path="x.toml", nodes=3, tracks=["mix", "mic"], whole=True)
    assert "3 nodes, tracks mix, mic" in text_of(print_checked, whole)


@given(st.text())
def test_nothing_that_was_written_into_a_session_reaches_the_terminal_as_a_command(text: str) -> None:
    told = f"\x1b[31m[bold]{text}"
    found = structs.replace(
        TIMELINE,
        markers=[MarkerInfo(at_s=1.0, text=told)],
        voice=[HeardSpan(track=told, start_s=0.0, end_s=1.0)],
        automation=[AutomationPoint(at_s=1.0, node=told, setting=told, value=told)],
    )
    shown = text_of(print_timeline, found)
    assert "\x1b" not in shown
    assert shown.count("[bold]") == 5
