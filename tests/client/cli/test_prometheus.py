"""Counters for Prometheus, read by its own parser. Harm guarded against: one odd name in a label, and the whole scrape
is refused; a gauge that is taken for a counter."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from reeld_client.cli.prometheus import exposition, families, number
from reeld_proto.records import SessionBrief, SessionState, SoundClock
from reeld_proto.stats import QueueStats, Stats, TrackStats, WorkerStats
from reeld_proto.upkeep import UpkeepTask
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import SESSION, STATS, Server

IDLE = Stats(at_mono_ns=1, session=None)
_NAME = re.compile(r"reeld_[a-z][a-z0-9_]*")


def read(stats: Stats) -> dict[str, Metric]:
    """What the parser of others finds, by name."""
    found = {family.name: family for family in text_string_to_metric_families(exposition(stats))}
    assert all(family.type in {"counter", "gauge"} for family in found.values())
    return found


def value(stats: Stats, name: str, **labels: str) -> float:
    """The sample with exactly these labels."""
    family = read(stats)[name.removesuffix("_total")]
    (sample,) = [sample for sample in family.samples if sample.labels == labels]
    assert sample.name == name
    return float(sample.value)


def test_every_counter_is_there_with_its_labels() -> None:
    track = {"session": SESSION, "track": "video-1"}
    assert value(STATS, "reeld_track_frames_total", **track) == 900
    assert value(STATS, "reeld_track_unchanged_total", **track) == 50
    assert value(STATS, "reeld_track_bytes_total", **track) == 2_000_000
    assert value(STATS, "reeld_track_lag_seconds", **track) == 0.8
    assert value(STATS, "reeld_track_peak_dbfs", session=SESSION, track="mix") == -14.0
    assert value(STATS, "reeld_worker_restarts_total", worker="capture-1") == 1
    assert value(STATS, "reeld_worker_cpu_cores", worker="capture-1") == 0.12
    queue = {"worker": "capture-1", "queue": "outbox", "unit": "bytes"}
    assert value(STATS, "reeld_queue_depth", **queue) == 2_000_000
    assert value(STATS, "reeld_queue_dropped_total", **queue) == 2
    assert value(STATS, "reeld_session_active", session=SESSION, state="active") == 1
    assert value(STATS, "reeld_session_recorded_seconds", session=SESSION) == 65.0
    assert value(STATS, "reeld_disk_free_bytes") == 10**12


def test_what_is_not_known_is_left_out_rather_than_zero() -> None:
    """Harm: a track of pictures seems to be silent at 0 dB, an idle daemon to record nothing forever."""
    peaks = read(STATS)["reeld_track_peak_dbfs"].samples
    assert [sample.labels["track"] for sample in peaks] == ["mix"]
    assert set(read(IDLE)) == {"reeld_up", "reeld_store_bytes", "reeld_disk_free_bytes"}


def test_stages_clocks_and_background_work_are_told() -> None:
    track = TrackStats(id="mic", cpu_s={"encode": 1.5, "grab": 0.25}, clock=SoundClock(ppm=-12.5, residual_ms=0.1))
    tasks = [UpkeepTask(kind="scrub", state="running"), UpkeepTask(kind="compact", state="idle")]
    stats = Stats(at_mono_ns=1, session=None, tracks=[track], upkeep=tasks)
    assert value(stats, "reeld_track_cpu_seconds_total", session="", track="mic", stage="encode") == 1.5
    assert value(stats, "reeld_track_clock_ppm", session="", track="mic") == -12.5
    assert value(stats, "reeld_upkeep_running", work="scrub") == 1
    assert value(stats, "reeld_upkeep_running", work="compact") == 0


def test_each_family_is_one_block_with_its_type_before_its_samples() -> None:
    lines = exposition(STATS).splitlines()
    assert exposition(STATS).endswith("\n")
    heads = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert heads == list(dict.fromkeys(heads))
    assert [line.split()[2] for line in lines if line.startswith("# HELP")] == heads
    current = ""
    for line in lines:
        if line.startswith("# TYPE"):
            current = line.split()[2]
        elif not line.startswith("#"):
            assert re.split(r"[{ ]", line)[0] == current


def test_names_follow_the_conventions() -> None:
    for family in families(STATS):
        assert _NAME.fullmatch(family.name)
        assert family.name.endswith("_total") == (family.kind == "counter")
        assert family.help.endswith(".")


@pytest.mark.parametrize(
    ("given_value", "text"),
    [(1, "1"), (10**15 + 1, "1000000000000001"), (0.1, "0.1"), (math.inf, "+Inf"), (-math.inf, "-Inf")],
)
def test_numbers_are_exact(given_value: float, text: str) -> None:
    assert number(given_value) == text
    assert number(math.nan) == "NaN"


# Every character but those of which the parser of others makes line ends of its own.
odd = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]) | st.sampled_from('\n"\\{},= '), max_size=12)


@given(odd, odd, odd)
def test_any_name_survives_as_a_label(session: str, track: str, queue: str) -> None:
    stats = Stats(
        at_mono_ns=1,
        session=SessionBrief(id=session, name="", state=SessionState.PAUSED, elapsed_s=0.5),
        tracks=[TrackStats(id=track, frames=3)],
        workers=[
            WorkerStats(
                name=track, pid=1, cpu=0, rss_bytes=0, queues=[QueueStats(name=queue, unit="x", depth=4, limit=5)]
            )
        ],
    )
    assert value(stats, "reeld_track_frames_total", session=session, track=track) == 3
    assert value(stats, "reeld_queue_depth", worker=track, queue=queue, unit="x") == 4


def test_the_same_queue_told_twice_is_printed_once() -> None:
    """Harm: Prometheus refuses the whole scrape for a sample that comes twice."""
    queues = [QueueStats(name="q", unit="x", depth=depth, limit=5) for depth in (1, 2)]
    stats = Stats(at_mono_ns=1, session=None, workers=[WorkerStats(name="w", pid=1, cpu=0, rss_bytes=0, queues=queues)])
    assert value(stats, "reeld_queue_depth", worker="w", queue="q", unit="x") == 2


def test_the_command_prints_it_and_nothing_else(reelctl: Reelctl, server: Server) -> None:
    ran = reelctl("stats", "--prometheus")
    assert (ran.code, ran.out, ran.err) == (0, exposition(STATS), "")


def test_two_formats_at_once_are_refused(reelctl: Reelctl, server: Server) -> None:
    assert reelctl("stats", "--prometheus", "--json").code == 2
