"""A client in another language, written from PROTOCOL.md alone. Harm guarded against: a protocol that only our own
library can speak."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import media
from tests.support.installation import Installation

HERE = Path(__file__).parent


def node_modules() -> Path:
    """What package.json names, installed once into this user's cache; another package.json, another place."""
    manifest = (HERE / "package.json").read_bytes()
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = base / "reeld-tests" / f"js-{hashlib.sha256(manifest).hexdigest()[:16]}"
    if (place / ".complete").exists():
        return place / "node_modules"
    for program in ("node", "npm"):
        assert shutil.which(program), f"{program} is missing: run `.ci/install test`, or install Node.js"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    (place / "package.json").write_bytes(manifest)
    # zeromq carries a built addon for the usual platforms; nobody's install scripts need to run.
    words = ["npm", "install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund"]
    done = subprocess.run(words, cwd=place, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, f"npm could not install {HERE / 'package.json'}; is there a network?\n{done.stderr}"
    (place / ".complete").touch()
    return place / "node_modules"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the client says of its recording, and the file it exported."""
    path = tmp_path_factory.mktemp("js") / "recording.mp4"
    environment = {**os.environ, "NODE_PATH": str(node_modules())}
    with Installation(os.environ) as installation:
        installation.start_daemon()
        command = ["node", str(HERE / "record.js"), str(installation.runtime), str(path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{done.stderr}\n{installation.log[-3000:]}"
    return {**json.loads(done.stdout), "path": path}


def test_it_records_to_a_file_that_plays(recorded: Any) -> None:
    assert recorded["started"]["state"] == "active"
    assert recorded["stopped"]["state"] == "completed"
    assert recorded["stopped"]["duration_s"] >= 1.0
    assert recorded["exported"]["bytes"] == recorded["path"].stat().st_size
    shown = list(media.frames(recorded["path"]))
    assert len(shown) >= 12
    assert shown[0].rgb.shape == (480, 640, 3)


def test_it_hears_every_state_of_its_session(recorded: Any) -> None:
    heard = recorded["states"]
    assert [state for state in heard if state in {"active", "ending", "completed"}] == ["active", "ending", "completed"]


def test_it_is_told_by_a_stable_code_what_was_refused(recorded: Any) -> None:
    assert recorded["twice"] == "wrong-state"
