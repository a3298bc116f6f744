"""How bytes get to the daemon and back: the interface, and the checks that every implementation makes first.

Implementations: `zmq_transport.ZmqTransport` (real), `memory.MemoryTransport` (tests). `tests/client/test_transport.py`
is the contract that both pass.
"""

import os
from pathlib import Path
from typing import Protocol

from reeld_proto.errors import ErrorCode, RequestRejected, TransportError

CONNECT_TIMEOUT_S = 2.0
"""For the greeting of a daemon whose socket exists and accepts: 1 ms when it is well."""
_PROBE_TIMEOUT_S = 0.2

START_REMEDY = "Start it with `reeld`, or name its runtime directory with --runtime or REELD_RUNTIME_DIR."


class Subscription(Protocol):
    """A stream of events. Belongs to the thread that made it."""

    def receive(self, timeout_s: float) -> bytes | None:
        """The next event's envelope; None when none came in time. Raises TransportError when the daemon went away."""
        ...

    def close(self) -> None:
        """Stop listening. May be called twice."""
        ...


class Transport(Protocol):
    """A connection to one daemon. Belongs to the thread that made it."""

    def connect(self) -> None:
        """Make sure that the daemon hears what is sent next; at no cost when connected.

        Raises TransportError(NO_DAEMON) within 0.3 s when nothing listens, RequestRejected(DENIED) when the socket is
        another user's. A connection that broke is made anew; nothing sent before is delivered to the new daemon.
        """
        ...

    def send(self, data: bytes) -> None:
        """Send one envelope. Raises TransportError when the connection is gone or takes no more."""
        ...

    def receive(self, timeout_s: float) -> bytes | None:
        """The next reply's envelope; None when none came in time. Raises TransportError when the daemon went away."""
        ...

    def subscribe(self, topics: tuple[str, ...] = ()) -> Subscription:
        """A new stream of the events of these topics, of all without any, from now on. Raises like `connect`."""
        ...

    def close(self) -> None:
        """Let go of everything. May be called twice."""
        ...


def no_daemon(runtime: Path) -> TransportError:
    """The error for a runtime directory on which nothing answers."""
    return TransportError(f"no daemon is running on {runtime}", remedy=START_REMEDY)


def went_away() -> TransportError:
    """The error for a connection that was there and is no more."""
    return TransportError("the daemon went away", remedy=START_REMEDY)


def probe(path: Path) -> None:
    """Check that somebody accepts on the Unix socket at `path` and that it is ours.

    ZeroMQ would wait for a daemon to appear; a person wants to know now. Another user's socket is refused: below a
    shared temporary folder anybody could have put it there to receive what we say.
    Raises TransportError(NO_DAEMON) or RequestRejected(DENIED).
    """
    try:
        owner = path.stat().st_uid
    except OSError as error:
        raise no_daemon(path.parent) from error
    if owner not in {os.getuid(), 0}:
        raise RequestRejected(
            f"the daemon on {path.parent} belongs to another user",
            code=ErrorCode.DENIED,
            remedy="Choose a runtime directory of your own with --runtime or REELD_RUNTIME_DIR.",
        )
    import socket  # noqa: PLC0415 - keeps `import reeld_client` quick

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as plain:
        plain.settimeout(_PROBE_TIMEOUT_S)
        try:
            plain.connect(os.fsencode(path))
        except OSError as error:
            raise no_daemon(path.parent) from error


def probe_port(address: str) -> None:
    """As `probe`, for a `tcp://` address. Raises TransportError(NO_DAEMON)."""
    import socket  # noqa: PLC0415 - as above

    host, _, port = address.removeprefix("tcp://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PROBE_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise TransportError(
            f"no daemon is listening on {host}:{port}", remedy="Start it; its config must say [control] tcp."
        ) from error


def path_of(address: str) -> Path:
    """The path of an `ipc://` address."""
    return Path(address.removeprefix("ipc://"))
