"""A shelf of sessions for the tests of this box."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.enrich import saga
from tests.daemon.enrich.library import Shelf
from tests.daemon.enrich.queueing import Desk, Hand


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path / "store")
    yield made
    made.close()


@pytest.fixture
def desk(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(saga, "FIRST_RETRY_S", 0.01)
    shelf.pages("s", [[1, 2], [3, 4], [5, 6], [7, 8]])
    return Desk(shelf, Hand(shelf))
