"""What the synchronous and the asyncio transport share of ZeroMQ: sockets, their options, and the monitor's verdict.

DESIGN: ZeroMQ's own reconnecting never comes to act. It would deliver a question to a daemon started later, and wake
an idle application for nothing; instead a broken connection is noticed through the socket's monitor, fails what is
under way, and is made anew by the next question. An hour does this, not -1, with which ZeroMQ also throws away what
arrived but was not read yet.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

import zmq
from zmq.utils.monitor import parse_monitor_message

from reeld_proto.codec import MESSAGE_BYTES_MAX
from reeld_proto.errors import ErrorCode, TransportError

Z = TypeVar("Z", bound="zmq.Socket[Any]")

_NEVER_MS = 3_600_000
_GREETED = zmq.EVENT_HANDSHAKE_SUCCEEDED
_BROKEN = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_CLOSED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
WATCHED = _GREETED | _BROKEN


@dataclass(slots=True)
class LinkState:
    """What the monitor's messages say of a connection: `up` after the greeting, `down` for good once it broke."""

    up: bool = False
    down: bool = False

    def feed(self, frames: list[bytes]) -> None:
        """Take one message of the monitor."""
        event = int(parse_monitor_message(frames)["event"])
        self.up = self.up or bool(event & _GREETED)
        self.down = self.down or bool(event & _BROKEN)


def configure(link: Z) -> Z:
    """Set the options of a socket that talks to the daemon; before it connects."""
    link.setsockopt(zmq.LINGER, 0)
    link.setsockopt(zmq.RECONNECT_IVL, _NEVER_MS)
    link.setsockopt(zmq.MAXMSGSIZE, MESSAGE_BYTES_MAX)
    return link


def subscribe(link: "zmq.Socket[Any]", topics: tuple[str, ...]) -> None:
    """Ask for the events of these topics; of all without any."""
    for topic in topics or ("",):
        link.setsockopt(zmq.SUBSCRIBE, topic.encode())


def discard(link: "zmq.Socket[Any] | None", monitor: "zmq.Socket[Any] | None") -> None:
    """Close a socket and its monitor; None and closed ones are ignored."""
    if link is not None and not link.closed:
        link.disable_monitor()
    for one in (monitor, link):
        if one is not None and not one.closed:
            one.close(linger=0)


def stuck(error: zmq.ZMQError) -> TransportError:
    """The error for a socket that takes no more."""
    return TransportError(f"the daemon takes no more messages: {error}", code=ErrorCode.TIMEOUT)


def mute() -> TransportError:
    """The error for a socket that accepts but does not greet."""
    return TransportError(
        "something holds the daemon's socket but does not answer",
        code=ErrorCode.TIMEOUT,
        remedy="The daemon may be stopped or overloaded; look with `ps`, then restart it.",
    )
