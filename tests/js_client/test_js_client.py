"""A client in another language, written from PROTOCOL.md alone. Harm guarded against: a protocol that only our own
library can speak."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

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


def recorded(path: Path) -> Any:
    """What the client says of its recording, which it exports to `path`."""
    environment = {**os.environ, "NODE_PATH": str(node_modules())}
    with Installation(os.environ) as installation:
        installation.start_daemon()
        command = ["node", str(HERE / "record.js"), str(installation.runtime), str(path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{done.stderr}\n{installation.log[-3000:]}"
    return json.loads(done.stdout)


def test_it_records_to_a_file_that_plays_and_hears_every_state(tmp_path: Path) -> None:
    path = tmp_path / "recording.mp4"
    said = recorded(path)
    assert said["started"]["state"] == "active"
    assert said["twice"] == "wrong-state"
    assert said["states"] == ["starting", "active", "ending", "persisting", "completed"]
    assert said["stopped"]["state"] == "completed"
    assert said["stopped"]["duration_s"] >= 1.0
    assert said["exported"]["bytes"] == path.stat().st_size
    shown = list(media.frames(path))
    assert len(shown) >= 8
    assert shown[0].rgb.shape == (480, 640, 3)
