"""What is on the screen while something is measured. Each scene is a process of its own on the desk.

Run as `python -m tests.bench.scenes motion [LEFT]`: a photograph-like picture slides over a whole display 30 times a
second. The server copies it from a pixmap, so that drawing costs next to nothing.
"""

import sys
import time
from typing import Any

import numpy as np
import xcffib
import xcffib.xproto as xp

WIDTH, HEIGHT, FPS = 1920, 1080, 30
SCROLL = (
    'i=0; while true; do i=$((i+1)); echo "$i $(date +%T.%N) the quick brown fox jumps over the lazy dog";'
    " sleep 0.1; done"
)
TERMINAL = ("xterm", "-geometry", "190x60+20+20", "-fa", "Monospace", "-fs", "11", "-e", "bash", "-c", SCROLL)
"""A terminal that scrolls ten lines a second."""
MOTION = (sys.executable, "-m", "tests.bench.scenes", "motion")


def picture() -> "np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]":
    """Smooth shapes with some grain, uint8 BGRX, shape (HEIGHT, 2 * WIDTH, 4); the same at every run."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:HEIGHT, 0 : 2 * WIDTH].astype(np.float32)
    out = np.zeros((HEIGHT, 2 * WIDTH, 4), np.uint8)
    for channel in range(3):
        wave = np.sin(x * 2 * np.pi * (channel + 2) / (2 * WIDTH)) + np.sin(y / (70 + 30 * channel) + x / 160)
        grain = rng.normal(0, 3, (HEIGHT, 2 * WIDTH))
        out[..., channel] = np.clip(128 + 50 * wave + grain, 0, 255)
    return out


def motion(left: int) -> None:
    """Slide the picture over the display that begins at column `left` until ended."""
    connection: Any = xcffib.connect()  # type: ignore[no-untyped-call]
    screen = connection.get_setup().roots[0]
    core = connection.core
    window, gc, pixmap = (connection.generate_id() for _ in range(3))
    core.CreateWindow(
        screen.root_depth, window, screen.root, left, 0, WIDTH, HEIGHT, 0,
        xp.WindowClass.InputOutput, screen.root_visual, xp.CW.OverrideRedirect, [1],
    )  # fmt: skip
    core.MapWindow(window)
    core.CreateGC(gc, window, xp.GC.GraphicsExposures, [0])
    core.CreatePixmap(screen.root_depth, pixmap, window, 2 * WIDTH, HEIGHT)
    rows = 16  # a request must stay under the server's limit of 256 KiB
    data = picture()
    for top in range(0, HEIGHT, rows):
        part = data[top : top + rows]
        for at in (0, WIDTH):
            band = np.ascontiguousarray(part[:, at : at + WIDTH]).tobytes()
            core.PutImage(
                xp.ImageFormat.ZPixmap, pixmap, gc, WIDTH, len(part), at, top, 0, screen.root_depth, len(band), band
            )
    connection.flush()
    next_ns = time.monotonic_ns()
    step = 0
    print("moving", flush=True)
    while True:
        offset = step * 8 % (2 * WIDTH)
        core.CopyArea(pixmap, window, gc, offset, 0, 0, 0, WIDTH, HEIGHT)
        if offset > WIDTH:
            core.CopyArea(pixmap, window, gc, 0, 0, 2 * WIDTH - offset, 0, offset - WIDTH, HEIGHT)
        connection.flush()
        step += 1
        next_ns += 1_000_000_000 // FPS
        time.sleep(max(0.0, (next_ns - time.monotonic_ns()) / 1e9))


if __name__ == "__main__":
    motion(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
