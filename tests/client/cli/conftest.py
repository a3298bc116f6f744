"""`reelctl` in this process, beside the fake daemon."""

from pathlib import Path

import pytest

from tests.client.cli.reelctl import Ran, Reelctl, in_process


@pytest.fixture
def reelctl(runtime: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Reelctl:
    """Runs `reelctl WORDS...` on the test's runtime directory."""
    monkeypatch.setenv("REELD_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("REELD_STORE", str(runtime / "store"))
    monkeypatch.setenv("COLUMNS", "120")

    def run(*words: str) -> Ran:
        return in_process(capfd, *words)

    return run
