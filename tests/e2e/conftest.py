"""Fixtures of the end-to-end tests: an installation on a desk where something moves and sounds."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.desk import VirtualDesk
from tests.support.installation import Installation

MIC_HZ = 700.0
SPEAKERS_HZ = 1300.0


@dataclass
class Stage:
    """A desk on which two monitors are painted and two tones are played; flashes and beeps on request."""

    desk: VirtualDesk
    painters: "list[subprocess.Popen[bytes]]"
    speakers: "subprocess.Popen[bytes]"
    microphone: "subprocess.Popen[bytes]"

    def flash_and_beep(self, in_s: float = 0.6) -> int:
        """A flash on the first monitor and a beep in the speakers at the same instant; that monotonic instant."""
        at_ns = time.monotonic_ns() + int(in_s * 1e9)
        for process, word in ((self.painters[0], "flash"), (self.speakers, "beep")):
            assert process.stdin is not None
            process.stdin.write(f"{word} {at_ns}\n".encode())
            process.stdin.flush()
        assert self.painters[0].stdout is not None
        self.painters[0].stdout.readline()
        return at_ns


def start_on(desk: VirtualDesk, module: str, *words: str) -> "subprocess.Popen[bytes]":
    process = desk.spawn(
        sys.executable, "-m", f"tests.support.{module}", *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline(), f"{module} did not start"
    return process


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Moving content on LEFT and RIGHT, a tone in the microphone and another in the speakers."""
    with VirtualDesk(sound=True) as desk:
        painters = [
            start_on(desk, "painter", "--at", f"{x},0,1920,1080", "--tint", tint)
            for x, tint in ((0, "32,64,96"), (1920, "96,48,32"))
        ]
        speakers = start_on(desk, "speaker", "--sink", "speakers", "--tone", str(SPEAKERS_HZ))
        microphone = start_on(desk, "speaker", "--sink", "mic_sink", "--tone", str(MIC_HZ))
        yield Stage(desk, painters, speakers, microphone)


@pytest.fixture
def installation(stage: Stage) -> Iterator[Installation]:
    """A warm daemon on the stage."""
    with Installation(stage.desk.env) as installation:
        installation.start_daemon()
        yield installation
