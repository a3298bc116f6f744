"""A session of five seconds: 150 numbered pictures, a beep in the mix and in the microphone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.export.recording import Recording


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    made = Recording.new(tmp_path / "store")
    yield made
    made.store.close()
