"""Deleting for good, through the whole installation. Harm guarded against: what was deleted can still be read in the
file; a collection takes something that is needed; the file stays as large as it ever was."""

import hashlib
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Stage
from tests.support.installation import Installation

pytestmark = [pytest.mark.slow, pytest.mark.paired, pytest.mark.timeout(180)]

RECORDED_S = 4.0
SECRET = "tell-nobody-4a1f6c0b92-about-the-merger-of-7d3e88"
"""A marker's text, which must not survive its session."""

CHUNKS = """
import sys
from pathlib import Path
from reeld.store.environment import StoreEnvironment
from reeld.store.transaction import Table
store = StoreEnvironment.open_read(Path(sys.argv[1]))
with store.read() as txn:
    for digest, data in txn.scan(Table.CHUNKS):
        print(digest.hex(), data.hex())
"""


def chunks_of(installation: Installation) -> dict[str, bytes]:
    """Every chunk in the store, by its digest."""
    done = subprocess.run(
        [sys.executable, "-c", CHUNKS, str(installation.store)],
        env={"PYTHONPATH": ":".join(sys.path)},
        check=True,
        capture_output=True,
        text=True,
    )
    found = dict(line.split() for line in done.stdout.splitlines())
    return {digest: bytes.fromhex(data) for digest, data in found.items()}


def pieces(data: bytes) -> list[bytes]:
    """64-byte pieces that nothing else has by chance: of the compressed media, not of the headers before it.

    Sound that was silent for a moment is a few bytes over and over, like a page of zeros.
    """
    found = [data[at : at + 64] for at in range(len(data) // 2, len(data) - 64, 64)]
    return [piece for piece in found if len(set(piece)) > 16][:200]


@pytest.fixture(scope="module")
def collected(stage: Stage) -> Any:
    """Two recordings, of which one is deleted."""
    with Installation(stage.desk.env) as installation:
        installation.start_daemon()
        sessions = []
        for name in ("kept", "gone"):
            sessions.append(installation.ok("start", "--name", name, "--mic", "virtual_mic")["session"])
            if name == "gone":
                installation.ok("mark", SECRET)
            time.sleep(RECORDED_S)  # the passing of time is what is recorded
            installation.ok("stop")
        file = installation.store / "data.mdb"
        before = chunks_of(installation)
        found: dict[str, Any] = {"secret_before": SECRET.encode() in file.read_bytes()}
        found["deleted"] = installation.ok("delete", sessions[1], "--yes")
        found["dry"] = installation.ok("gc", "--dry-run")
        found["told"] = installation.ctl("gc", "--dry-run").out
        found["dry_kept"] = len(chunks_of(installation)) == len(before)
        found["done"] = installation.ok("gc")
        after = chunks_of(installation)
        raw = file.read_bytes()
        gone = {digest: data for digest, data in before.items() if digest not in after}
        kept = b"".join(after.values())
        found["survivors"] = [
            digest for digest, data in gone.items() if any(piece in raw and piece not in kept for piece in pieces(data))
        ]
        found["gone"], found["raw"] = gone, raw
        found["again"] = installation.ok("gc")
        found["verify"] = installation.ok("verify")
        found["size"] = file.stat().st_size
        found["compacted"] = installation.ctl("upkeep", "run", "compact")
        found["size_after"] = file.stat().st_size
        found["sessions"] = installation.ok("sessions")
        found["verify_after"] = installation.ok("verify")
        found["export"] = installation.ok("export", sessions[0], "-o", str(installation.store.parent / "kept.mp4"))
        found["log"] = installation.log
        return found


def test_a_dry_run_says_what_would_go_and_why_and_takes_nothing(collected: Any) -> None:
    assert collected["dry"]["chunks"] == collected["done"]["chunks"] > 0
    assert collected["dry"]["bytes"] == collected["deleted"]["freed_bytes"]
    assert "was deleted" in collected["told"]
    assert collected["dry_kept"]


def test_bytes_and_texts_are_gone_from_the_file(collected: Any) -> None:
    assert collected["secret_before"]
    assert SECRET.encode() not in collected["raw"]
    assert len(collected["gone"]) == collected["done"]["chunks"]
    assert all(hashlib.sha256(data).hexdigest() == digest for digest, data in collected["gone"].items())
    assert collected["survivors"] == []
    assert collected["done"]["complete"]
    assert collected["done"]["erased_bytes"] >= collected["done"]["bytes"]


def test_a_second_collection_finds_nothing(collected: Any) -> None:
    assert collected["again"]["chunks"] == 0


def test_what_was_not_deleted_is_sound(collected: Any) -> None:
    assert collected["verify"]["ok"]
    assert collected["verify_after"]["ok"]
    assert Path(collected["export"]["path"]).suffix == ".mp4"


def test_compaction_makes_the_file_smaller_under_a_running_daemon(collected: Any) -> None:
    assert collected["compacted"].code == 0, collected["compacted"].err
    assert collected["size_after"] < collected["size"]
    assert collected["log"].count("compact.done") == 1
