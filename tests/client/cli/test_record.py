"""`reelctl record`: whatever happens, nothing keeps recording and the file is written."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from reeld_client.cli.record import Interrupts
from reeld_proto import commands
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.client.cli.reelctl import Reelctl, environment, on_terminal
from tests.client.fake_reeld import SESSION, FakeReeld, Server, serving
from tests.support.desk import VirtualDesk
from tests.support.wait import until

_REELCTL = [sys.executable, "-m", "reeld_client.cli.main"]


def test_it_starts_waits_stops_and_exports(
    reelctl: Reelctl, fake: FakeReeld, server: Server, tmp_path: Path, no_leaks: None
) -> None:
    target = tmp_path / "x.mp4"
    ran = reelctl("record", "-o", str(target), "--duration", "1.2", "--display", "LEFT", "--mic", "none", "--json")
    assert ran.code == 0
    assert ran.json == {"path": str(target), "duration_s": 7.4, "bytes": 3, "session": SESSION}
    kinds = [type(command).__name__ for command in fake.heard if not isinstance(command, commands.GetStatus)]
    assert kinds == ["Ping", "StartSession", "StopSession", "ExportSession"]
    (start,) = fake.of(commands.StartSession)
    assert (start.displays, start.microphone) == (["LEFT"], "none")
    assert target.exists()


def test_pauses_do_not_count(reelctl: Reelctl, fake: FakeReeld, server: Server, tmp_path: Path) -> None:
    """Somebody else may pause; the file must still be as long as asked for."""
    assert reelctl("record", "-o", str(tmp_path / "x.mp4"), "--duration", "2").code == 0
    # The fake records half a second between two looks.
    assert fake.elapsed_s >= 2.0


def test_a_running_session_is_left_alone(reelctl: Reelctl, fake: FakeReeld, server: Server, tmp_path: Path) -> None:
    reelctl("start")
    ran = reelctl("record", "-o", str(tmp_path / "x.mp4"), "--duration", "1", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (4, "wrong-state")
    assert not fake.of(commands.StopSession)


def test_a_session_that_somebody_else_ended_is_exported(
    reelctl: Reelctl, fake: FakeReeld, server: Server, tmp_path: Path
) -> None:
    def start(_command: object) -> commands.SessionStarted:
        return commands.SessionStarted(session=SESSION, state="active", first_frame_ms=None)  # type: ignore[arg-type]

    fake.answers["session_start"] = start
    assert reelctl("record", "-o", str(tmp_path / "x.mp4"), "--duration", "60").code == 0
    assert not fake.of(commands.StopSession)
    assert (tmp_path / "x.mp4").exists()


def test_an_export_that_fails_is_told(reelctl: Reelctl, fake: FakeReeld, server: Server, tmp_path: Path) -> None:
    fake.answers["sessions_export"] = RequestRejected("no room", code=ErrorCode.DISK_FULL)
    ran = reelctl("record", "-o", str(tmp_path / "x.mp4"), "--duration", "1")
    assert ran.code == 6
    assert "no room" in ran.err
    assert fake.of(commands.StopSession)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_early_and_still_writes_the_file(
    runtime: Path, fake: FakeReeld, server: Server, number: signal.Signals
) -> None:
    target = runtime / "x.mp4"
    command = [*_REELCTL, "record", "-o", str(target), "--duration", "3600", "--json"]
    with subprocess.Popen(command, env=environment(runtime), stdout=subprocess.PIPE, text=True) as process:
        until(lambda: len(fake.of(commands.GetStatus)) > 1)
        process.send_signal(number)
        out, _ = process.communicate(timeout=15)
    assert process.returncode == 130
    assert str(target) in out
    assert target.exists()


def test_on_a_terminal_the_progress_is_shown(runtime: Path, server: Server) -> None:
    with on_terminal(runtime, "record", "-o", str(runtime / "x.mp4"), "--duration", "5") as terminal:
        terminal.read_until("recording")
        terminal.read_until("%")
        assert terminal.finish() == 0
        assert "x.mp4" in terminal.screen


def test_the_first_interrupt_is_a_wish_the_second_an_order() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts() as interrupts:
        assert not interrupts.requested
        os.kill(os.getpid(), signal.SIGINT)
        until(lambda: interrupts.requested)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is before


def on_desk(desk: VirtualDesk, runtime: Path) -> dict[str, str]:
    return (
        desk.env
        | {key: value for key, value in environment(runtime).items() if key not in desk.env}
        | {"REELD_RUNTIME_DIR": str(runtime / "none")}
    )


def daemons_over(store: Path) -> list[int]:
    """Process ids of daemon and workers that serve `store`."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if str(store) in words and "record" not in words:
                found.append(process.pid)
    return found


def test_without_a_daemon_it_brings_its_own_and_takes_it_away(x_desk: VirtualDesk, runtime: Path) -> None:
    """A daemon left behind would keep devices open, for ever and unseen."""
    target, store = runtime / "x.mp4", runtime / "store"
    words = ["record", "-o", str(target), "--duration", "1", "--mic", "none", "--system-audio", "none"]
    words += ["--display", "LEFT", "--store", str(store), "--json"]
    ran = subprocess.run(
        [*_REELCTL, *words], check=False, env=on_desk(x_desk, runtime), capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert target.stat().st_size > 500
    assert daemons_over(store) == []


def test_killed_it_leaves_no_recorder_behind(x_desk: VirtualDesk, runtime: Path) -> None:
    store = runtime / "store"
    words = ["record", "-o", str(runtime / "x.mp4"), "--duration", "3600", "--display", "LEFT", "--mic", "none"]
    with subprocess.Popen(
        [*_REELCTL, *words, "--system-audio", "none", "--store", str(store)],
        env=on_desk(x_desk, runtime),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        until(lambda: len(daemons_over(store)) > 1, 30, what="a daemon with workers")
        process.kill()
        process.wait()
    until(lambda: not daemons_over(store), 30, what="the end of the daemon")


def test_an_interrupt_while_the_daemon_starts_takes_it_away_too(x_desk: VirtualDesk, runtime: Path) -> None:
    store = runtime / "store"
    with subprocess.Popen(
        [*_REELCTL, "record", "-o", str(runtime / "x.mp4"), "--duration", "3600", "--store", str(store)],
        env=on_desk(x_desk, runtime),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        until(lambda: daemons_over(store), 30, what="a daemon")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in err
    until(lambda: not daemons_over(store), 10, what="the end of the daemon")


def test_a_daemon_that_hangs_is_not_replaced_by_a_second_one(runtime: Path, fake: FakeReeld) -> None:
    """Two recorders over one store is what the lock is for; better not to try."""
    fake.answers["ping"] = RequestRejected("busy", code=ErrorCode.TIMEOUT)
    begun = time.monotonic()
    with serving(fake, runtime):
        ran = subprocess.run(
            [*_REELCTL, "record", "-o", str(runtime / "x.mp4"), "--duration", "1", "--json"],
            check=False,
            env=environment(runtime),
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert ran.returncode == 3
    assert '"timeout"' in ran.stdout
    assert time.monotonic() - begun < 20
