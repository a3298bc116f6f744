"""Stores with media, damaged copies of their files, and what a process of its own can still read of those."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from reeld.store.pages import PageFile
from tests.daemon.store.builders import NS, chunk, creation, land, new_store

CHUNKS = 40


def two_sessions(folder: Path) -> bytes:
    """A store of the sessions `one` and `two`; its file's bytes."""
    chance = random.Random(1)
    with new_store(folder, creation("one"), creation("two")) as store:
        for session in ("one", "two"):
            for first in range(0, CHUNKS, 10):
                spans = [(number * NS, (number + 1) * NS) for number in range(first, first + 10)]
                video = [chunk(*span, chance.randbytes(9000), session=session) for span in spans]
                sound = [chunk(*span, chance.randbytes(900), session=session, track="mix") for span in spans]
                land(store, *video, *sound)
    return (folder / "data.mdb").read_bytes()


def tree_pages(folder: Path) -> list[int]:
    """Pages that lead to others or hold records; besides, the two that lead to everything."""
    with closing(PageFile(folder / "data.mdb")) as file:
        meta = file.meta()
        trees = (meta.free, meta.main, *file._sub_trees(meta.main))
        return [0, 1, *(int.from_bytes(page[:8], "little") for tree in trees for page in file._pages_of(tree))]


def store_of(folder: Path, data: bytes) -> Path:
    folder.mkdir(mode=0o700)
    (folder / "data.mdb").write_bytes(data)
    return folder


@dataclass
class Finding:
    """outcome: `fine`, `faults` (of verify), `corrupt` (an error), `refused`, or the signal that ended the process."""

    outcome: str
    served: list[str]
    reasons: list[str]


def read_everything(folders: Iterable[Path]) -> list[Finding]:
    """Open, list, show, export and verify each store, each in a process of its own."""
    command = [sys.executable, "-m", "tests.support.store_prober", *map(str, folders)]
    env = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return [Finding(**json.loads(line)) for line in done.stdout.splitlines()]
