"""Two moving 1080p displays recorded for a long time: `python -m tests.bench.endurance --minutes 10`.

Nothing may be dropped, and the memory of all processes at the end must be what it was after a fifth of the time. Prints
what it found; 1 if that does not hold.
"""

import argparse
import subprocess
import sys
import time
from itertools import pairwise

from tests.bench import measure, scenes
from tests.support.desk import VirtualDesk
from tests.support.installation import Installation

GROWTH_MAX = 1.05
SETTLED_SHARE = 0.2
"""After this share of the time caches are warm and standbys are up."""
LOOK_EVERY_S = 5.0


def main() -> int:
    """Record, and judge."""
    parser = argparse.ArgumentParser(prog="endurance")
    parser.add_argument("--minutes", type=float, default=10.0)
    options = parser.parse_args()
    with VirtualDesk() as desk, Installation(desk.env) as installation:
        installation.start_daemon()
        for x in (0, scenes.WIDTH):
            desk.spawn(*scenes.MOTION, str(x), stdout=subprocess.DEVNULL)
        time.sleep(2)
        session = installation.ok("start", "--layout", "grid", "--mic", "none", "--system-audio", "none")["session"]
        pss = _watch(installation, options.minutes * 60)
        stopped = installation.ok("stop")
        verified = installation.ok("verify", session, timeout_s=600)
    track = stopped["tracks"][0]
    settled, last = pss[int(len(pss) * SETTLED_SHARE)], pss[-1]
    sys.stdout.write(
        f"{stopped['duration_s']:.0f} s, {track['frames']} frames, {track['dropped']} dropped,"
        f" {track['bytes'] / 1e6:.0f} MB; PSS {settled / 1e6:.1f} MB after a fifth, {last / 1e6:.1f} MB at the end"
        f" ({last / settled:.3f} x, highest {max(pss) / 1e6:.1f}), largest step"
        f" {max(abs(b - a) for a, b in pairwise(pss)) / 1e6:.1f} MB; verify {'ok' if verified['ok'] else 'NOT ok'}\n"
    )
    return int(track["dropped"] > 0 or last > GROWTH_MAX * settled or not verified["ok"] or bool(stopped["gaps"]))


def _watch(installation: Installation, seconds: float) -> list[int]:
    """Memory of all processes, every few seconds."""
    found = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(LOOK_EVERY_S, seconds / 10))
        found.append(measure.pss_bytes(measure.pids_of(installation)))
    return found


if __name__ == "__main__":
    sys.exit(main())
