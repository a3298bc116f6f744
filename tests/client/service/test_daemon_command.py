"""The command of the service. Harm guarded against: recordings that land where their owner does not look for them."""

import sys
from pathlib import Path

import pytest

from reeld_client.service import daemon_command as module
from reeld_client.service.daemon_command import daemon_command
from reeld_proto.endpoints import default_runtime_dir, default_store_dir
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.client.conftest import Program


@pytest.fixture
def python(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Python that runs us is elsewhere, with nothing beside it."""
    path = home.parent / "venv" / "python"
    path.parent.mkdir()
    monkeypatch.setattr(sys, "executable", str(path))
    return path


def test_nothing_is_said_that_the_daemon_chooses_by_itself(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "run"))
    found = daemon_command(home / "run" / "reeld", home / ".local" / "share" / "reeld")
    assert len(found.words) == 1
    assert found.own_runtime


def test_what_the_shells_variables_choose_is_chosen_for_the_service_too(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELD_RUNTIME_DIR", str(home / "sockets"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("REELD_CONFIG", str(home / "reeld.toml"))
    found = daemon_command(default_runtime_dir(), default_store_dir())
    assert found.words[1:] == [
        *("--runtime", str(home / "sockets")),
        *("--store", str(home / "data" / "reeld")),
        *("--config", str(home / "reeld.toml")),
    ]
    assert not found.own_runtime


def test_the_daemon_beside_this_python_goes_before_another_on_the_path(python: Path, program: Program) -> None:
    program("reeld", "")
    elsewhere = python.parent.parent / "bin" / "reeld"
    assert daemon_command(Path("/r"), Path("/s")).words[0] == str(elsewhere)
    beside = python.parent / "reeld"
    elsewhere.rename(beside)
    assert daemon_command(Path("/r"), Path("/s")).words[0] == str(beside)


def test_without_a_script_the_module_is_run(python: Path) -> None:
    assert daemon_command(Path("/r"), Path("/s")).words[:3] == [str(python), "-m", "reeld"]


def test_without_a_daemon_nothing_is_installed(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(RequestRejected, match="not installed") as caught:
        daemon_command(Path("/r"), Path("/s"))
    assert caught.value.code == ErrorCode.NOT_FOUND
    assert "pip install" in caught.value.remedy
