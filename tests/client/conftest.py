"""Runtime directories short enough for sockets, with and without a fake daemon."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.fake_reeld import FakeReeld, Server, serving


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
