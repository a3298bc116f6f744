"""The budget, by the daemon itself. Harm guarded against: a disk that fills although a quota is set, a recording that
is stopped for it, and a thinned session that shows the wrong pictures."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld_client import Client
from tests.support import media
from tests.support.desk import VirtualDesk
from tests.support.installation import Installation
from tests.support.painter import read_clock
from tests.support.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
WORDS = ("start", "--display", "LEFT", "--mic", "none", "--system-audio", "none")
QUOTA = 300_000


@pytest.fixture(scope="module")
def painted() -> Iterator[VirtualDesk]:
    """Something moves on one monitor, with a readable clock."""
    with VirtualDesk() as desk:
        words = ("--at", "0,0,1920,1080", "--tint", "32,64,96")
        painter = desk.spawn(
            sys.executable, "-m", "tests.support.painter", *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert painter.stdout is not None
        assert painter.stdout.readline()
        yield desk


def started(installation: Installation, tmp_path: Path, config: str) -> None:
    path = tmp_path / "reeld.toml"
    path.write_text(config)
    installation.start_daemon("--config", str(path))


def recorded(installation: Installation, seconds: float) -> str:
    """A session of at least so many seconds."""
    session: str = installation.ok(*WORDS)["session"]
    until(lambda: installation.elapsed_s() >= seconds, 30, what="a recording", every_s=0.05)
    installation.ok("stop")
    return session


def names(installation: Installation) -> set[str]:
    return {found.session for found in installation.ask(Client.sessions)}


@pytest.mark.long
def test_the_oldest_goes_while_a_recording_goes_on_and_what_is_pinned_stays(
    painted: VirtualDesk, tmp_path: Path
) -> None:
    with Installation(painted.env) as installation:
        started(installation, tmp_path, f"[storage]\nquota = {QUOTA}\n")
        pinned = recorded(installation, 3)
        installation.ok("pin", pinned)
        oldest, younger = recorded(installation, 3), recorded(installation, 3)
        live = installation.ok(*WORDS)["session"]
        until(lambda: oldest not in names(installation), 60, what="the oldest gone", every_s=0.05)
        assert installation.ok("status")["session"]["id"] == live
        assert {pinned, live} <= names(installation)
        shown = {item["session"]: item for item in installation.ok("storage", "apply", "--dry-run")["items"]}
        assert shown[pinned]["reason"].startswith("pinned")
        assert shown[live]["reason"].startswith("being recorded")
        # The next oldest goes, too, once the recording has grown by its size.
        until(lambda: younger not in names(installation), 60, what="the next one gone", every_s=0.05)
        stopped = installation.ok("stop")
        assert stopped["gaps"] == []
        assert names(installation) == {pinned, live}
        report = installation.ok("storage")
        assert report["garbage_bytes"] == 0
        # So small a file is mostly overhead; how it stays bounded at size is tested in test_budgeting.py.
        assert report["used_bytes"] <= 2 * QUOTA
        assert installation.ok("verify")["ok"]
        assert "budget.dropped" in installation.log


@pytest.mark.long
@pytest.mark.paired
def test_an_old_session_is_thinned_and_still_shows_the_right_pictures(painted: VirtualDesk, tmp_path: Path) -> None:
    with Installation(painted.env) as installation:
        started(installation, tmp_path, "[storage]\nkeyframes_after_days = 0.00005\n")
        session = recorded(installation, 12)
        full = installation.ok("show", session)
        until(
            lambda: installation.ask(lambda client: client.show(session)).tier == "keyframes",
            60,
            what="a thinned session",
            every_s=0.05,
        )
        thin = installation.ok("show", session)
        assert thin["bytes"] < full["bytes"]
        assert thin["duration_s"] == full["duration_s"]
        assert installation.ok("verify")["ok"]
        path = tmp_path / "thin.mp4"
        installation.ok("export", session, "-o", str(path))
        assert media.duration_s(path) == pytest.approx(full["duration_s"], abs=0.1)
        seen = [(frame.at_s, read_clock(frame.rgb)) for frame in media.frames(path)]
        assert len(seen) == thin["tracks"][0]["frames"] >= 2
        (first_s, first_ms), *others = seen
        assert first_ms is not None
        for at_s, at_ms in others:
            assert at_ms is not None
            assert (at_ms - first_ms) / 1000 == pytest.approx(at_s - first_s, abs=0.15)


@pytest.mark.long
def test_a_disk_that_fills_up_costs_the_oldest_and_not_the_recording(painted: VirtualDesk, tmp_path: Path) -> None:
    """The disk is a small one of its own; somebody else fills it during a recording."""
    with Installation(painted.env) as installation:
        installation.store.mkdir(mode=0o700)
        mount = ["mount", "-t", "tmpfs", "-o", "size=48m,mode=700", "tmpfs", str(installation.store)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("only root may mount a small disk")
        try:
            config = "[store]\nreserve_bytes = 8_000_000\n[storage]\ndrop_after_days = 1000\n"
            started(installation, tmp_path, config)
            oldest = recorded(installation, 3)
            live = installation.ok(*WORDS)["session"]
            free = installation.ok("stats")["disk_free_bytes"]
            (installation.store / "ballast").write_bytes(bytes(free - 7_000_000))
            until(lambda: oldest not in names(installation), 60, what="the oldest gone", every_s=0.05)
            assert installation.ok("status")["session"]["id"] == live
            (installation.store / "ballast").unlink()
            assert installation.ok("stop")["gaps"] == []
            assert installation.ok("verify")["ok"]
        finally:
            installation.stop_daemon()
            subprocess.run(["umount", str(installation.store)], check=True)
