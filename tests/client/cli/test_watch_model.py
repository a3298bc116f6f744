"""What `watch` believes after what it was told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reeld_client.cli.watch_model import HISTORY_MAX, NEWS_MAX, SILENT_AFTER_S, WatchModel
from reeld_proto.commands import Snapshot, Status
from reeld_proto.events import (
    AnyEvent,
    MarkerAdded,
    SessionStateChanged,
    StatsPublished,
    TroubleReported,
    WorkerStateChanged,
)
from reeld_proto.records import DaemonInfo, SessionBrief, SessionState, WorkerInfo, WorkerState
from reeld_proto.stats import Stats
from tests.client.fake_reeld import SESSION, STATS
from tests.proto.messages import messages, structs

STATUS = Status(
    daemon=DaemonInfo(pid=7, version="0.1.0", uptime_s=1.0),
    workers=[WorkerInfo(name="capture-1", pid=11, state=WorkerState.RUNNING)],
    session=None,
)


def later(seconds: float, *, frames: int = 0, bytes_: int = 0) -> Stats:
    """STATS, `seconds` on and with more in its first track."""
    first = STATS.tracks[0]
    grown = replace(first, frames=first.frames + frames, bytes=first.bytes + bytes_)
    return replace(STATS, at_mono_ns=STATS.at_mono_ns + round(seconds * 1e9), tracks=[grown, *STATS.tracks[1:]])


def state_of(model: WatchModel) -> SessionState | None:
    return None if model.session is None else model.session.state


def test_a_snapshot_is_the_whole_state() -> None:
    model = WatchModel()
    model.see(Snapshot(event_seq=3, status=STATUS, stats=STATS), 1.0)
    assert model.status == STATUS
    assert model.session == STATS.session
    assert model.workers["capture-1"].state is WorkerState.RUNNING


def test_rates_are_differences_over_time() -> None:
    model = WatchModel()
    model.see_stats(STATS)
    assert model.rates == {}
    model.see_stats(later(0.5, frames=15, bytes_=50_000))
    assert model.rates["video-1"].frames == pytest.approx(30.0)
    assert model.rates["video-1"].bytes == pytest.approx(100_000.0)
    model.see_stats(later(2.0, frames=15, bytes_=50_000))
    assert model.rates["video-1"].frames == pytest.approx(7.5)


def test_a_new_session_does_not_inherit_rates() -> None:
    """Counters begin at zero again: the difference would be negative or absurd."""
    model = WatchModel()
    model.see_stats(later(0.0, frames=10_000, bytes_=10**9))
    other = SessionBrief(id="other", name="o", state=SessionState.ACTIVE, elapsed_s=0.0)
    model.see_stats(replace(later(0.5), session=other))
    assert model.rates == {}


def test_a_restarted_worker_gives_no_negative_rate() -> None:
    model = WatchModel()
    model.see_stats(later(0.0, frames=500, bytes_=10**6))
    model.see_stats(later(0.5))
    assert model.rates["video-1"].frames == 0.0
    assert model.rates["video-1"].bytes == 0.0


def test_trouble_is_told_and_names_its_track() -> None:
    model = WatchModel()
    model.see(TroubleReported(worker="audio-1", code="silent", message="nothing is heard", track="mic"), 5.0)
    model.see(TroubleReported(worker="audio-1", code="lost", message="unplugged"), 6.0)
    assert [item.text for item in model.news] == ["mic: nothing is heard", "audio-1: unplugged"]
    assert all(item.is_trouble for item in model.news)


def test_a_failed_worker_is_told_and_shown() -> None:
    model = WatchModel()
    model.see(WorkerStateChanged(name="capture-1", pid=3, state=WorkerState.FAILED, reason="too many restarts"), 1.0)
    assert [worker.state for worker in model.workers.values()] == [WorkerState.FAILED]
    assert model.news[0].text == "capture-1 failed: too many restarts"
    model.see(WorkerStateChanged(name="capture-2", pid=4, state=WorkerState.STARTING, reason="replaces it"), 1.0)
    assert not model.news[1].is_trouble
    model.see(WorkerStateChanged(name="capture-2", pid=4, state=WorkerState.READY), 1.0)
    assert len(model.news) == 2


def test_a_session_that_ends_is_no_longer_shown_as_recording() -> None:
    model = WatchModel()
    model.see(Snapshot(event_seq=3, status=STATUS, stats=STATS), 1.0)
    model.see(SessionStateChanged(session=SESSION, name="n", state=SessionState.PAUSED, elapsed_s=3.0), 2.0)
    assert state_of(model) is SessionState.PAUSED
    model.see(
        SessionStateChanged(session=SESSION, name="n", state=SessionState.ERROR, elapsed_s=3.0, reason="disk full"), 3.0
    )
    assert state_of(model) is None
    assert model.news[-1].text == "n error: disk full"
    assert model.news[-1].is_trouble


def test_a_partial_session_goes_on_but_is_told() -> None:
    model = WatchModel()
    event = SessionStateChanged(session=SESSION, name="n", state=SessionState.PARTIAL, elapsed_s=3.0, reason="no sound")
    model.see(event, 1.0)
    assert model.session is not None
    assert "no sound" in model.news[0].text


def test_old_figures_are_not_shown_as_new() -> None:
    """A hung daemon must not look like a recording one."""
    model = WatchModel()
    model.see(StatsPublished(stats=STATS), 10.0)
    silent = []
    for now_s in (10.0 + SILENT_AFTER_S, 10.1 + SILENT_AFTER_S):
        model.now_s = now_s
        silent.append(model.is_silent)
    model.see(MarkerAdded(session=SESSION, at_s=1.0, text="x"), model.now_s)
    assert [*silent, model.is_silent] == [False, True, False]


def test_a_daemon_that_went_away_is_told_once_and_nothing_of_it_stays() -> None:
    model = WatchModel()
    model.see(Snapshot(event_seq=3, status=STATUS, stats=STATS), 1.0)
    model.lose(2.0)
    model.lose(3.0)
    assert [item.text for item in model.news] == ["the daemon went away"]
    assert (model.session, model.stats, model.status, model.workers) == (None, None, None, {})
    connected = [model.is_connected]
    model.see(Snapshot(event_seq=1, status=STATUS, stats=None), 4.0)
    assert [*connected, model.is_connected] == [False, True]


@given(st.lists(messages(AnyEvent) | structs(Snapshot), max_size=12))
def test_whatever_a_daemon_sends_the_model_stays_bounded(items: list[AnyEvent | Snapshot]) -> None:
    model = WatchModel()
    for number, item in enumerate(items * 4):
        model.see(item, float(number))
    assert len(model.news) <= NEWS_MAX
    assert all(len(values) <= HISTORY_MAX for values in model.history.values())
