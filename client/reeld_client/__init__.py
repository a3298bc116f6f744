"""Talk to a running reeld: `Client` for scripts and applications, `AsyncClient` for asyncio.

    from reeld_client import Client

    with Client() as reeld:
        started = reeld.start(name="standup", displays=["all"])
        reeld.mark("decision: ship it")
        reeld.stop()
        reeld.export(started.session, "standup.mp4")

ZeroMQ is loaded with the first question, asyncio's part with `AsyncClient`: importing this package costs little.
"""

from typing import TYPE_CHECKING, Any

from reeld_client.client import Client, EventStream
from reeld_client.transport import Subscription, Transport
from reeld_proto.errors import ErrorCode, InternalError, ReeldError, RequestRejected, StoreCorrupt, TransportError

if TYPE_CHECKING:
    from reeld_client.aio import AsyncClient, AsyncEventStream
    from reeld_client.memory import MemoryTransport
    from reeld_client.zmq_transport import ZmqTransport

__all__ = [
    "AsyncClient",
    "AsyncEventStream",
    "Client",
    "ErrorCode",
    "EventStream",
    "InternalError",
    "MemoryTransport",
    "ReeldError",
    "RequestRejected",
    "StoreCorrupt",
    "Subscription",
    "Transport",
    "TransportError",
    "ZmqTransport",
]

_LAZY = {
    "AsyncClient": "reeld_client.aio",
    "AsyncEventStream": "reeld_client.aio",
    "MemoryTransport": "reeld_client.memory",
    "ZmqTransport": "reeld_client.zmq_transport",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only on this path

    return getattr(import_module(_LAZY[name]), name)
