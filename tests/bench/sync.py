"""Sound and picture over a long recording of real devices: `python -m tests.bench.sync --minutes 10`.

Every ten seconds the screen flashes and a beep sounds, at one known instant, in the speakers and in a microphone whose
crystal is 80 ppm fast (a PulseAudio pipe source). What a player shows of the exported file is compared with those
instants: the offset of each track and of its picture, and how it changes. Prints what it found; 1 if a sound leaves the
session by more than 10 ms from its first beep on, or its flash by 40 ms, or moves by 1 ms a minute.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

import numpy as np

from reeld.audio.clockfit import slope
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import name_key
from reeld.store.records import SessionRecord
from reeld.store.transaction import Table
from tests.bench import measure
from tests.support import media
from tests.support.desk import Monitor, VirtualDesk
from tests.support.installation import Installation
from tests.support.speaker import BEEP_HZ

EVERY_S = 10
FIRST_S = 5
AHEAD_S = 1.0
"""So long before its instant a beep is ordered."""
SESSION_S_MAX = 0.010
FLASH_S_MAX = 0.040
SLOPE_S_MAX = 0.001 / 60
NEAR_S = 0.3
FOUND_SHARE_MIN = 0.9
"""A busy machine loses a flash or splits a beep now and then."""
MONITOR = Monitor("LEFT", 0, 0, 1280, 720)
SPEAKER = ("tests.support.speaker", "--sink", "speakers", "--tone", "300", "--level", "0.1")
PAINTER = ("tests.support.painter", "--at", "0,0,1280,720", "--fps", "5", "--tint", "40,60,90")


class Stage:
    """What is seen and heard on the desk. Context manager's part of `main`."""

    def __init__(self, desk: VirtualDesk, ppm: float) -> None:
        pipe = desk.runtime_dir / "crystal"
        module = (
            "module-pipe-source",
            "source_name=crystal",
            f"file={pipe}",
            "format=s16le",
            "rate=48000",
            "channels=1",
        )
        desk.run("pactl", "load-module", *module)
        crystal = ("tests.support.crystal_source", "--pipe", str(pipe), "--ppm", str(ppm))
        self.players = [_started(desk, crystal), _started(desk, SPEAKER)]
        self.painter = _started(desk, PAINTER, wait=False)

    def flash_and_beep(self, at_ns: int) -> None:
        """All three at monotonic `at_ns`."""
        for process, word in [*((player, "beep") for player in self.players), (self.painter, "flash")]:
            _input(process).write(b"%s %d\n" % (word.encode(), at_ns))
            _input(process).flush()

    def end(self) -> None:
        """Nothing more is seen or heard. Whoever hangs in a sound server that does not answer ends with the desk."""
        for process in (*self.players, self.painter):
            _input(process).close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)


def _started(desk: VirtualDesk, words: tuple[str, ...], *, wait: bool = True) -> "subprocess.Popen[bytes]":
    output = subprocess.PIPE if wait else subprocess.DEVNULL
    process = desk.spawn(sys.executable, "-m", *words, stdin=subprocess.PIPE, stdout=output)
    if wait and process.stdout is not None:
        process.stdout.readline()
    return process


def _input(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin


def main() -> int:
    """Record, export, and judge."""
    parser = argparse.ArgumentParser(prog="sync")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--ppm", type=float, default=80.0)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="sync-") as folder,
        VirtualDesk(sound=True, monitors=(MONITOR,)) as desk,
        Installation(desk.env) as installation,
    ):
        stage = Stage(desk, options.ppm)
        installation.start_daemon()
        words = ("--display", "LEFT", "--mic", "crystal", "--system-audio", "speakers.monitor")
        session = installation.ok("start", *words)["session"]
        audio = [installation.active("audio")]
        before = measure.cpu_s(audio)
        began = time.monotonic()
        made_ns = _perform(stage, options.minutes * 60)
        cpu = (measure.cpu_s(audio) - before) / (time.monotonic() - began)
        live = {track["id"]: track["clock"] for track in installation.ok("stats")["tracks"] if track.get("clock")}
        stopped = installation.ok("stop")
        film = Path(folder) / "film.mp4"
        stage.end()
        installation.ok("export", session, "-o", str(film), timeout_s=600)
        start_ns = _start_ns(installation.store, session)
        for track in stopped["tracks"]:
            print(f"{track['id']}: {track['label']}, clock {track.get('clock')}, live {live.get(track['id'])}")
        print(f"audio worker: {cpu * 100:.2f} % of a core")
        made_s = [(at_ns - start_ns) / 1e9 for at_ns in made_ns]
        return _judge(film, stopped["tracks"], made_s)


def _perform(stage: Stage, seconds: float) -> list[int]:
    """Flash and beep until the time is over; when."""
    begin_ns = time.monotonic_ns()
    made = []
    for at_s in np.arange(FIRST_S, seconds - 1, EVERY_S):
        at_ns = begin_ns + round(float(at_s) * 1e9)
        time.sleep(max(0.0, (at_ns - time.monotonic_ns()) / 1e9 - AHEAD_S))
        stage.flash_and_beep(at_ns)
        made.append(at_ns)
    time.sleep(max(0.0, (begin_ns - time.monotonic_ns()) / 1e9 + seconds))
    return made


def _start_ns(path: Path, session: str) -> int:
    store = StoreEnvironment.open_read(path)
    try:
        with store.read() as txn:
            record = txn.record(Table.SESSIONS, name_key(session), SessionRecord)
    finally:
        store.close()
    assert record is not None
    return record.started_mono_ns


def _judge(film: Path, tracks: list[dict[str, Any]], made_s: list[float]) -> int:
    failed = False
    flashes = media.flashes_s(media.looks(film))
    failed |= _tell("picture", flashes, made_s, 1.0)
    sounds = [track["id"] for track in tracks if track["kind"] == "audio"]
    for number, track in enumerate(sounds):
        sound = media.samples(film, number)
        heard = media.onsets_s(sound if sound.ndim == 1 else sound[:, 0], BEEP_HZ)
        failed |= _tell(track, heard, made_s, SESSION_S_MAX)
        failed |= _tell(f"{track} against the picture", heard, flashes, FLASH_S_MAX)
    return int(failed)


def _tell(what: str, seen_s: list[float], expected_s: list[float], most_s: float) -> bool:
    """Print how far `seen_s` is from `expected_s`; whether that is too far, or changes too fast, or much is missing."""
    pairs = [(at, min(seen_s, key=lambda seen: abs(seen - at), default=at + 9)) for at in expected_s]
    pairs = [(at, seen) for at, seen in pairs if abs(seen - at) < NEAR_S]
    if len(pairs) < max(2, len(expected_s) * FOUND_SHARE_MIN):
        print(f"{what}: {len(pairs)} of {len(expected_s)} were found")
        return True
    offsets = np.array([seen - at for at, seen in pairs])
    # Robust: a busy machine flashes or beeps late now and then, which the greatest distances tell.
    rise = slope(np.array([at for at, _ in pairs]), offsets)
    away = offsets if most_s == FLASH_S_MAX else offsets - np.median(offsets)
    print(
        f"{what}: {len(pairs)} of {len(expected_s)}, {np.median(offsets) * 1000:+.2f} ms,"
        f" {offsets.min() * 1000:+.2f} to {offsets.max() * 1000:+.2f},"
        f" nine of ten within {np.percentile(np.abs(offsets - np.median(offsets)), 90) * 1000:.2f} ms,"
        f" {rise * 60_000:+.3f} ms a minute"
    )
    return bool(np.abs(away).max() > most_s or abs(rise) > SLOPE_S_MAX)


if __name__ == "__main__":
    sys.exit(main())
