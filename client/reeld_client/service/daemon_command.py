"""The command line with which a service manager starts the daemon: whole paths, and the folders chosen here and now.

A manager has neither the shell's PATH nor its variables. What they choose for `reelctl` is written into the command, or
the service would keep its recordings elsewhere than the person who installed it looks for them.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from reeld_proto.endpoints import plain_runtime_dir, plain_store_dir
from reeld_proto.errors import ErrorCode, RequestRejected


@dataclass(frozen=True, slots=True)
class DaemonCommand:
    """words: program and arguments. own_runtime: whether the sockets are where the manager would put them."""

    words: list[str]
    own_runtime: bool


def daemon_command(runtime: Path, store: Path) -> DaemonCommand:
    """The command for these folders, and for REELD_CONFIG. Raises RequestRejected if there is no daemon to start."""
    words = [*_program()]
    own_runtime = runtime == plain_runtime_dir()
    if not own_runtime:
        words += ["--runtime", str(runtime)]
    if store != plain_store_dir():
        words += ["--store", str(store)]
    chosen = os.environ.get("REELD_CONFIG")
    if chosen:
        words += ["--config", str(Path(chosen).absolute())]
    return DaemonCommand(words, own_runtime)


def _program() -> list[str]:
    """`reeld` beside the Python that runs us, else on PATH, else as a module of this Python."""
    beside = Path(sys.executable).parent / "reeld"
    if os.access(beside, os.X_OK):
        return [str(beside)]
    found = shutil.which("reeld")
    if found is not None:
        return [str(Path(found).absolute())]
    if find_spec("reeld") is not None:
        return [sys.executable, "-m", "reeld"]
    raise RequestRejected(
        "the daemon is not installed, so there is nothing to start at login",
        code=ErrorCode.NOT_FOUND,
        remedy="Install it with `pip install 'reeld[daemon]'`.",
    )
