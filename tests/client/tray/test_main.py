"""What `reel-tray` says where it cannot run. It says so at once, with an exit code."""

import builtins
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from reeld_client.tray.main import main


def test_without_the_extra_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    real = builtins.__import__

    def without_pillow(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "Xlib" or name.startswith("reeld_client.tray.xembed"):
            raise ModuleNotFoundError("No module named 'Xlib'", name="Xlib")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_pillow)
    with pytest.raises(SystemExit) as left:
        main(["--runtime", str(tmp_path), "--kind", "xembed"])
    assert left.value.code == 2
    assert "pip install 'reeld[tray]'" in capsys.readouterr().err


def test_without_a_display_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(SystemExit) as left:
        main(["--runtime", str(tmp_path), "--kind", "xembed"])
    assert left.value.code == 6
    assert "no X display" in capsys.readouterr().err


def test_the_client_and_reelctl_load_nothing_of_the_tray() -> None:
    code = "import sys, reeld_client.client, reeld_client.cli.main; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"PIL", "Xlib", "pystray", "reeld_client.tray"} & set(loaded)
