"""One cluster for all tests of it."""

from collections.abc import Iterator

import pytest

from tests.support.cluster import two_machines


@pytest.fixture(scope="package")
def scheduler() -> Iterator[str]:
    with two_machines() as address:
        yield address
