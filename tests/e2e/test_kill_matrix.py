"""kill -9 of every process while recording, again and again. Harm guarded against: a crash that costs more than the
moment it happened in.

`REELD_ROUNDS=10` kills each as often as that; without it a few times.
"""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from reeld_client import Client
from reeld_client.calls import StartOptions
from reeld_proto.records import GapInfo
from tests.e2e.conftest import Stage
from tests.support import media
from tests.support.installation import Installation, is_alive
from tests.support.wait import until

_CI = bool(os.environ.get("CI"))
ROUNDS = int(os.environ.get("REELD_ROUNDS", "2" if _CI else "4"))
SESSIONS = 1 if _CI else 2
"""The rounds of a worker are divided among two sessions: ten deaths within a minute spend its restart budget."""
MOMENTS_S = 1.3
"""The daemon dies at moments spread over the life of a chunk."""
pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(400)]
START: StartOptions = {
    "displays": ["LEFT"],
    "microphone": "virtual_mic",
    "system_audio": "speakers.monitor",
    "fps": 15,
}
STILLS = {"snapshots-1"}
"""Counted in `stats`, but no track that a session shows."""
TRACKS: dict[str, set[str]] = {"capture": {"video-1", "snapshots-1"}, "audio": {"mix", "mic", "system"}, "store": set()}


def media_s(client: Client) -> dict[str, float]:
    return {track.id: track.media_s for track in client.stats().tracks}


def advanced(client: Client, seconds: float) -> None:
    """Wait until every track has durably gone on for `seconds`."""
    before = media_s(client)
    assert set(before) == set().union(*TRACKS.values())
    until(
        lambda: all(media_s(client).get(track, 0) >= at + seconds for track, at in before.items()),
        30,  # how quickly it goes on is judged by what was recorded
        what=f"every track {seconds} s further",
        every_s=0.05,
    )


def until_all_tracks_run(client: Client) -> None:
    until(
        lambda: (now := media_s(client)).keys() == set().union(*TRACKS.values()) and min(now.values()) > 0,
        10,
        what="all tracks running",
        every_s=0.05,
    )


@dataclass
class Ordeal:
    """A session whose workers were killed in turn. recovered_s: by role, from each kill until all tracks went on."""

    recovered_s: dict[str, list[float]]
    gaps: list[GapInfo]
    verified: bool
    state: str


def kill_workers(stage: Stage) -> Ordeal:
    """Record one session; kill each worker ROUNDS / SESSIONS times, each time waiting until every track goes on."""
    recovered_s: dict[str, list[float]] = {role: [] for role in TRACKS}
    with Installation(stage.desk.env) as installation:
        installation.start_daemon()
        with Client(installation.runtime) as client:
            client.start(**START)
            until_all_tracks_run(client)
            for _ in range(ROUNDS // SESSIONS):
                for role in TRACKS:
                    os.kill(installation.active(role), signal.SIGKILL)
                    killed = time.monotonic()
                    advanced(client, 0.3)
                    recovered_s[role].append(time.monotonic() - killed)
            stopped = client.stop()
            return Ordeal(recovered_s, stopped.gaps, client.verify(stopped.session).ok, stopped.state)


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
            threading.Event().wait(MOMENTS_S * round_ / ROUNDS)
        orphans = installation.kill_daemon()
        killed = time.monotonic()
        try:
            until(lambda: not any(is_alive(pid) for pid in orphans), 2, what="orphaned workers gone")
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


@dataclass
class Matrix:
    """Everything that was killed."""

    ordeals: list[Ordeal]
    aftermaths: list[Aftermath]


@pytest.fixture(scope="module")
def matrix(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    """Some daemons at a time, which makes it harder and quicker."""
    folder = tmp_path_factory.mktemp("interrupted")
    with ThreadPoolExecutor(SESSIONS + 1) as pool:
        ordeals = [pool.submit(kill_workers, stage) for _ in range(SESSIONS)]
        aftermaths = [pool.submit(kill_daemon_once, stage, folder, round_) for round_ in range(ROUNDS)]
        return Matrix([each.result() for each in ordeals], [each.result() for each in aftermaths])


@pytest.mark.parametrize("session", range(SESSIONS))
@pytest.mark.parametrize("role", TRACKS)
def test_a_killed_worker_costs_its_own_tracks_a_moment_and_the_others_nothing(
    matrix: Matrix, role: str, session: int
) -> None:
    gaps = matrix.ordeals[session].gaps
    kills = ROUNDS // SESSIONS
    for track in TRACKS[role] - STILLS:
        own = [gap for gap in gaps if gap.track == track]
        assert 1 <= len(own) <= kills, own
        for gap in own:
            assert gap.reason == "worker-restart"
            assert gap.end_s - gap.start_s <= 3
    # Whatever has a gap was killed itself: the store never costs anything, nor does a neighbour.
    assert {gap.track for gap in gaps} <= TRACKS["capture"] | TRACKS["audio"]


@pytest.mark.parametrize("session", range(SESSIONS))
def test_after_all_kills_the_session_is_complete_and_verified(matrix: Matrix, session: int) -> None:
    assert matrix.ordeals[session].verified
    assert matrix.ordeals[session].state == "completed"


@pytest.mark.parametrize("role", TRACKS)
def test_recording_goes_on_within_three_seconds(matrix: Matrix, role: str) -> None:
    """What is seen from outside is a chunk later: it becomes durable when it is closed, about a second after."""
    taken_s = [taken for ordeal in matrix.ordeals for taken in ordeal.recovered_s[role]]
    assert len(taken_s) == ROUNDS
    assert max(taken_s) <= 3 + 1.5


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_a_killed_daemon_loses_at_most_two_seconds(matrix: Matrix, round_: int) -> None:
    left = matrix.aftermaths[round_]
    assert left.orphans_gone, "workers outlived their daemon by two seconds"
    assert left.state == "interrupted"
    assert left.lost_s <= 2.0
    assert left.surplus_s <= 0.1
    assert left.verified
    assert left.exported_error_s <= 0.2
    assert left.frames > 5
    assert left.sound_error_s <= 0.3
