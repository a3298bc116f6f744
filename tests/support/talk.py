"""Speech and text that a desk is given: spoken by espeak-ng into a sink, shown in a terminal."""

import subprocess
import time
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from tests.support.desk import VirtualDesk
from tests.support.wait import until


@dataclass(frozen=True)
class Spoken:
    """A text, how long it takes, and the monotonic instants at which playing it began and ended."""

    text: str
    length_s: float
    began_ns: int
    ended_ns: int


def speak(text: str, path: Path, *, voice: str = "en-us", words_a_minute: int = 150) -> Path:
    """The text as a WAV file."""
    command = ["espeak-ng", "-v", voice, "-s", str(words_a_minute), "-w", str(path), text]
    subprocess.run(command, check=True, timeout=30)
    return path


def samples_in(path: Path, rate: int) -> np.ndarray:
    """A WAV file of one channel as samples at this rate, shape (frames,)."""
    with wave.open(str(path)) as file:
        mono = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
        return np.asarray(soxr.resample(mono, file.getframerate(), rate), np.float32)


def play(desk: VirtualDesk, sink: str, path: Path, text: str = "") -> Spoken:
    """Play a file into a sink and wait for its end.

    It begins when the player is up, which takes a while on a busy machine, and is over some time before that says so:
    the middle of what is possible is the smallest error.
    """
    with wave.open(str(path)) as file:
        length_ns = file.getnframes() * 1_000_000_000 // file.getframerate()
    began_ns = time.monotonic_ns()
    process = desk.spawn("paplay", f"--device={sink}", str(path))
    assert process.wait(60) == 0
    ended_ns = time.monotonic_ns()
    return Spoken(text, length_ns / 1e9, began_ns + max(0, ended_ns - length_ns - began_ns) // 2, ended_ns)


def show(desk: VirtualDesk, text: str, folder: Path, *, at: tuple[int, int] = (60, 60), columns: int = 70) -> int:
    """Show a text in a terminal of its own, until the desk goes; the monotonic instant at which it is there."""
    content, shown = folder / "content", folder / "shown"
    content.write_text(text)
    geometry = f"{columns}x{text.count(chr(10)) + 2}+{at[0]}+{at[1]}"
    script = f"cat '{content}'; touch '{shown}'; exec sleep 600"
    desk.spawn("xterm", "-geometry", geometry, "-fa", "DejaVu Sans Mono", "-fs", "14", "-e", "sh", "-c", script)
    until(shown.exists, 20, what="a terminal with the text")
    return time.monotonic_ns()


def word_errors(truth: list[str], found: list[str]) -> int:
    """How many words must be put in, taken out or replaced to make one of the other (Levenshtein)."""
    before = list(range(len(found) + 1))
    for row, word in enumerate(truth, 1):
        now = [row]
        for column, other in enumerate(found, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (word != other)))
        before = now
    return before[-1]
