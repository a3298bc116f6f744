"""`reel-tray`: choose a screen, and run until somebody quits. Exit codes as those of `reelctl`."""

import argparse
import importlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reeld_proto.endpoints import default_runtime_dir
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected

if TYPE_CHECKING:
    from reeld_client.tray.app import Screen, Tray

_BROUGHT = {"PIL", "pystray", "Xlib", "six"}
"""What the extra `[tray]` installs."""


def main(words: Sequence[str] | None = None) -> None:
    """Entry point; always leaves by SystemExit."""
    options = _parser().parse_args(words)
    try:
        _run(options.runtime or default_runtime_dir(), options.kind)
    except ReeldError as error:
        sys.stderr.write(f"reel-tray: {error}\n" + (f"{error.remedy}\n" if error.remedy else ""))
        raise SystemExit(error.exit_code) from error
    raise SystemExit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reel-tray", description="The state of reeld as an icon, its commands as a menu."
    )
    parser.add_argument("--runtime", type=Path, metavar="DIR", help="the daemon's sockets (REELD_RUNTIME_DIR)")
    parser.add_argument(
        "--kind",
        choices=("auto", "native", "xembed"),
        default="auto",
        help="native: AppIndicator, or the menu bar of macOS; xembed: other trays of X11; auto: what is there",
    )
    return parser


def _run(runtime: Path, kind: str) -> None:
    try:
        from reeld_client.tray.app import Tray  # noqa: PLC0415 - Pillow is in the extra

        tray = Tray(runtime.absolute())
        screen = _screen(tray, kind)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in _BROUGHT:
            raise
        raise RequestRejected(
            f"the tray is not installed: there is no module {error.name}",
            code=ErrorCode.INVALID_REQUEST,
            remedy="Install it with pip install 'reeld[tray]'.",
        ) from error
    for number in (signal.SIGINT, signal.SIGTERM):
        # In a thread: a handler runs amid anything that the main thread does.
        signal.signal(number, lambda *_: threading.Thread(target=tray.quit).start())
    tray.run(screen)


def _screen(tray: "Tray", kind: str) -> "Screen":
    """The screen of this kind. Raises ModuleNotFoundError without the extra, RequestRejected without a display."""
    if kind == "native" or (kind == "auto" and (sys.platform == "darwin" or _has_appindicator())):
        from reeld_client.tray.native import NativeScreen  # noqa: PLC0415

        if sys.platform != "darwin":
            os.environ.setdefault("PYSTRAY_BACKEND", "appindicator")
        try:
            return NativeScreen(tray, importlib.import_module("pystray"))
        except ModuleNotFoundError:
            raise
        except (ImportError, ValueError) as error:
            raise RequestRejected(
                f"this desktop's own tray cannot be used: {error}",
                code=ErrorCode.NO_DISPLAY,
                remedy="Use --kind xembed, or install python3-gi and gir1.2-ayatanaappindicator3-0.1.",
            ) from error
    from reeld_client.tray.xembed import XembedScreen  # noqa: PLC0415

    return XembedScreen(tray)


def _has_appindicator() -> bool:
    """Whether GObject's bindings of AppIndicator can be imported here; a virtual environment often has none."""
    try:
        gi = importlib.import_module("gi")
    except ImportError:
        return False
    for name in ("AyatanaAppIndicator3", "AppIndicator3"):
        try:
            gi.require_version(name, "0.1")
        except ValueError:
            continue
        return True
    return False


if __name__ == "__main__":
    main()
