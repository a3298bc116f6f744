"""Sockets in the runtime directory: bound so that nobody but this user can connect."""

from pathlib import Path
from typing import Any

import zmq

_IPC = "ipc://"


def bind_private(socket: "zmq.Socket[Any]", address: str) -> None:
    """Bind a socket to a path of ours. Raises zmq.ZMQError.

    The directory keeps others out. Were somebody to open it while the daemon runs, the sockets themselves still do.
    """
    socket.bind(address)
    if address.startswith(_IPC):
        Path(address.removeprefix(_IPC)).chmod(0o600)
