"""The first list after a start of the daemon, of thousands of sessions: at once, a second later, what is disturbed."""

import argparse
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reeld_client import Client
from tests.bench import shelf
from tests.bench.measure import percentile
from tests.bench.rows import Row
from tests.support.desk import VirtualDesk
from tests.support.installation import Installation
from tests.support.wait import until

WARM_S = 1.0
LIST_MS_MAX = 100.0
TRIP_MS_MAX = 5.0


@dataclass
class First:
    """Milliseconds of the first list of a run of the daemon, and of round trips before it."""

    list_ms: float
    trips_ms: list[float] = field(default_factory=list)


def first_list(env: Mapping[str, str], prepared: Path, after_s: float) -> First:
    """Start a daemon with a copy of this store; list `after_s` after it is ready, asking for its status meanwhile."""
    with Installation(env) as installation:
        shutil.copytree(prepared, installation.store)
        command, variables = installation.command("reeld")
        with (Path(installation.runtime.parent) / "daemon.log").open("ab") as log:
            installation.daemon = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=log)
        until(lambda: "daemon.ready" in installation.log, 30, what="a daemon that is ready")
        ready = time.perf_counter()
        found = First(0.0)
        with Client(installation.runtime) as client:
            while time.perf_counter() - ready < after_s:
                began = time.perf_counter()
                client.status()
                found.trips_ms.append((time.perf_counter() - began) * 1e3)
                time.sleep(0.001)
            began = time.perf_counter()
            client.sessions()
            found.list_ms = (time.perf_counter() - began) * 1e3
        return found


def rows(env: Mapping[str, str], folder: Path, count: int, rounds: int = 3) -> list[Row]:
    """The best of some rounds each."""
    shelf.many_sessions(folder / "prepared", count)
    at_once = [first_list(env, folder / "prepared", 0.0) for _ in range(rounds)]
    later = [first_list(env, folder / "prepared", WARM_S) for _ in range(rounds)]
    shutil.rmtree(folder / "prepared")
    trips = min(later, key=lambda each: percentile(each.trips_ms, 0.99)).trips_ms
    cold_ms, warm_ms = min(each.list_ms for each in at_once), min(each.list_ms for each in later)
    p99_ms = percentile(trips, 0.99)
    work = f"list of {count:,} sessions by a client"
    return [
        Row(f"{work}, {WARM_S:g} s after the start", f"{warm_ms:.0f} ms", "", warm_ms, 2 * LIST_MS_MAX, "ms"),
        Row("... at once after the start", f"{cold_ms:.0f} ms", "", cold_ms, 20 * LIST_MS_MAX, "ms"),
        Row(
            "control round trip in that second, p99 (p50)",
            f"{p99_ms:.2f} ({percentile(trips, 0.5):.2f}) ms",
            "obs-websocket 7.0",
            p99_ms,
            TRIP_MS_MAX,
            "ms",
        ),
    ]


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=10_000)
    options = parser.parse_args()
    with VirtualDesk() as desk, tempfile.TemporaryDirectory(prefix="reeld-first-") as folder:
        for row in rows(desk.env, Path(folder), options.sessions):
            print(f"{row.work}: {row.ours} (bar {row.bar:g} {row.unit})")


if __name__ == "__main__":
    main()
