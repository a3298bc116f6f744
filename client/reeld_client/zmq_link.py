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

from reeld_client.connection import Connection
from reeld_client.transport import went_away
from reeld_proto.codec import MESSAGE_BYTES_MAX
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected, TransportError

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
_BROKEN_HANDSHAKE = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
WATCHED = _GREETED | _BROKEN


@dataclass(slots=True)
class LinkState:
    """What the monitor's messages say of a connection: `up` after the greeting, `down` for good once it broke.

    failed: the greeting went wrong. denied: the daemon is there and does not want us.
    """

    up: bool = False
    down: bool = False
    denied: bool = False
    failed: bool = False

    def feed(self, frames: list[bytes]) -> None:
        """Take one message of the monitor."""
        event = int(parse_monitor_message(frames)["event"])
        self.failed = self.failed or bool(event & (zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | _BROKEN_HANDSHAKE))
        self.denied = self.denied or bool(event & zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        self.up = self.up or bool(event & _GREETED)
        self.down = self.down or bool(event & _BROKEN)


def configure(link: Z, connection: Connection | None = None) -> Z:
    """Set the options of a socket that talks to the daemon; before it connects. connection: if it is over TCP."""
    if connection is not None:
        link.setsockopt(zmq.CURVE_SERVERKEY, connection.server_key.encode())
        link.setsockopt(zmq.CURVE_PUBLICKEY, connection.public_key.encode())
        link.setsockopt(zmq.CURVE_SECRETKEY, connection.secret_key.encode())
        link.setsockopt(zmq.IPV6, 1)
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


def refused(state: LinkState) -> ReeldError:
    """The error for a connection that broke before or while it was greeted."""
    if not state.denied and not state.failed:
        return went_away()
    if not state.denied:
        return TransportError(
            "what listens there is not the daemon that this key belongs to",
            remedy="It may have been set up anew; make another connection file.",
        )
    return RequestRejected(
        "the daemon does not accept this key",
        code=ErrorCode.DENIED,
        remedy="Its token may have been revoked; make another with `reelctl token create --new-connection FILE`.",
    )


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
