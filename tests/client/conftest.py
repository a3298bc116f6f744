"""Runtime directories short enough for sockets, with and without a fake daemon; a home and a PATH of a test's own."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.client.fake_reeld import FakeReeld, Server, serving

Program = Callable[[str, str], None]


@pytest.fixture
def runtime() -> Iterator[Path]:
    """An empty runtime directory; pytest's own folders are too long for a socket on macOS."""
    with tempfile.TemporaryDirectory(prefix="rt-") as folder:
        yield Path(folder)


@pytest.fixture
def fake() -> FakeReeld:
    """The daemon behind `server`."""
    return FakeReeld()


@pytest.fixture
def server(fake: FakeReeld, runtime: Path) -> Iterator[Server]:
    """The fake daemon at `runtime`."""
    with serving(fake, runtime) as one:
        yield one


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """HOME, and an empty PATH beside the shell's own tools."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "REELD_CONFIG", "REELD_STORE", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "home").mkdir()
    (tmp_path / "bin").mkdir()
    return tmp_path / "home"


@pytest.fixture
def program(home: Path) -> Program:
    """Puts a program with this name and Python source on the PATH."""

    def write(name: str, source: str) -> None:
        path = home.parent / "bin" / name
        path.write_text(f"#!{sys.executable} -SE\n{source}")
        path.chmod(0o755)

    return write
