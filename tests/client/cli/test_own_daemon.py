"""The daemon of `record`'s own, played by a stand-in that misbehaves as told."""

import os
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from reeld_client import Client
from reeld_client.cli import own_daemon
from reeld_client.cli.own_daemon import OwnDaemon
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected, TransportError
from tests.support.wait import until


def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> None:
    """Let `reeld.app.main` be this function body, in processes started from now on."""
    package = tmp_path / "reeld"
    package.mkdir()
    (package / "__init__.py").touch()
    text = "import os, signal, sys, time\nfrom pathlib import Path\n\n\ndef main():\n"
    (package / "app.py").write_text(text + textwrap.indent(textwrap.dedent(body), "    "))
    path = [str(tmp_path), *(entry for entry in sys.path if entry)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))


TALKS = """
    from tests.client.fake_reeld import FakeReeld, serving
    runtime = Path(sys.argv[sys.argv.index("--runtime") + 1])
    store = Path(sys.argv[sys.argv.index("--store") + 1])
    told, tell = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(tell, b"stop"))
    with serving(FakeReeld(), runtime):
        os.read(told, 1)
    store.mkdir(exist_ok=True)
    (store / "ended").write_text("well")
"""


def test_it_is_ready_when_entered_and_gone_when_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_leaks: None
) -> None:
    stand_in(monkeypatch, tmp_path, TALKS)
    with OwnDaemon(tmp_path / "store") as daemon:
        runtime = daemon.runtime
        assert runtime.stat().st_mode & 0o777 == 0o700
        with Client(runtime) as client:
            client.ping()
    assert not runtime.exists()
    assert (tmp_path / "store" / "ended").read_text() == "well"


def test_it_ends_also_when_the_block_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path, TALKS)
    with pytest.raises(ZeroDivisionError), OwnDaemon(tmp_path / "store"):
        raise ZeroDivisionError
    assert (tmp_path / "store" / "ended").exists()


@pytest.mark.parametrize(
    ("exit_code", "kind", "code"),
    [
        (4, RequestRejected, ErrorCode.ALREADY_RUNNING),
        (6, RequestRejected, ErrorCode.DISK_FAILED),
        (70, InternalError, ErrorCode.INTERNAL),
        (1, InternalError, ErrorCode.INTERNAL),
    ],
)
def test_what_a_daemon_complains_of_reaches_the_person(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exit_code: int, kind: type[Exception], code: ErrorCode
) -> None:
    said = 'print("reeld: the store is held by process 5", file=sys.stderr); print("Stop it.", file=sys.stderr)\n'
    stand_in(monkeypatch, tmp_path, f"print('noise')\n{said}sys.exit({exit_code})")
    with pytest.raises(kind, match="held by process 5") as caught:
        OwnDaemon(tmp_path / "store").__enter__()
    error: Any = caught.value
    assert (error.code, error.remedy) == (code, "Stop it.")


def test_a_daemon_that_leaves_in_silence_or_with_a_traceback_is_told_with_its_last_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(monkeypatch, tmp_path, "raise RuntimeError('broken inside')")
    with pytest.raises(InternalError, match="exit code 1") as caught:
        OwnDaemon(tmp_path / "store").__enter__()
    assert "broken inside" in caught.value.remedy


def test_a_daemon_that_never_gets_ready_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path, "time.sleep(60)")
    monkeypatch.setattr(own_daemon, "_READY_WITHIN_S", 0.5)
    daemon = OwnDaemon(tmp_path / "store")
    with pytest.raises(TransportError, match="ready"):
        daemon.__enter__()
    assert not daemon.runtime.exists()


def test_a_daemon_that_ignores_the_wish_to_stop_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    deaf = TALKS.replace('lambda *_: os.write(tell, b"stop")', "signal.SIG_IGN")
    stand_in(monkeypatch, tmp_path, deaf)
    monkeypatch.setattr(own_daemon, "_GONE_WITHIN_S", 0.3)
    with OwnDaemon(tmp_path / "store") as daemon:
        process = daemon._process
    assert process is not None
    assert process.returncode == -9


def test_a_daemon_leaves_when_its_starter_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path, TALKS)
    with OwnDaemon(tmp_path / "store") as daemon:
        process = daemon._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()
        until(lambda: process.poll() is not None, what="the end of the daemon")
        assert process.returncode == 0


def test_without_the_extra_a_person_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(own_daemon, "find_spec", lambda name: None if name == "av" else find_spec(name))
    with pytest.raises(TransportError, match="not installed") as caught:
        OwnDaemon(tmp_path / "store").__enter__()
    assert "reeld[daemon]" in caught.value.remedy
    assert caught.value.faults == ("missing module: av",)
    assert caught.value.exit_code == 3
