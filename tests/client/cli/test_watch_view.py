"""What is known is shown, whole, at any width."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Console

from reeld_client.cli.watch_model import WatchModel
from reeld_client.cli.watch_view import level_bar, line, sparkline, view
from reeld_proto.commands import Snapshot
from reeld_proto.events import AnyEvent, TroubleReported
from reeld_proto.records import SessionState
from reeld_proto.stats import QueueStats
from tests.client.cli.test_watch_model import STATUS, later
from tests.client.fake_reeld import STATS
from tests.proto.messages import messages


def shown(model: WatchModel, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(view(model, console.width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def recording() -> WatchModel:
    model = WatchModel()
    model.see(Snapshot(event_seq=1, status=STATUS, stats=STATS), 1.0)
    model.see_stats(later(0.5, frames=15, bytes_=50_000))
    model.see(TroubleReported(worker="audio-1", code="silent", message="nothing is heard"), 2.0)
    return model


@pytest.mark.parametrize(
    "expected",
    [
        *("● recording", "stand-up", "1:05", "pid 7", "1.00 TB free", "store 3.00 GB"),
        *("video-1", "915", "30.0 fps", "100 kB/s", "800 ms", "mix", "-14 dB"),
        *("capture-1", "running", "12 %", "90.0 MB", "outbox", "2 dropped", "nothing is heard"),
    ],
)
def test_everything_a_person_watches_for_is_there(expected: str) -> None:
    assert expected in shown(recording())


@pytest.mark.parametrize("expected", ["video-1", "915", "-14 dB", "800 ms", "capture-1", "12 %", "outbox"])
def test_on_eighty_columns_the_essential_stays_whole(expected: str) -> None:
    text = shown(recording(), 80)
    assert expected in text
    assert "unchanged" not in text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Else the view would scroll and flicker."""
    assert max(cell_len(row) for row in shown(recording(), width).splitlines()) <= width


def test_no_session_and_no_daemon_are_told_apart() -> None:
    model = WatchModel()
    assert "not recording" in shown(model)
    model.lose(1.0)
    assert "no daemon" in shown(model)


def test_old_figures_are_marked() -> None:
    model = recording()
    model.now_s = 12.0
    assert "no news for 0:10" in shown(model)


def test_a_paused_session_does_not_look_like_a_recording_one() -> None:
    model = recording()
    assert model.session is not None
    model.session = replace(model.session, state=SessionState.PAUSED)
    text = shown(model)
    assert "paused" in text
    assert "recording" not in text


def test_text_of_others_is_not_markup() -> None:
    """A session named `[red]` must neither colour the screen nor end the view."""
    model = recording()
    assert model.session is not None
    model.session = replace(model.session, name="[red]x[/nonsense]")
    model.see(TroubleReported(worker="w", code="c", message="[/] [bold"), 3.0)
    text = shown(model)
    assert "[red]x[/nonsense]" in text
    assert "[/] [bold" in text


def test_the_fullest_queue_is_the_one_shown() -> None:
    queues = [
        QueueStats(name="calm", unit="messages", depth=1, limit=64),
        QueueStats(name="full", unit="frames", depth=96, limit=100),
        QueueStats(name="none", unit="frames", depth=0, limit=0),
    ]
    model = WatchModel()
    model.see_stats(replace(STATS, workers=[replace(STATS.workers[0], queues=queues)]))
    text = shown(model)
    assert "96 % full" in text
    assert "calm" not in text


@pytest.mark.parametrize(("peak_db", "filled"), [(-120.0, 0), (-60.0, 0), (-30.0, 8), (0.0, 16), (6.0, 16)])
def test_a_level_fills_its_bar(peak_db: float, filled: int) -> None:
    bar = level_bar(peak_db)
    assert len(bar.plain) == 16
    assert sum(span.end - span.start for span in bar.spans if span.style != "bright_black") == filled


def test_the_loud_end_of_a_level_is_red() -> None:
    assert "red" in [span.style for span in level_bar(0.0).spans]
    assert "red" not in [span.style for span in level_bar(-20.0).spans]


@given(st.lists(st.floats(0, 1e6), max_size=40))
def test_a_trend_has_always_the_same_width(values: list[float]) -> None:
    assert len(sparkline(values, at_least=1.0).plain) == 16


def test_a_trend_shows_the_highest_as_full_and_stillness_as_low() -> None:
    assert sparkline([0.0, 5.0, 10.0], at_least=1.0).plain.endswith("▁▅█")
    assert set(sparkline([0.1] * 16, at_least=10.0).plain) == {"▁"}


def test_one_line_for_a_log() -> None:
    text = line(recording())
    assert text.startswith("active 1:05 stand-up | cpu 12 % | memory 90.0 MB | video-1: 915 frames")
    assert "\n" not in text
    assert line(WatchModel()) == "not recording"


@settings(max_examples=40)
@given(st.lists(messages(AnyEvent), min_size=1, max_size=6), st.integers(30, 200))
def test_whatever_a_daemon_sends_can_be_shown(items: list[AnyEvent], width: int) -> None:
    model = WatchModel()
    for number, item in enumerate(items):
        model.see(item, float(number))
        shown(model, width)
        line(model)
