"""Stand-ins for programs of the desktop."""

from pathlib import Path

import pytest

from tests.client.tray.stand_ins import StandIns


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    """None yet; `make` them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return StandIns(folder, monkeypatch)
