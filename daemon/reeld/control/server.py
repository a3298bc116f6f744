"""The command socket: every message is answered, none can hurt. Belongs to the event loop's thread.

DESIGN: the socket is read by a callback of the loop and not by zmq.asyncio, whose futures and timers would double
the time of a round trip. What can be answered from memory is answered in that callback; everything else runs as a
task of its own, so that a slow command delays nobody. What cannot be decoded, is too large or is not a command gets
an ErrorReply and changes nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import zmq
import zmq.asyncio

from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger
from reeld_proto import codec
from reeld_proto.commands import AnyCommand, Command, ErrorReply, Reply
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected

CONTROL_HWM = 1000
"""Messages waiting per client in each direction; a client that reads no replies loses its own."""

FRAME_BYTES_MAX = codec.MESSAGE_BYTES_MAX
"""Above it ZeroMQ itself drops the connection: memory is not spent on it. Between the command limit and this, the
sender is told."""

COMMANDS_PER_CLIENT_MAX = 64
COMMANDS_MAX = 1024
"""Commands being carried out at a time; above that they are refused at once."""

MESSAGES_PER_TURN = 50
"""Read at once; above that the rest of the daemon gets its turn first."""

Handler = Callable[[Command, int], Reply | Coroutine[Any, Any, Reply]]
"""Carries out a command that arrived at the monotonic instant given, at once or as a coroutine; raises ReeldError."""


class ControlServer:
    """ROUTER for clients (DEALER, frames: [envelope])."""

    def __init__(self, context: zmq.asyncio.Context, address: str, handler: Handler) -> None:
        self._handler = handler
        self._seq = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._load: Counter[bytes] = Counter()
        self._socket: zmq.Socket[bytes] = zmq.Context.shadow(context).socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 500)
        self._socket.setsockopt(zmq.SNDHWM, CONTROL_HWM)
        self._socket.setsockopt(zmq.RCVHWM, CONTROL_HWM)
        self._socket.setsockopt(zmq.MAXMSGSIZE, FRAME_BYTES_MAX)
        # A client that reconnects under its name must not be locked out by its own dead connection.
        self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        self._socket.bind(address)

    async def serve(self) -> None:
        """Serve until cancelled; commands that are then being carried out go on, see `drain`."""
        loop = asyncio.get_running_loop()
        descriptor = int(self._socket.getsockopt(zmq.FD))
        loop.add_reader(descriptor, self._readable)
        try:
            self._readable()
            await loop.create_future()
        finally:
            loop.remove_reader(descriptor)

    async def drain(self, timeout_s: float) -> None:
        """Wait until every command that is being carried out is answered; after `timeout_s` cancel the rest."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def close(self) -> None:
        """Close the socket; `serve` must have been cancelled."""
        self._socket.close()

    def _readable(self) -> None:
        if self._socket.closed:
            return
        for _ in range(MESSAGES_PER_TURN):
            try:
                peer, *frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._accept(peer, frames, monotonic_ns())
        asyncio.get_running_loop().call_soon(self._readable)

    def _accept(self, peer: bytes, frames: list[bytes], arrived_ns: int) -> None:
        request_id = ""
        try:
            request_id, command = self._decode(peer, frames)
            result = self._handler(command, arrived_ns)
        except ReeldError as error:
            request_id = request_id or (codec.request_id_of(frames[-1]) if frames else "")
            result = _error_reply(error)
        except Exception as error:  # noqa: BLE001 - the client is told, the daemon lives
            result = _our_fault(error)
        if isinstance(result, Reply):
            self._send(peer, request_id, result)
            return
        self._load[peer] += 1
        task = asyncio.get_running_loop().create_task(self._carry_out(peer, request_id, result))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, peer: bytes, request_id: str, work: Coroutine[Any, Any, Reply]) -> None:
        try:
            reply = await work
        except ReeldError as error:
            reply = _error_reply(error)
        except Exception as error:  # noqa: BLE001 - as above
            reply = _our_fault(error)
        finally:
            self._load[peer] -= 1
            if not self._load[peer]:
                del self._load[peer]
        self._send(peer, request_id, reply)

    def _decode(self, peer: bytes, frames: list[bytes]) -> tuple[str, Command]:
        if len(frames) != 1:
            raise RequestRejected(f"a command is one frame, this has {len(frames)}")
        if self._load[peer] >= COMMANDS_PER_CLIENT_MAX or len(self._tasks) >= COMMANDS_MAX:
            raise RequestRejected("too many commands at a time", code=ErrorCode.DENIED, remedy="Wait for replies.")
        envelope: codec.Envelope[Any] = codec.unpack(frames[0], AnyCommand)
        return envelope.id, envelope.body

    def _send(self, peer: bytes, request_id: str, reply: Reply) -> None:
        self._seq += 1
        try:
            data = codec.pack(reply, seq=self._seq, id=request_id, sender="reeld", sent_ns=monotonic_ns())
            self._socket.send_multipart([peer, data], zmq.NOBLOCK)
        except (ReeldError, zmq.ZMQError) as error:
            get_logger().warning("control.reply_lost", reply=type(reply).__name__, reason=str(error))
        # Sending may have consumed the wake-up of a message that arrived meanwhile.
        if int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            asyncio.get_running_loop().call_soon(self._readable)


def _error_reply(error: ReeldError) -> ErrorReply:
    return ErrorReply(code=error.code, message=str(error), remedy=error.remedy, faults=list(error.faults))


def _our_fault(error: Exception) -> ErrorReply:
    get_logger().error("control.command_failed", exc_info=error)
    return ErrorReply(code=ErrorCode.INTERNAL, message=f"{type(error).__name__} in the daemon; its log has more")
