"""kill -9 of every process while recording, ten rounds each. Harm guarded against: a crash that costs more than the
moment it happened in."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from reeld_client import Client
from reeld_client.calls import StartOptions
from reeld_proto.records import GapInfo
from tests.e2e.conftest import Stage
from tests.support import media
from tests.support.installation import Installation
from tests.support.wait import until

ROUNDS = 10
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
START: StartOptions = {
    "displays": ["LEFT"],
    "microphone": "virtual_mic",
    "system_audio": "speakers.monitor",
    "fps": 15,
}
TRACKS: dict[str, set[str]] = {"capture": {"video-1"}, "audio": {"mix", "mic", "system"}, "store": set()}


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


@dataclass
class Outcome:
    """What one kill cost. recovered_s: from the kill until every track had durably gone on."""

    recovered_s: float
    gaps: list[GapInfo]
    verified: bool


def kill_worker_once(installation: Installation, role: str) -> Outcome:
    """Record, kill the worker that serves `role`, wait until the recording goes on, stop."""
    with Client(installation.runtime) as client:
        client.start(**START)
        until_all_tracks_run(client)
        pid = installation.active(role)
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        advanced(client, 0.3)
        recovered_s = time.monotonic() - killed
        stopped = client.stop()
        return Outcome(recovered_s, stopped.gaps, client.verify(stopped.session).ok)


def kill_workers(stage: Stage, role: str) -> list[Outcome]:
    outcomes = []
    with Installation(stage.desk.env) as installation:
        installation.start_daemon()
        for _ in range(ROUNDS):
            until(installation.is_warm, 20, what="standbys ready", every_s=0.05)
            outcomes.append(kill_worker_once(installation, role))
    return outcomes


@pytest.fixture(scope="module")
def worker_kills(stage: Stage) -> dict[str, list[Outcome]]:
    """Ten rounds for each role, the roles side by side on three daemons, which makes it harder and quicker."""
    with ThreadPoolExecutor(len(TRACKS)) as pool:
        running = {role: pool.submit(kill_workers, stage, role) for role in TRACKS}
        return {role: future.result() for role, future in running.items()}


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("role", TRACKS)
def test_a_killed_worker_costs_its_own_tracks_a_moment_and_the_others_nothing(
    worker_kills: dict[str, list[Outcome]], role: str, round_: int
) -> None:
    outcome = worker_kills[role][round_]
    assert {gap.track for gap in outcome.gaps} == TRACKS[role], outcome.gaps
    for gap in outcome.gaps:
        assert gap.reason == "worker-restart"
        assert gap.end_s - gap.start_s <= 3
    assert outcome.verified


@pytest.mark.parametrize("role", TRACKS)
def test_recording_goes_on_within_three_seconds(worker_kills: dict[str, list[Outcome]], role: str) -> None:
    """What is seen from outside is a chunk later: it becomes durable when it is closed, about a second after."""
    slowest_s = max(outcome.recovered_s for outcome in worker_kills[role])
    assert slowest_s <= 3 + 1.5


@dataclass
class Aftermath:
    """What a killed daemon left."""

    orphans_gone: bool
    state: str
    lost_s: float
    surplus_s: float
    verified: bool
    exported_error_s: float
    frames: int
    sound_error_s: float


def kill_daemon_once(stage: Stage, folder: Path, round_: int) -> Aftermath:
    """Record, kill the daemon, start it again, look at what is there."""
    with Installation(stage.desk.env) as installation:
        installation.start_daemon()
        with Client(installation.runtime) as client:
            began = time.monotonic()
            session = client.start(**START).session
            started = time.monotonic()
            until_all_tracks_run(client)
            # A different moment in the life of a chunk every round: the passing of time is what is wanted here.
            threading.Event().wait(0.13 * round_)
        orphans = installation.kill_daemon()
        killed = time.monotonic()
        try:
            until(lambda: not any(psutil.pid_exists(pid) for pid in orphans), 2, what="orphaned workers gone")
            orphans_gone = True
        except AssertionError:
            orphans_gone = False
        installation.start_daemon()
        with Client(installation.runtime) as client:
            info = client.show(session)
            path = folder / f"interrupted-{round_}.mp4"
            verified = client.verify().ok
            exported = client.export(session, path)
        return Aftermath(
            orphans_gone,
            info.state,
            lost_s=(killed - started) - info.duration_s,
            surplus_s=info.duration_s - (killed - began),
            verified=verified,
            exported_error_s=abs(exported.duration_s - info.duration_s),
            frames=len(media.looks(path)),
            sound_error_s=abs(len(media.samples(path, 0)) / media.RATE - info.duration_s),
        )


@pytest.fixture(scope="module")
def daemon_kills(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> list[Aftermath]:
    folder = tmp_path_factory.mktemp("interrupted")
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda round_: kill_daemon_once(stage, folder, round_), range(ROUNDS)))


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_a_killed_daemon_loses_at_most_two_seconds(daemon_kills: list[Aftermath], round_: int) -> None:
    left = daemon_kills[round_]
    assert left.orphans_gone, "workers outlived their daemon by two seconds"
    assert left.state == "interrupted"
    assert left.lost_s <= 2.0
    assert left.surplus_s <= 0.1
    assert left.verified
    assert left.exported_error_s <= 0.2
    assert left.frames > 5
    assert left.sound_error_s <= 0.3
