"""`make demo`: record this machine's screen and sound for ten seconds and say what happened.

Where there is a display it is recorded; on a machine without one a virtual desk is set up, with moving content and a
tone, so that the recording can be checked by eye and by ear.
"""

import contextlib
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.support import media
from tests.support.desk import ONE_MONITOR, VirtualDesk
from tests.support.installation import Installation

SECONDS = 10
TONE_HZ = 440.0
OUTPUT = Path("demo.mp4")
console = Console()


def has_display() -> bool:
    """Whether somebody sits at this machine: macOS always, elsewhere an X display that answers."""
    if sys.platform == "darwin":
        return True
    if not os.environ.get("DISPLAY"):
        return False
    import xcffib  # noqa: PLC0415 - not on macOS

    try:
        xcffib.connect().disconnect()  # type: ignore[no-untyped-call]
    except xcffib.ConnectionException:
        return False
    return True


def record(env: dict[str, str], *options: str) -> dict[str, object]:
    """Run `reelctl record` as a user would; its result."""
    with Installation(env) as installation:
        command, full_env = installation.command("reelctl", "record", "-o", str(OUTPUT), "--duration", str(SECONDS))
        console.print(f"[dim]reelctl record -o {OUTPUT} --duration {SECONDS} {' '.join(options)}[/dim]")
        done = subprocess.run(
            [*command, "--json", *options], env=full_env, stdout=subprocess.PIPE, check=False, text=True
        )
        if done.returncode != 0:
            console.print(f"[red]reelctl record failed with exit code {done.returncode}[/red] {done.stdout}")
            sys.exit(done.returncode)
        result: dict[str, object] = json.loads(done.stdout)
        return result


def describe(result: dict[str, object], *, tone: bool) -> bool:
    """Look into the file as a person would, print what is there; False if something is missing."""
    shown = list(media.frames(OUTPUT))
    distinct = sum(bool((a.rgb[::8, ::8] != b.rgb[::8, ::8]).any()) for a, b in itertools.pairwise(shown))
    table = Table(title=f"{OUTPUT} · {media.duration_s(OUTPUT):.1f} s · {OUTPUT.stat().st_size / 1e6:.2f} MB")
    table.add_column("track")
    table.add_column("what is in it")
    height, width = shown[0].rgb.shape[:2]
    brightness = float(np.mean([frame.rgb[::16, ::16].mean() for frame in shown]))
    table.add_row(
        "video", f"{len(shown)} frames of {width}x{height}, {distinct} changes, mean brightness {brightness:.0f}/255"
    )
    good = media.duration_s(OUTPUT) >= SECONDS - 2 and brightness > 4
    audio = [kind for kind in media.streams(OUTPUT) if kind == "audio"]
    for index in range(len(audio)):
        sound = media.samples(OUTPUT, index)[:, 0]
        level = 20 * np.log10(np.sqrt(np.mean(sound**2)) + 1e-9)
        text = f"{len(sound) / media.RATE:.1f} s, {level:.0f} dB"
        if tone:
            text += f", {TONE_HZ:.0f} Hz at {media.tone_level_db(sound[media.RATE * 3 :], TONE_HZ):.0f} dB"
        table.add_row(f"sound {index + 1}", text)
    if tone:
        good = (
            good and bool(audio) and media.tone_level_db(media.samples(OUTPUT, 0)[media.RATE * 3 :, 0], TONE_HZ) > -30
        )
    console.print(table)
    console.print(f"session {result.get('session', '')}; play it with any player: {OUTPUT.resolve()}")
    return good


def main() -> int:
    """Run the demonstration; process exit code."""
    with contextlib.ExitStack() as stack:
        if has_display():
            console.print("Recording this machine's screen and sound.")
            result = record(dict(os.environ))
            return 0 if describe(result, tone=False) else 1
        console.print("No display here: recording a virtual one with moving content and a 440 Hz tone.")
        desk = stack.enter_context(VirtualDesk(ONE_MONITOR, sound=True))
        for module, words in (("painter", ["--at", "0,0,1920,1080"]), ("speaker", ["--sink", "speakers"])):
            process = desk.spawn(
                sys.executable, "-m", f"tests.support.{module}", *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            assert process.stdout is not None
            process.stdout.readline()
        result = record(desk.env, "--system-audio", "speakers.monitor", "--mic", "virtual_mic")
        return 0 if describe(result, tone=True) else 1


if __name__ == "__main__":
    sys.exit(main())
