"""Client and daemon find each other, and a path that no socket can have is refused in words."""

import os
import sys
from pathlib import Path

import pytest

from reeld_proto.endpoints import (
    SOCKET_PATH_BYTES_MAX,
    Endpoints,
    default_runtime_dir,
    default_store_dir,
    plain_runtime_dir,
    plain_store_dir,
)
from reeld_proto.errors import RequestRejected

_NAMES = ("control", "events", "workers", "telemetry", "ingest", "commits")


def test_every_socket_is_in_the_runtime_directory_and_none_twice() -> None:
    endpoints = Endpoints(Path("/run/user/1/reeld"))
    addresses = [getattr(endpoints, name) for name in _NAMES]
    assert addresses == [f"ipc:///run/user/1/reeld/{name}.sock" for name in _NAMES]


@pytest.mark.parametrize("letter", ["a", "é"])
def test_a_path_too_long_for_a_socket_is_refused_with_a_remedy(letter: str) -> None:
    """ZeroMQ would say `File name too long`, and macOS at another length than Linux."""
    longest = len("/telemetry.sock")
    fits = letter * ((SOCKET_PATH_BYTES_MAX - longest - 1) // len(letter.encode()))
    assert Endpoints(Path(f"/{fits}")).control.endswith("control.sock")
    with pytest.raises(RequestRejected, match="too long") as caught:
        Endpoints(Path(f"/{fits}{letter}{letter}"))
    assert "--runtime" in caught.value.remedy


def test_the_longest_socket_fits_where_the_directory_is_accepted() -> None:
    room = SOCKET_PATH_BYTES_MAX - max(len(f"/{name}.sock") for name in _NAMES)
    endpoints = Endpoints(Path("/" + "a" * (room - 1)))
    for name in _NAMES:
        path = getattr(endpoints, name).removeprefix("ipc://")
        assert len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX


def test_the_environment_chooses_the_runtime_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REELD_RUNTIME_DIR", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "xdg"))
    assert default_runtime_dir() == tmp_path / "own"
    monkeypatch.setenv("REELD_RUNTIME_DIR", "")
    assert default_runtime_dir() == tmp_path / "xdg" / "reeld"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert default_runtime_dir().name == f"reeld-{os.getuid()}"


def test_relative_choices_do_not_depend_on_where_the_daemon_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELD_RUNTIME_DIR", "run")
    monkeypatch.setenv("REELD_STORE", "store")
    assert default_runtime_dir() == Path.cwd() / "run"
    assert default_store_dir() == Path.cwd() / "store"


@pytest.mark.skipif(sys.platform == "darwin", reason="the platform's own folder is elsewhere")
def test_the_store_is_with_the_users_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("REELD_STORE", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_store_dir() == tmp_path / "reeld"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_store_dir() == tmp_path / ".local" / "share" / "reeld"


def test_a_service_manager_that_knows_no_variables_of_ours_has_places_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REELD_RUNTIME_DIR", "/elsewhere")
    monkeypatch.setenv("REELD_STORE", "/elsewhere")
    monkeypatch.setenv("XDG_DATA_HOME", "/elsewhere")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert plain_runtime_dir() == tmp_path / "reeld"
    assert plain_store_dir().is_relative_to(tmp_path)
