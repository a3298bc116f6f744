"""Changes of a virtual desk's monitors while something runs on it."""

import contextlib

from tests.support.desk import VirtualDesk


def set_monitor(desk: VirtualDesk, name: str, x: int, y: int, width: int, height: int) -> None:
    """Define the monitor, whether it is there or not. As with a cable, for a moment there is none."""
    with contextlib.suppress(RuntimeError):
        remove_monitor(desk, name)
    desk.run("xrandr", "--setmonitor", name, f"{width}/508x{height}/286+{x}+{y}", "none")


def remove_monitor(desk: VirtualDesk, name: str) -> None:
    """Pull its cable. RuntimeError if it is not there."""
    desk.run("xrandr", "--delmonitor", name)


def set_resolution(desk: VirtualDesk, width: int, height: int) -> None:
    """Give the screen's only output a mode of this size, up to the size that the desk was started with.

    Where no monitor is defined, the output is one, `screen`, and changes its size too.
    """
    mode = f"{width}x{height}"
    with contextlib.suppress(RuntimeError):  # defined already
        timings = [width, width + 1, width + 2, width + 3, height, height + 1, height + 2, height + 3]
        desk.run("xrandr", "--newmode", mode, "31", *map(str, timings))
        desk.run("xrandr", "--addmode", "screen", mode)
    desk.run("xrandr", "--output", "screen", "--mode", mode)
