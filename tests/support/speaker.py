"""Plays sound into a PulseAudio sink at a known instant: a steady tone, and beeps on request.

Run as `python -m tests.support.speaker --sink NAME --tone HZ --level 0.2`. Reads lines from standard input: `beep NS`
plays 100 ms of 4 kHz that leaves the sink at that monotonic instant, `tone HZ` changes the tone. The instant follows
from the server's own statement of the latency (pa_simple_get_latency), asked for every block.
"""

import argparse
import ctypes
import os
import selectors
import sys
import time

import numpy as np

RATE = 48_000
BLOCK = 480
"""Frames written at once: 10 ms."""
BEEP_HZ = 4000.0
BEEP_FRAMES = RATE // 10


class _SampleSpec(ctypes.Structure):
    _fields_ = (("format", ctypes.c_int), ("rate", ctypes.c_uint32), ("channels", ctypes.c_uint8))


class _BufferAttr(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("maxlength", "tlength", "prebuf", "minreq", "fragsize"))


class Speaker:
    """A playback stream of mono float32 at 48 kHz through libpulse-simple."""

    def __init__(self, sink: str) -> None:
        self._lib = ctypes.CDLL("libpulse-simple.so.0")
        self._lib.pa_simple_new.restype = ctypes.c_void_p
        self._lib.pa_simple_get_latency.restype = ctypes.c_uint64
        spec = _SampleSpec(5, RATE, 1)  # PA_SAMPLE_FLOAT32LE
        unset = 0xFFFFFFFF
        attr = _BufferAttr(unset, BLOCK * 4 * 4, unset, BLOCK * 4, unset)
        error = ctypes.c_int()
        self._stream = self._lib.pa_simple_new(
            None,
            b"speaker",
            1,
            sink.encode(),
            b"test",
            ctypes.byref(spec),
            None,
            ctypes.byref(attr),
            ctypes.byref(error),
        )
        if not self._stream:
            raise RuntimeError(f"no playback stream on {sink}: {error.value}")

    def latency_ns(self) -> int:
        """How long what is written now takes until it leaves the sink."""
        error = ctypes.c_int()
        return int(self._lib.pa_simple_get_latency(ctypes.c_void_p(self._stream), ctypes.byref(error))) * 1000

    def write(self, samples: np.ndarray) -> None:
        """Queue samples; blocks until there is room."""
        data = samples.astype("<f4").tobytes()
        error = ctypes.c_int()
        if self._lib.pa_simple_write(
            ctypes.c_void_p(self._stream), data, ctypes.c_size_t(len(data)), ctypes.byref(error)
        ):
            raise RuntimeError("the sound server is gone")


def run(speaker: Speaker, tone_hz: float, level: float) -> None:
    """Play until standard input closes."""
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    position = 0
    beep_at: int | None = None
    beep_left = 0
    buffer = b""
    print("playing", flush=True)
    while True:
        if selector.select(0):
            data = os.read(sys.stdin.fileno(), 4096)
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                word, value = line.split()
                if word == b"beep":
                    beep_at = int(value)
                elif word == b"tone":
                    tone_hz = float(value)
        index = position + np.arange(BLOCK)
        samples = level * np.sin(2 * np.pi * tone_hz * index / RATE)
        if beep_at is not None:
            starts_ns = time.monotonic_ns() + speaker.latency_ns()
            offset = int((beep_at - starts_ns) * RATE / 1e9)
            if offset < BLOCK:
                beep_at, beep_left = None, BEEP_FRAMES + max(offset, 0)
                lead = max(offset, 0)
                samples[lead:] = 0.9 * np.sin(2 * np.pi * BEEP_HZ * index[lead:] / RATE)
                beep_left -= BLOCK
        elif beep_left > 0:
            count = min(beep_left, BLOCK)
            samples[:count] = 0.9 * np.sin(2 * np.pi * BEEP_HZ * index[:count] / RATE)
            beep_left -= BLOCK
        speaker.write(samples)
        position += BLOCK


def main() -> None:
    """Command line of the speaker."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sink", required=True)
    parser.add_argument("--tone", type=float, default=440.0)
    parser.add_argument("--level", type=float, default=0.2)
    options = parser.parse_args()
    run(Speaker(options.sink), options.tone, options.level)


if __name__ == "__main__":
    main()
