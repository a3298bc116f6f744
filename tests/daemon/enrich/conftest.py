"""A shelf of sessions for the tests of this box."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.enrich.library import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path / "store")
    yield made
    made.close()
