"""Starts a real daemon on damaged copies of a store, uses it, and tells what came of it.

    python -m tests.support.damage_drive --cases 90 --seed 1 [--kind flip-head]... [--running]

prints a line of JSON for each case and a summary. The store and the jobs are real processes; capture and audio are
fakes, because nothing is recorded. --running: the file is damaged while the daemon serves it, not before its start.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from operator import methodcaller
from pathlib import Path
from typing import Any

from reeld.store import sessions
from reeld.store.environment import StoreEnvironment
from reeld.store.pages import PageFile
from reeld_client import Client
from reeld_proto.errors import EXIT_CODES, ErrorCode, ReeldError
from tests.daemon.export.cutting import capture
from tests.daemon.export.recording import NS, Recording
from tests.daemon.store.builders import chunk, creation, land
from tests.support.vandal import KINDS
from tests.support.wait import until

SESSIONS = ("one", "two", "three")
"""Sessions of real media; `many` has invented chunks, so many that its tables have branch pages."""

MANY = 1500
READY_S = 40.0
CLEAR = {EXIT_CODES[code] for code in (ErrorCode.CORRUPT, ErrorCode.NOT_FOUND)}


def prepare(folder: Path) -> bytes:
    """A store of four sessions in `folder`; its file's bytes."""
    for number, session in enumerate(SESSIONS):
        recording = Recording.new(folder, session=session, tracks=("video-1",))
        capture(recording, 40, first_number=40 * number, keyframes=(0, 20), chunk_frames=4)
        recording.finish(40 / 30)
        recording.store.close()
    with closing(StoreEnvironment.open_write(folder)) as store:
        with store.write() as txn:
            sessions.create(txn, creation("many"))
        for first in range(0, MANY, 100):
            land(
                store,
                *(
                    chunk(number * NS, (number + 1) * NS, b"%d" % number * 20, session="many")
                    for number in range(first, first + 100)
                ),
            )
    return (folder / "data.mdb").read_bytes()


def tree_pages(folder: Path) -> list[int]:
    """Pages that lead to others or hold rows, and the two that lead to everything."""
    with closing(PageFile(folder / "data.mdb")) as file:
        meta = file.meta()
        trees = (meta.free, meta.main, *file._sub_trees(meta.main))
        return [0, 1, *(int.from_bytes(page[:8], "little") for tree in trees for page in file._pages_of(tree))]


@dataclass
class Finding:
    """What a case came to. steps: exit code of each command; faults: what must never be."""

    kind: str
    seed: int
    damage: str
    steps: dict[str, int] = field(default_factory=dict)
    whole: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Reference:
    """The sound store: its bytes, tree pages, and what the export of each session is."""

    data: bytes
    tree: Sequence[int]
    exports: dict[str, bytes]


class Case:
    """One damaged store and the daemon on it."""

    def __init__(self, folder: Path, finding: Finding) -> None:
        self.folder = folder
        self.store, self.runtime = folder / "store", folder / "run"
        self.finding = finding
        self._log = (folder / "log").open("w+b")
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> bool:
        """Whether the daemon serves; where it leaves with a clear error instead, that is a step."""
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "REELD_STORE": str(self.store),
            "REELD_RUNTIME_DIR": str(self.runtime),
            "REAL_WORKERS": "store,export",
        }
        command = [sys.executable, "-m", "tests.support.fake_daemon"]
        self._daemon = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=self._log)
        try:
            until(self._is_up_or_gone, READY_S, what="the daemon")
        except AssertionError:
            self.finding.faults.append("the daemon hangs at its start")
            return False
        code = self._daemon.poll()
        if code is None:
            return True
        self.finding.steps["start"] = code
        last = self.log.strip().splitlines()[-2:]
        if code not in CLEAR:
            self.finding.faults.append(f"the daemon left with {code}: {last}")
        self._daemon = None
        return False

    def _is_up_or_gone(self) -> bool:
        assert self._daemon is not None
        if self._daemon.poll() is not None:
            return True
        with contextlib.suppress(ReeldError), self.client() as client:
            client.ping()
            return any(
                worker.name.startswith("store") and worker.state == "running" for worker in client.status().workers
            )
        return False

    def client(self) -> Client:
        return Client(self.runtime)

    def step(self, name: str, work: Callable[[Client], Any]) -> Any:
        """Carry out a command; its reply, or None with the exit code noted."""
        try:
            with self.client() as client:
                reply = work(client)
        except ReeldError as error:
            self.finding.steps[name] = code = error.exit_code
            if code not in CLEAR:
                self.finding.faults.append(f"{name}: {error.code} {error}")
            reply = None
        else:
            self.finding.steps[name] = 0
        if self._daemon is not None and (ended := self._daemon.poll()) is not None:
            self.finding.faults.append(f"{name}: the daemon died ({ended})")
            self._daemon = None
            self.start()
        return reply

    def stop(self) -> None:
        if self._daemon is not None:
            self._daemon.terminate()
            code: int | None
            try:
                code = self._daemon.wait(30)
            except subprocess.TimeoutExpired:
                self._daemon.kill()
                self._daemon.wait()
                code = -9
            if code:
                self.finding.faults.append(f"the daemon did not stop cleanly: {code}")
            self._daemon = None
        if "Traceback" in self.log or '"exception"' in self.log:
            self.finding.faults.append("a traceback in the log")

    def close(self) -> None:
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()
        self._log.close()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


def use(case: Case, exports: dict[str, bytes] | None) -> dict[str, bytes]:
    """What a person would do after a crash; the exports that succeeded. exports: those of the sound store."""
    made = {}
    case.step("sessions", lambda client: client.sessions())
    for session in (*SESSIONS, "many"):
        case.step(f"show {session}", methodcaller("show", session))
    for session in SESSIONS:
        path = case.folder / f"{session}.mp4"
        case.step(f"export {session}", methodcaller("export", session, path))
        if case.finding.steps[f"export {session}"] == 0:
            made[session] = path.read_bytes()
            if exports is not None and made[session] == exports[session]:
                case.finding.whole.append(session)
    verified = case.step("verify", lambda client: client.verify())
    if verified is not None and not verified.ok:
        case.finding.steps["verify"] = 7
    repaired = case.step("repair", lambda client: client.repair())
    if repaired is not None and repaired.remaining:
        case.finding.steps["repair"] = 7
    case.step("stats", lambda client: client.stats())
    case.step("list again", lambda client: client.sessions())
    return made


def reference(folder: Path) -> Reference:
    """Prepare a sound store and use it."""
    data = prepare(folder / "base")
    case = new_case(folder / "sound", data, Finding("none", 0, ""))
    try:
        assert case.start(), case.log
        exports = use(case, None)
        case.stop()
    finally:
        case.close()
    assert not case.finding.faults, (case.finding, case.log)
    # As a daemon left it, with what it notes beside the file.
    kept = folder / "kept"
    shutil.copytree(case.store, kept, ignore=shutil.ignore_patterns("*.sock"))
    return Reference((kept / "data.mdb").read_bytes(), tree_pages(kept), exports)


def new_case(folder: Path, data: bytes, finding: Finding, store: Path | None = None) -> Case:
    folder.mkdir(mode=0o700)
    if store is None:
        (folder / "store").mkdir(mode=0o700)
        (folder / "store" / "data.mdb").write_bytes(data)
    else:
        shutil.copytree(store, folder / "store", symlinks=True)
    return Case(folder, finding)


def run_case(folder: Path, sound: Reference, kind: str, seed: int, *, running: bool = False) -> tuple[Finding, str]:
    """Damage a copy, use it; what came of it, and the log."""
    chance = random.Random(f"{kind} {seed}")
    damaged = bytearray(sound.data)
    finding = Finding(kind, seed, KINDS[kind](chance, damaged, sound.tree))
    began = time.monotonic()
    case = new_case(folder, sound.data if running else bytes(damaged), finding)
    try:
        served = case.start()
        if served and running:
            case.step("before", lambda client: client.sessions())
            write_over(case.store / "data.mdb", sound.data, damaged)
        if served:
            use(case, sound.exports)
            case.stop()
        log = case.log
    finally:
        case.close()
    finding.seconds = round(time.monotonic() - began, 1)
    return finding, log


def write_over(path: Path, before: bytes, after: bytearray) -> None:
    """Change only the bytes that differ, in place, as a failing disk does."""
    with path.open("r+b") as file:
        if len(after) < len(before):
            file.truncate(len(after))
        for start in range(0, len(after), 512):
            if after[start : start + 512] != before[start : start + 512]:
                file.seek(start)
                file.write(after[start : start + 512])


def cases(kinds: Sequence[str], count: int, seed: int) -> Iterator[tuple[str, int]]:
    for number in range(count):
        yield kinds[number % len(kinds)], seed + number


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=45)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", action="append", choices=list(KINDS))
    parser.add_argument("--running", action="store_true")
    parser.add_argument("--log", action="store_true", help="print the log of cases with faults")
    options = parser.parse_args()
    tally: Counter[str] = Counter()
    whole = 0
    with tempfile.TemporaryDirectory(prefix="reeld-d-") as name:
        sound = reference(Path(name))
        for number, (kind, seed) in enumerate(cases(options.kind or list(KINDS), options.cases, options.seed)):
            folder = Path(name) / f"c{number}"
            finding, log = run_case(folder, sound, kind, seed, running=options.running)
            shutil.rmtree(folder)
            whole += len(finding.whole)
            tally["with faults" if finding.faults else "clear"] += 1
            print(json.dumps(asdict(finding)), flush=True)
            if finding.faults and options.log:
                print(log[-3000:], flush=True)
    print(json.dumps({**tally, "sessions exported whole": whole, "of": len(SESSIONS) * options.cases}))


if __name__ == "__main__":
    main()
