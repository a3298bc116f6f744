"""Programs of the desktop, played by scripts that note how they were called."""

import os
from pathlib import Path

import pytest


class StandIns:
    """A folder at the front of PATH."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def alone(self) -> None:
        """Nothing else is found on PATH."""
        self._monkeypatch.setenv("PATH", str(self.folder))

    def make(self, name: str, status: int = 0) -> None:
        """A program that notes its arguments and leaves with `status`."""
        note = self.folder / f"{name}.said"
        script = self.folder / name
        script.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >{note}.new && mv {note}.new {note}\nexit {status}\n")
        script.chmod(0o755)

    def said(self, name: str) -> list[str]:
        """The arguments of the last call; none when it was not called."""
        note = self.folder / f"{name}.said"
        return note.read_text().splitlines() if note.exists() else []
