"""Other programs that the tray starts: the daemon, and what opens a film or a folder. They outlive the tray."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from reeld_proto.endpoints import default_runtime_dir
from reeld_proto.errors import ErrorCode, TransportError

_SYSTEMD_WITHIN_S = 45.0
"""`systemctl start` waits until the daemon serves."""
_NOTIFY_WITHIN_S = 3.0
_LAUNCH_AGENT = "org.reeld.reeld"


def start_daemon(runtime: Path) -> None:
    """Start a daemon at `runtime`: the user's service where that is it, else `reeld` on its own.

    May take some seconds. Raises TransportError when neither is installed.
    """
    if runtime == _service_runtime() and _start_service():
        return
    command = _program()
    if command is None:
        raise TransportError(
            "reeld is not installed here",
            code=ErrorCode.NO_DAEMON,
            remedy="Install it with pip install 'reeld[daemon]'.",
        )
    detached([*command, "--runtime", str(runtime)])


def open_with_desktop(path: Path) -> None:
    """Show a file or folder in the program that the desktop has for it. Raises TransportError without one."""
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    if shutil.which(opener) is None:
        raise TransportError(f"{opener} is not installed", code=ErrorCode.NOT_FOUND, remedy=f"Open it yourself: {path}")
    detached([opener, str(path)])


def notify_with_desktop(title: str, text: str) -> bool:
    """Show a notification through `notify-send`; whether there is one and it got through."""
    if shutil.which("notify-send") is None:
        return False
    command = ["notify-send", "--app-name=reeld", "--", title, text]
    try:
        return subprocess.run(command, capture_output=True, timeout=_NOTIFY_WITHIN_S, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def films_folder() -> Path:
    """Where sessions are written to be played: `reeld` in the user's folder of films. Made if missing."""
    usual = Path.home() / ("Movies" if sys.platform == "darwin" else "Videos")
    folder = Path(os.environ.get("XDG_VIDEOS_DIR") or usual) / "reeld"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


_started: list["subprocess.Popen[bytes]"] = []


def detached(command: list[str]) -> None:
    """Start a program in a session of its own, with no terminal. Raises OSError."""
    # Those that have ended are reaped, or they would stay as zombies.
    _started[:] = [process for process in _started if process.poll() is None]
    null = subprocess.DEVNULL
    _started.append(subprocess.Popen(command, stdin=null, stdout=null, stderr=null, start_new_session=True))


def _service_runtime() -> Path | None:
    """The runtime directory of the service; None when the environment names another."""
    return None if os.environ.get("REELD_RUNTIME_DIR") else default_runtime_dir()


def _start_service() -> bool:
    if sys.platform == "darwin":
        command = ["launchctl", "kickstart", f"gui/{os.getuid()}/{_LAUNCH_AGENT}"]
    else:
        command = ["systemctl", "--user", "start", "reeld"]
    if shutil.which(command[0]) is None:
        return False
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SYSTEMD_WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        return True  # it is still starting; the tray sees it when it serves
    return done.returncode == 0


def _program() -> list[str] | None:
    if find_spec("reeld") is not None and find_spec("lmdb") is not None:
        return [sys.executable, "-m", "reeld"]
    found = shutil.which("reeld")
    return None if found is None else [found]
