"""The command `reeld` as a process. Harm guarded against: a session lost because the daemon was ended, two daemons on
one store, and an error nobody can understand."""

import os
import pty
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from reeld import __version__, app
from reeld_proto import codec
from reeld_proto.commands import (
    AddMarker,
    ListSessions,
    PauseSession,
    Ping,
    Pong,
    SessionChanged,
    SessionList,
    SessionStarted,
    SessionStopped,
    StartSession,
    StopSession,
)
from reeld_proto.records import SessionState
from tests.support.fake_house import FakeHouse
from tests.support.wait import until


@pytest.fixture
def house() -> Iterator[FakeHouse]:
    with FakeHouse(REAL_WORKERS="store") as house:
        yield house


def test_sigterm_ends_the_session_cleanly_first_and_exits_with_zero(house: FakeHouse) -> None:
    house.start()
    started = house.must(StartSession(name="kept"), SessionStarted)
    assert house.stop() == 0
    house.start(warm=False)
    (session,) = house.must(ListSessions(), SessionList).sessions
    assert (session.session, session.state) == (started.session, SessionState.COMPLETED)


def test_ctrl_c_does_the_same_while_paused(house: FakeHouse) -> None:
    house.start()
    house.must(StartSession(), SessionStarted)
    house.must(PauseSession(), SessionChanged)
    assert house.stop(signal.SIGINT) == 0
    house.start(warm=False)
    (session,) = house.must(ListSessions(), SessionList).sessions
    assert session.state == SessionState.COMPLETED


IN_A_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


def test_a_closed_terminal_ends_the_session_cleanly_but_sighup_in_one_does_not(house: FakeHouse) -> None:
    """Harm: SIGHUP reads the config, and the daemon lives on without the person who closed its window."""
    mine, its = pty.openpty()
    try:
        house.start(wrap=[sys.executable, "-c", IN_A_TERMINAL], stdin=its, start_new_session=True)
    finally:
        os.close(its)
    house.must(StartSession(), SessionStarted)
    daemon = house.daemon
    assert daemon is not None
    daemon.send_signal(signal.SIGHUP)
    until(lambda: "config.reloaded" in house.log_events(), 10, what="a config that was read")
    os.close(mine)
    assert daemon.wait(20) == 0
    house.start(warm=False)
    (session,) = house.must(ListSessions(), SessionList).sessions
    assert session.state == SessionState.COMPLETED


def test_a_client_that_waits_for_a_start_gets_its_reply_when_the_daemon_ends() -> None:
    """Harm: a client that waits for ever, a session that is left open."""
    with FakeHouse(FAKE_CAPTURE="slow", FAKE_AUDIO="slow", REAL_WORKERS="store") as house:
        house.start()
        with house.connect() as socket:
            socket.send(codec.pack(StartSession(), id="q"))
            until(lambda: house.status().session is not None, 10)
            assert house.stop() == 0
            assert socket.poll(1000)


def test_killed_with_9_its_workers_leave_and_the_session_is_interrupted_after_a_restart(house: FakeHouse) -> None:
    house.start()
    started = house.must(StartSession(), SessionStarted)
    killed = time.monotonic()
    assert house.stop(signal.SIGKILL) == -signal.SIGKILL, "which waits for every worker to be gone"
    assert time.monotonic() - killed < 2
    assert (house.runtime / "control.sock").exists()
    house.start(warm=False)
    assert "daemon.stale_sockets_removed" in house.log_events()
    (session,) = house.must(ListSessions(), SessionList).sessions
    assert (session.session, session.state) == (started.session, SessionState.INTERRUPTED)


def test_a_restart_at_once_after_a_kill_waits_for_the_old_workers(house: FakeHouse) -> None:
    house.start()
    assert house.daemon is not None
    house.daemon.kill()
    house.daemon.wait()
    house.start()
    assert isinstance(house.ask(Ping()), Pong)


@pytest.mark.parametrize("shared", ["runtime", "store"])
def test_a_second_daemon_refuses_and_says_who_holds_what(house: FakeHouse, shared: str, tmp_path: Path) -> None:
    house.start()
    assert house.daemon is not None
    pid = house.daemon.pid
    other = {"runtime": ["--store", str(tmp_path / "s")], "store": ["--runtime", str(tmp_path / "r")]}[shared]
    refused = house.run(*other)
    assert refused.returncode == 4
    assert refused.stdout == ""
    for word in (str(pid), str(house.runtime), str(house.store)):
        assert word in refused.stderr
    assert isinstance(house.ask(Ping()), Pong)


def test_the_runtime_directory_is_private_even_if_it_was_not(house: FakeHouse) -> None:
    house.runtime.mkdir(mode=0o755, parents=True)
    house.start()
    assert stat.S_IMODE(house.runtime.stat().st_mode) == 0o700
    for path in house.runtime.glob("*.sock"):
        assert path.stat().st_uid == os.getuid()


def test_a_config_mistake_is_an_error_before_anything_runs(house: FakeHouse, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[record]\nfsp = 3\n")
    refused = house.run("--config", str(config))
    assert refused.returncode == 2
    assert "record.fps" in refused.stderr
    assert not house.runtime.exists()


def test_the_config_holds(house: FakeHouse, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[store]\nreserve_bytes = 9000000000000000000\n")
    house.start("--config", str(config))
    refused = house.refused(StartSession())
    assert refused.code == "disk-full"
    assert house.must(ListSessions(), SessionList).sessions == []


def test_a_path_too_long_for_a_socket_is_refused_with_a_remedy(house: FakeHouse, tmp_path: Path) -> None:
    refused = house.run("--runtime", str(tmp_path / ("x" * 120)))
    assert refused.returncode == 2
    assert "--runtime" in refused.stderr


def test_without_a_store_it_says_so_and_leaves_nothing() -> None:
    with FakeHouse(FAKE_STORE="exit") as house:
        refused = house.run()
        assert refused.returncode == 70
        assert "store" in refused.stderr.splitlines()[-1]
        assert "Traceback" not in refused.stderr


def test_an_end_during_the_start_is_an_end() -> None:
    with FakeHouse(FAKE_STORE="hang") as house:
        command, environment = house.command()
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        until(lambda: len(psutil.Process(process.pid).children()) == 3, 20)
        process.terminate()
        assert process.wait(10) == 0


def test_it_imports_nothing_that_handles_pixels_or_samples(house: FakeHouse) -> None:
    house.start()
    assert house.daemon is not None
    maps = Path(f"/proc/{house.daemon.pid}/maps")
    if not maps.exists():
        pytest.skip("no /proc here")
    loaded = maps.read_text()
    for word in ("numpy", "/av/", "cv2", "portaudio", "libavcodec"):
        assert word not in loaded


def test_idle_it_uses_no_processor_time(house: FakeHouse) -> None:
    house.start()
    assert house.daemon is not None
    daemon = psutil.Process(house.daemon.pid)
    until(lambda: len(house.worker_pids()) == 3)
    before = daemon.cpu_times()
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 2, 5, every_s=0.5)
    after = daemon.cpu_times()
    assert (after.user + after.system) - (before.user + before.system) <= 0.02


def test_logs_are_json_lines_and_quiet(house: FakeHouse) -> None:
    house.start()
    house.must(StartSession(name="my secret project"), SessionStarted)
    house.must(AddMarker(text="my secret thought"), SessionChanged)
    house.must(StopSession(), SessionStopped)
    house.stop()
    assert house.log_events() == ["daemon.ready", "session.started", "daemon.stopping", "daemon.stopped"]
    assert "secret" not in house.log


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    for word, expected in (("--version", __version__), ("--help", "--store")):
        with pytest.raises(SystemExit) as caught:
            app.main([word])
        assert caught.value.code == 0
        assert expected in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        app.main(["--nonsense"])
    assert caught.value.code == 2


def test_variables_are_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}
    monkeypatch.setenv("REELD_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("REELD_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("REELD_CONFIG", str(tmp_path / "c.toml"))
    (tmp_path / "c.toml").write_text("[record]\nfps = 7\n")
    monkeypatch.setattr(app, "run", lambda **words: seen.update(words))
    app.main([])
    assert (seen["runtime_dir"], seen["store_dir"]) == (tmp_path / "run", tmp_path / "store")
    assert callable(seen["read_config"])
    path, config = seen["read_config"]()
    assert (path, config.record.fps) == (tmp_path / "c.toml", 7)
    app.main(["--store", str(tmp_path / "other")])
    assert seen["store_dir"] == tmp_path / "other"
