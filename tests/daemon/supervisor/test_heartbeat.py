"""Health by progress. Harm guarded against: a recorder that looks alive while nothing is recorded, or one that is
killed although all is well."""

from typing import Any

import pytest
from msgspec import structs

from reeld.supervisor.heartbeat import Heartbeat
from reeld_proto.stats import TrackStats
from reeld_proto.units import NS_PER_S

STALL_NS = 5 * NS_PER_S


@pytest.fixture
def heart() -> Heartbeat:
    heart = Heartbeat(STALL_NS)
    heart.start(0)
    return heart


def track(name: str = "video-1", **counters: Any) -> TrackStats:
    return TrackStats(id=name, **counters)


def test_a_worker_that_never_reports_is_stalled_after_the_limit(heart: Heartbeat) -> None:
    assert heart.deadline_ns() == STALL_NS
    assert heart.stalled(STALL_NS - 1) is None
    assert heart.stalled(STALL_NS) == ""


@pytest.mark.parametrize("counter", ["frames", "unchanged", "bytes", "chunks", "media_s", "silence_s"])
def test_any_counter_that_advances_is_progress(heart: Heartbeat, counter: str) -> None:
    heart.note([track()], NS_PER_S)
    heart.note([structs.replace(track(), **{counter: 1})], 4 * NS_PER_S)
    assert heart.stalled(8 * NS_PER_S) is None
    assert heart.stalled(9 * NS_PER_S) == "video-1"


def test_the_same_counters_again_are_no_progress(heart: Heartbeat) -> None:
    for second in range(1, 8):
        heart.note([track(frames=3, media_s=1.5)], second * NS_PER_S)
    assert heart.stalled(6 * NS_PER_S) == "video-1"


def test_levels_and_lag_are_not_progress(heart: Heartbeat) -> None:
    heart.note([track("mic", peak_db=-20.0, lag_ms=1.0)], NS_PER_S)
    heart.note([track("mic", peak_db=-10.0, lag_ms=2.0)], 5 * NS_PER_S)
    assert heart.stalled(6 * NS_PER_S) == "mic"


def test_one_stalled_track_among_others_is_noticed(heart: Heartbeat) -> None:
    for second in range(1, 10):
        heart.note([track("mic", frames=second), track("system", frames=7)], second * NS_PER_S)
    assert heart.stalled(9 * NS_PER_S) == "system"


def test_nothing_is_expected_in_a_pause_and_time_counts_anew_after_it(heart: Heartbeat) -> None:
    heart.note([track(frames=1)], NS_PER_S)
    heart.stop()
    assert heart.deadline_ns() is None
    assert heart.stalled(100 * NS_PER_S) is None
    heart.start(100 * NS_PER_S)
    assert heart.stalled(104 * NS_PER_S) is None
    assert heart.stalled(105 * NS_PER_S) == "video-1"
