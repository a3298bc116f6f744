"""A store with one session of two tracks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.store.environment import StoreEnvironment
from tests.daemon.store.builders import creation, new_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreEnvironment]:
    with new_store(tmp_path / "store", creation()) as opened:
        yield opened
