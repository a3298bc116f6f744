"""Long work beside a recording, for real. Harm guarded against: a recording that cannot be stopped while something is
exported; half a file, or a process that goes on, after somebody thought better of it."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from reeld_client import Client, ErrorCode, RequestRejected
from reeld_proto.jobs import JobState
from tests.support import media
from tests.support.desk import VirtualDesk
from tests.support.installation import Installation
from tests.support.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.paired, pytest.mark.timeout(120)]
SOUND = ("--display", "none", "--mic", "none", "--system-audio", "speakers.monitor")
COPIES = 22
PATIENCE_S = 0.05


@pytest.fixture(scope="module")
def reel() -> Iterator[Installation]:
    """A warm daemon with a recording that takes long to write as a file, for it is shown many times."""
    with VirtualDesk(sound=True) as desk, Installation(desk.env) as installation:
        installation.start_daemon()
        yield installation


@pytest.fixture(scope="module")
def long_session(reel: Installation) -> str:
    """Many minutes of sound."""
    session = reel.ok("start", *SOUND)["session"]
    until(lambda: reel.elapsed_s() >= 2, 20, what="a recording")
    reel.ok("stop")
    for _ in range(2):
        session = reel.ok("merge", *[session] * COPIES)["session"]
    return str(session)


def exporters(reel: Installation) -> list[psutil.Process]:
    return [
        process
        for process in psutil.Process(reel.ok("status")["daemon"]["pid"]).children()
        if "export" in process.name() or "export" in " ".join(process.cmdline())
    ]


def test_a_job_that_is_cancelled_half_way_leaves_nothing(reel: Installation, long_session: str, tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    with Client(reel.runtime) as client:
        job = client.jobs.export(long_session, path)
        until(lambda: (job.progress or 0) > 0, 20, what="an export under way", every_s=0.02)
        assert list(tmp_path.iterdir()), "nothing is being written"
        assert not path.exists()
        began = time.monotonic()
        assert job.cancel().state is JobState.CANCELLED
        assert time.monotonic() - began < 1
        with pytest.raises(RequestRejected) as caught:
            job.wait()
        assert caught.value.code is ErrorCode.CANCELLED
    assert list(tmp_path.iterdir()) == []
    assert exporters(reel) == []


def test_ctrl_c_ends_the_export_that_it_waits_for(reel: Installation, long_session: str, tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    words, environment = reel.command("reelctl", "export", long_session, "-o", str(path), "--json")
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE)
    try:
        until(lambda: list(tmp_path.iterdir()), 20, what="an export under way", every_s=0.02)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 130
    assert b"interrupted" in out
    assert list(tmp_path.iterdir()) == []
    assert exporters(reel) == []


@pytest.mark.long
def test_steering_does_not_wait_behind_long_work_and_a_job_outlives_who_began_it(
    reel: Installation, long_session: str, tmp_path: Path
) -> None:
    with Client(reel.runtime) as began:
        jobs = [began.jobs.export(long_session, tmp_path / f"{number}.wav").id for number in range(3)]
        jobs.append(began.jobs.verify().id)
    seen: list[float] = []
    with Client(reel.runtime) as client:
        client.start(displays=[], microphone="none", system_audio="speakers.monitor")
        for ask in (client.status, client.pause, client.resume, lambda: client.mark("here"), client.pause):
            begun = time.monotonic()
            ask()
            seen.append(time.monotonic() - begun)
        client.stop()
        # A stop answers when all is durable, which takes what it takes; it is only not to wait for the jobs.
        still = [job.id for job in client.jobs.list() if job.state in {JobState.QUEUED, JobState.RUNNING}]
        assert set(still) & set(jobs), "all was done before the stop was answered"
        # A pause waits for the worker of sound to note it, whose process shares two cores with the jobs.
        assert sorted(seen)[len(seen) // 2] < PATIENCE_S
        assert max(seen) < 1
        for name in jobs:
            client.jobs.get(name).wait()
        assert {job.state for job in client.jobs.list() if job.id in jobs} == {JobState.COMPLETED}
    lengths = {round(media.duration_s(tmp_path / f"{number}.wav")) for number in range(3)}
    assert len(lengths) == 1
    assert lengths.pop() >= 2 * COPIES**2
