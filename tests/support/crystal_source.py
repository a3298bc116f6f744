"""A microphone whose crystal is wrong: writes sound into the pipe of a PulseAudio `module-pipe-source`, in blocks of
10 ms, at 48 kHz by a clock that runs `--ppm` fast.

Run as `python -m tests.support.crystal_source --pipe PATH --ppm 80`. Reads lines from standard input: `beep NS` has
100 ms of 4 kHz begin at that monotonic instant. Prints `playing` once the server reads.
"""

import argparse
import fcntl
import os
import selectors
import sys
import termios
import time

import numpy as np

from tests.support.speaker import BEEP_FRAMES, BEEP_HZ, RATE

BLOCK_NS = 10_000_000
TONE_HZ = 440.0
UNREAD_BYTES_MAX = 20_000
"""A pipe holds 64 kB; 0.2 s may wait in it when a server is busy."""


def run(pipe: int, ppm: float) -> None:
    """Write until standard input closes."""
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    rate = RATE * (1 + ppm * 1e-6)
    begin_ns = time.monotonic_ns()
    written = 0
    beeps: list[int] = []
    buffer = b""
    print("playing", flush=True)
    next_ns = begin_ns
    while True:
        next_ns += BLOCK_NS
        if selector.select(max(0.0, (next_ns - time.monotonic_ns()) / 1e9)):
            data = os.read(sys.stdin.fileno(), 4096)
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            beeps += [round((int(line.split()[1]) - begin_ns) * rate / 1e9) for line in lines]
        time.sleep(max(0.0, (next_ns - time.monotonic_ns()) / 1e9))
        due = int((time.monotonic_ns() - begin_ns) * rate / 1e9)
        index = np.arange(written, due)
        samples = 0.1 * np.sin(2 * np.pi * TONE_HZ * index / RATE)
        for beep in beeps:
            loud = (index >= beep) & (index < beep + BEEP_FRAMES)
            samples[loud] = 0.9 * np.sin(2 * np.pi * BEEP_HZ * (index[loud] - beep) / RATE)
        beeps = [beep for beep in beeps if beep + BEEP_FRAMES > due]
        # Nobody reads while nobody records: as in a real device, what finds no room is lost.
        if _unread_bytes(pipe) < UNREAD_BYTES_MAX:
            os.write(pipe, np.round(samples * 32767).astype("<i2").tobytes()[:UNREAD_BYTES_MAX])
        written = due


def _unread_bytes(pipe: int) -> int:
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def main() -> None:
    """Command line of the microphone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pipe", required=True)
    parser.add_argument("--ppm", type=float, default=80.0)
    options = parser.parse_args()
    pipe = os.open(options.pipe, os.O_WRONLY)
    run(pipe, options.ppm)


if __name__ == "__main__":
    main()
