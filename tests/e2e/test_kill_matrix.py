"""kill -9 of every process while recording, ten rounds each. Harm guarded against: a crash that costs more than the
moment it happened in."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from reeld_client import Client
from tests.e2e.conftest import Stage
from tests.support import media
from tests.support.installation import Installation
from tests.support.wait import until

ROUNDS = 10
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
START: dict[str, Any] = {
    "displays": ["LEFT"],
    "microphone": "virtual_mic",
    "system_audio": "speakers.monitor",
    "fps": 15,
}
TRACKS = {"capture": {"video-1"}, "audio": {"mix", "mic", "system"}, "store": set()}


@pytest.fixture(scope="module")
def warm(stage: Stage) -> Iterator[Installation]:
    with Installation(stage.desk.env) as installation:
        installation.start_daemon()
        yield installation


def media_s(client: Client) -> dict[str, float]:
    return {track.id: track.media_s for track in client.stats().tracks}


def advanced(client: Client, seconds: float) -> None:
    """Wait until every track has durably gone on for `seconds`."""
    before = media_s(client)
    assert set(before) == {"video-1", "mix", "mic", "system"}
    until(
        lambda: all(media_s(client).get(track, 0) >= at + seconds for track, at in before.items()),
        10,
        what=f"every track {seconds} s further",
        every_s=0.05,
    )


def until_all_tracks_run(client: Client) -> None:
    until(
        lambda: (now := media_s(client)).keys() == {"video-1", "mix", "mic", "system"} and min(now.values()) > 0,
        10,
        what="all tracks running",
        every_s=0.05,
    )


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("role", ["capture", "audio", "store"])
def test_a_killed_worker_costs_its_own_track_a_moment_and_the_others_nothing(
    warm: Installation, role: str, round_: int
) -> None:
    until(warm._is_warm, 20, what="standbys ready")
    with Client(runtime_dir=warm.runtime) as client:
        client.start(**START)
        until_all_tracks_run(client)
        pid = next(
            worker.pid
            for worker in client.status().workers
            if worker.name.startswith(role) and "standby" not in worker.name
        )
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        until(lambda: not psutil.pid_exists(pid), 5)
        advanced(client, 0.3)
        recovered_s = time.monotonic() - killed
        stopped = client.stop()
        assert recovered_s < 3 + 1.0, f"recording went on only after {recovered_s:.1f} s"
        hit = {gap.track for gap in stopped.gaps}
        assert hit == TRACKS[role], stopped.gaps
        for gap in stopped.gaps:
            assert gap.reason == "worker-restart"
            assert gap.end_s - gap.start_s <= 3
        assert client.verify(stopped.session).ok


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_a_killed_daemon_loses_at_most_two_seconds(stage: Stage, tmp_path: Path, round_: int) -> None:
    with Installation(stage.desk.env) as installation:
        installation.start_daemon()
        with Client(runtime_dir=installation.runtime) as client:
            began = time.monotonic()
            session = client.start(**START).session
            started = time.monotonic()
            until_all_tracks_run(client)
            # A different moment in the life of a chunk every round.
            time.sleep(0.2 + 0.13 * round_)
        orphans = installation.kill_daemon()
        killed = time.monotonic()
        until(lambda: not any(psutil.pid_exists(pid) for pid in orphans), 2, what="orphaned workers gone")
        installation.start_daemon()
        with Client(runtime_dir=installation.runtime) as client:
            info = client.show(session)
            assert info.state == "interrupted"
            lost_s = (killed - started) - info.duration_s
            assert lost_s <= 2.0
            assert info.duration_s <= killed - began + 0.1
            assert client.verify().ok
            path = tmp_path / "interrupted.mp4"
            exported = client.export(session, path)
            assert exported.duration_s == pytest.approx(info.duration_s, abs=0.2)
        assert sum(1 for _ in media.frames(path)) > 5
        assert len(media.samples(path, 0)) / media.RATE == pytest.approx(info.duration_s, abs=0.3)
