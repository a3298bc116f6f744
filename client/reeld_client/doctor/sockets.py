"""The daemon's sockets: whether their path fits, and whether somebody listens on those that lie there."""

import socket
import stat
from pathlib import Path

from reeld_proto.doctor import Finding, fault, fine, warning
from reeld_proto.endpoints import Endpoints
from reeld_proto.errors import RequestRejected

LIMIT_S = 0.5


def judge(too_long: tuple[str, str] | None, stale: list[str], alive: int) -> list[Finding]:
    """too_long: fault and remedy of a path that fits into no socket. stale: names of sockets without a listener."""
    if too_long is not None:
        return [fault("sockets", *too_long)]
    if stale:
        about = f"left behind by a daemon that is gone: {', '.join(stale)}"
        return [warning("sockets", about, "Nothing needs to be done: the next daemon removes them.")]
    return [fine("sockets", f"{alive} in use" if alive else "none in use")]


def gather(runtime: Path) -> tuple[list[str], int]:
    """Names of stale sockets, and how many others there are."""
    found = [path for path in sorted(runtime.glob("*.sock")) if stat.S_ISSOCK(path.lstat().st_mode)]
    stale = [path.name for path in found if not _is_heard(path)]
    return stale, len(found) - len(stale)


def _is_heard(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as knocking:
        knocking.settimeout(LIMIT_S)
        try:
            knocking.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True  # it is busy, or not ours to use
    return True


def check(runtime: Path) -> list[Finding]:
    """The finding about the sockets in `runtime`."""
    try:
        Endpoints(runtime)
    except RequestRejected as error:
        return judge((str(error), error.remedy), [], 0)
    return judge(None, *gather(runtime))
