"""A store that rots is noticed, mended, and healed. Harm guarded against: damage that nobody hears of until the day the
recording is needed, and a repair that throws good media away."""

import shutil
import time
from pathlib import Path
from typing import Any

import lmdb
import pytest

from tests.support import media
from tests.support.desk import VirtualDesk
from tests.support.installation import Installation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
RECORDED_S = 4.0


def largest_chunk(store: Path) -> bytes:
    """Damages the largest chunk of a store that nobody has open, by one flipped bit; its digest."""
    with lmdb.open(str(store), max_dbs=64, map_size=1 << 30) as raw:
        chunks = raw.open_db(b"chunks", create=False)
        with raw.begin(write=True, db=chunks) as txn:
            key, value = max(txn.cursor(), key=lambda row: len(row[1]))
            flipped = bytearray(value)
            flipped[len(flipped) // 2] ^= 1
            txn.put(key, bytes(flipped))
            return bytes(key)


def record(installation: Installation) -> Any:
    # A snapshot of the same screen would be one chunk of both sessions.
    installation.ok("start", "--display", "LEFT", "--mic", "none", "--system-audio", "none", "--no-snapshots")
    time.sleep(RECORDED_S)
    return installation.ok("stop")


def reasons(installation: Installation, session: str) -> set[str]:
    """Why media is missing; a busy machine may have dropped some by itself."""
    return {gap["reason"] for gap in installation.ok("show", session)["gaps"]}


@pytest.mark.long
def test_damage_is_found_set_aside_and_healed_from_a_second_copy(tmp_path: Path, x_desk: VirtualDesk) -> None:
    with Installation(x_desk.env) as installation:
        installation.start_daemon()
        kept, hurt = record(installation), record(installation)
        installation.stop_daemon()
        shutil.copytree(installation.store, tmp_path / "copy", ignore=shutil.ignore_patterns("lock.mdb", "store.lock"))
        digest = largest_chunk(installation.store).hex()
        installation.start_daemon()

        verified = installation.ctl("verify")
        assert verified.code == 7
        assert {(fault["kind"], fault["chunk"]) for fault in verified.json["faults"]} == {("chunk-damaged", digest)}
        damaged = verified.json["faults"][0]["session"]
        whole = ({kept["session"], hurt["session"]} - {damaged}).pop()
        (scrub,) = [task for task in installation.ok("upkeep", "run", "scrub")["tasks"] if task["kind"] == "scrub"]
        assert "1 damaged" in scrub["detail"]

        repaired = installation.ok("repair")
        assert (repaired["quarantined"], repaired["healed"], repaired["remaining"]) == ([digest], [], [])
        assert installation.ok("verify")["ok"]
        assert "damaged" in reasons(installation, damaged)
        assert "damaged" not in reasons(installation, whole)
        installation.ok("export", whole, "-o", str(tmp_path / "whole.mp4"))

        healed = installation.ok("repair", "--from", str(tmp_path / "copy"))
        assert (healed["healed"], healed["quarantined"]) == ([digest], [])
        assert installation.ok("verify")["ok"]
        assert "damaged" not in reasons(installation, damaged)
        exported = installation.ok("export", damaged, "-o", str(tmp_path / "healed.mp4"))
        assert exported["duration_s"] >= RECORDED_S - 0.2
        assert len(list(media.frames(tmp_path / "healed.mp4"))) > 1


def test_upkeep_is_paused_resumed_and_shown_in_stats(x_desk: VirtualDesk) -> None:
    with Installation(x_desk.env) as installation:
        installation.start_daemon()
        assert {task["state"] for task in installation.ok("upkeep", "pause")["tasks"]} == {"paused"}
        assert {task["state"] for task in installation.ok("stats")["upkeep"]} == {"paused"}
        assert {task["state"] for task in installation.ok("upkeep", "resume")["tasks"]} == {"idle"}
        refused = installation.ctl("upkeep", "run", "dust")
        assert refused.code == 2
        assert "scrub" in refused.json["error"]["remedy"]


@pytest.mark.long
def test_a_check_of_limited_time_goes_on_where_the_last_one_stopped(x_desk: VirtualDesk) -> None:
    with Installation(x_desk.env) as installation:
        installation.start_daemon()
        record(installation)
        total = installation.ok("verify")["checked_chunks"]
        met = set()
        for _ in range(total):
            found = installation.ok("verify", "--max-duration", "0")
            assert (found["checked_chunks"], found["complete"]) == (1, total == 1)
            met.add(found["next_chunk"])
        assert len(met) == total
