"""`make bench`: every budget that can be measured now, ours beside the peer's, in one run.

`--short` takes a few seconds a row and checks only that every row can be measured; it fails on a bar
of CPU or memory that is missed by far.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from reeld_client import Client
from tests.bench import enriching, first_list, library, measure, reviewing, scenes, sounding, store_rows, video
from tests.bench.rows import Row
from tests.support.desk import VirtualDesk
from tests.support.installation import Installation

console = Console(width=110)


def latency_rows(installation: Installation, rounds: int) -> list[Row]:
    """Start to first frame on a warm daemon, and the control round trip while recording."""
    first_ms = []
    trips_ms = []
    with Client(installation.runtime) as client:
        for _ in range(rounds):
            started = client.start(displays=["LEFT"], microphone="none", system_audio="none")
            assert started.first_frame_ms is not None
            first_ms.append(started.first_frame_ms)
            for _ in range(100):
                began = time.perf_counter()
                client.status()
                trips_ms.append((time.perf_counter() - began) * 1e3)
            client.stop()
            while (
                any(worker.state not in ("ready", "running") for worker in client.status().workers)
                or len(client.status().workers) < 3
            ):
                time.sleep(0.05)
    p50, p95 = measure.percentile(first_ms, 0.5), measure.percentile(first_ms, 0.95)
    trip50, trip99 = measure.percentile(trips_ms, 0.5), measure.percentile(trips_ms, 0.99)
    return [
        Row(
            f"start to first frame, warm, {rounds} starts",
            f"p50 {p50:.0f} p95 {p95:.0f} ms",
            "ffmpeg 110, SSR 810",
            p95,
            150,
            "ms p95",
        ),
        Row("control round trip while recording, p50", f"{trip50:.2f} ms", "obs-websocket 1.03", trip50, 0.5, "ms"),
        Row("control round trip while recording, p99", f"{trip99:.2f} ms", "obs-websocket 7.0", trip99, 5, "ms"),
    ]


def memory_rows(desk: VirtualDesk, installation: Installation, seconds: float) -> list[Row]:
    """PSS of all processes, idle and while recording motion."""
    idle = measure.pss_bytes(measure.pids_of(installation)) / 1e6
    process = desk.spawn(*scenes.MOTION, stdout=subprocess.DEVNULL)
    installation.ok("start", "--display", "LEFT", "--mic", "none", "--system-audio", "none")
    time.sleep(min(6.0, 2 * seconds))
    recording = measure.pss_bytes(measure.pids_of(installation)) / 1e6
    installation.ok("stop")
    process.kill()
    process.wait()
    return [
        Row("memory of all processes, idle", f"{idle:.0f} MB PSS", "", idle, 180, "MB"),
        Row("memory of all processes, recording 1080p30", f"{recording:.0f} MB PSS", "", recording, 400, "MB"),
    ]


def library_rows(folder: Path, *, short: bool) -> list[Row]:
    """Lists, searches and opening of large stores, beside plain SQLite."""
    return [
        Row(
            each.work,
            f"{each.ours_ms:.1f} ms",
            "" if each.peer_ms is None else f"SQLite {each.peer_ms:.1f}",
            each.ours_ms,
            each.bar_ms,
            "ms",
        )
        for each in library.findings(folder, short=short)
    ]


def report(rows: list[Row]) -> None:
    """Print the table."""
    table = Table(title="reeld beside its peers")
    for column in ("work", "ours", "peer", "ratio or value", "bar", ""):
        table.add_column(column)
    for row in rows:
        mark = "[green]met[/green]" if row.met else "[red]missed[/red]"
        table.add_row(row.work, row.ours, row.peer, f"{row.value:.3g} {row.unit}", f"{row.bar:g}", mark)
    console.print(table)


def main() -> int:
    """Measure and print; 1 if a bar was missed. The short mode runs beside other work: only CPU and memory count."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    seconds, rounds = (3.0, 2) if options.short else (20.0, 20)
    with tempfile.TemporaryDirectory() as folder:
        with VirtualDesk() as desk, Installation(desk.env) as installation:
            installation.start_daemon()
            rows = memory_rows(desk, installation, seconds)
            rows += video.rows(desk, installation, seconds, Path(folder), short=options.short)
            rows += latency_rows(installation, rounds)
            rows += library_rows(Path(folder), short=options.short)
            rows += first_list.rows(
                desk.env, Path(folder), 1_000 if options.short else 10_000, 1 if options.short else 3
            )
            rows += store_rows.rows(Path(folder), short=options.short)
        rows += sounding.rows(Path(folder), short=options.short)
        if not options.short:  # `--short` of each of these alone takes half a minute
            rows += reviewing.rows(Path(folder), short=False)
            rows += enriching.rows(Path(folder), short=False)
    report(rows)
    if options.short:
        return int(any(row.value > 1.5 * row.bar for row in rows if row.unit in ("x", "MB")))
    return int(not all(row.met for row in rows))


if __name__ == "__main__":
    sys.exit(main())
