"""The X server: whether it is reached, and what it offers that makes recording cheap."""

import os
import sys
from dataclasses import dataclass

from reeld_proto.doctor import Finding, fault, fine, warning
from reeld_proto.errors import RequestRejected


@dataclass(frozen=True)
class DisplayFacts:
    """What is known of the screens. unreachable, remedy: why no server was reached, empty if one was.

    extensions: those of `WANTED` that the server has. shares: whether it wrote into memory of ours.
    """

    name: str = ""
    wayland: str = ""
    unreachable: str = ""
    remedy: str = ""
    extensions: frozenset[str] = frozenset()
    shares: bool = False
    monitors: tuple[str, ...] = ()


WANTED = ("DAMAGE", "XFIXES", "MIT-SHM", "RANDR")


def judge(facts: DisplayFacts) -> list[Finding]:
    """One line for the server, and one for each of what it should have."""
    if facts.unreachable:
        return [fault("display", facts.unreachable, facts.remedy)]
    found = [fine("display", f"X11 on {facts.name}")]
    if facts.wayland:
        about = f"the session is a Wayland one ({facts.wayland}): of {facts.name} only X11 programs can be seen"
        found = [warning("display", about, "Log in to an X11 (Xorg) session to record the whole screen.")]
    if {"DAMAGE", "XFIXES"} <= facts.extensions:
        found.append(fine("damage", "the server tells what changed"))
    else:
        about = "the server does not tell what changed (no DAMAGE): every frame is fetched and compared"
        found.append(warning("damage", about, "Use an X server with the DAMAGE and XFIXES extensions to save CPU."))
    if facts.shares:
        found.append(fine("shared-memory", "pixels come through MIT-SHM"))
    else:
        about = "no shared memory with the server: pixels are sent over the connection, ten times dearer"
        remedy = "Run reeld on the machine of the X server, in the same container (same IPC namespace)."
        found.append(warning("shared-memory", about, remedy))
    if "RANDR" in facts.extensions and facts.monitors:
        found.append(fine("monitors", ", ".join(facts.monitors)))
    else:
        about = "the server lists no monitors: the whole screen is recorded as one"
        found.append(warning("monitors", about, "Use an X server with RANDR 1.5 to choose single monitors."))
    return found


def gather() -> DisplayFacts:
    """Connect to the server of DISPLAY. Blocks as long as a hung server does."""
    from reeld.capture.x11_displays import list_displays  # noqa: PLC0415 - not on macOS
    from reeld.capture.x11_shm import SharedPixels, pixel_reader  # noqa: PLC0415
    from reeld.capture.x11_wire import XConnection, translated  # noqa: PLC0415

    name = os.environ.get("DISPLAY", "")
    wayland = os.environ.get("WAYLAND_DISPLAY", "")
    try:
        connection = XConnection()
    except RequestRejected as error:
        return DisplayFacts(name=name, wayland=wayland, unreachable=str(error), remedy=error.remedy)
    try:
        with translated("looking at it"):
            pixels = pixel_reader(connection, 64)
            pixels.close()
            return DisplayFacts(
                name=name,
                wayland=wayland,
                extensions=frozenset(filter(connection.has_extension, WANTED)),
                shares=isinstance(pixels, SharedPixels),
                monitors=tuple(f"{each.name} {each.width}x{each.height}" for each in list_displays(connection)),
            )
    finally:
        connection.close()


def check() -> list[Finding]:
    """The findings about the screens."""
    if sys.platform == "darwin":
        return [fine("display", "macOS; see `screen-permission`")]
    return judge(gather())
