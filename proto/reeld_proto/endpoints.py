"""Where the sockets and files of one daemon are. Client and daemon must agree on this, so the rule stands here."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from reeld_proto.errors import RequestRejected

SOCKET_PATH_BYTES_MAX = 103
"""Longest path of a Unix socket: `sun_path` holds 104 bytes on macOS (108 on Linux), one of them the final zero."""

_LONGEST_NAME = "telemetry.sock"


def default_runtime_dir() -> Path:
    """`REELD_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/reeld`, else a folder of this user below the temporary folder."""
    chosen = os.environ.get("REELD_RUNTIME_DIR")
    return Path(chosen).absolute() if chosen else plain_runtime_dir()


def plain_runtime_dir() -> Path:
    """The runtime directory of a daemon that is told nothing: what a service manager starts."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if base:
        return Path(base) / "reeld"
    import tempfile  # noqa: PLC0415 - 5 ms that hardly anybody needs

    return Path(tempfile.gettempdir()) / f"reeld-{os.getuid()}"


def chosen_token() -> str:
    """`REELD_TOKEN`; empty for the owner."""
    return os.environ.get("REELD_TOKEN", "")


def chosen_connection() -> str | None:
    """`REELD_CONNECTION`, the path of a connection file; None without it."""
    return os.environ.get("REELD_CONNECTION") or None


def default_store_dir() -> Path:
    """`REELD_STORE`, else the platform's folder for a user's application data."""
    chosen = os.environ.get("REELD_STORE")
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get("XDG_DATA_HOME")
    if base and sys.platform != "darwin":
        return Path(base) / "reeld"
    return plain_store_dir()


def plain_store_dir() -> Path:
    """Where a daemon keeps recordings that has nothing but a home; a service manager need not know more."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "reeld"
    return Path.home() / ".local" / "share" / "reeld"


@dataclass(frozen=True)
class Endpoints:
    """Addresses of all sockets of the daemon that owns `runtime_dir`.

    Raises RequestRejected when the folder's path is too long for a Unix socket.
    """

    runtime_dir: Path

    def __post_init__(self) -> None:
        length = len(os.fsencode(self.runtime_dir / _LONGEST_NAME))
        if length > SOCKET_PATH_BYTES_MAX:
            raise RequestRejected(
                f"the runtime directory's path is too long for a socket ({length} > {SOCKET_PATH_BYTES_MAX} bytes):"
                f" {self.runtime_dir}",
                remedy="Choose a shorter one with --runtime or REELD_RUNTIME_DIR.",
            )

    def _address(self, name: str) -> str:
        return f"ipc://{self.runtime_dir / name}.sock"

    @property
    def control(self) -> str:
        """Commands and replies; ROUTER of the daemon."""
        return self._address("control")

    @property
    def events(self) -> str:
        """Events and stats; XPUB of the daemon."""
        return self._address("events")

    @property
    def workers(self) -> str:
        """Orders and reports; ROUTER of the daemon."""
        return self._address("workers")

    @property
    def telemetry(self) -> str:
        """Progress and trouble of the workers; PULL of the daemon."""
        return self._address("telemetry")

    @property
    def ingest(self) -> str:
        """Chunks and gaps; PULL of the store."""
        return self._address("ingest")

    @property
    def commits(self) -> str:
        """Acknowledgements; XPUB of the store."""
        return self._address("commits")
