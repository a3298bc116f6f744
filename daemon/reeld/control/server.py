"""The command socket: every message is answered, none can hurt. Belongs to the event loop's thread.

DESIGN: the socket is read by a callback of the loop and not by zmq.asyncio, whose futures and timers would double
the time of a round trip. What can be answered from memory is answered in that callback; everything else runs as a
task of its own, so that a slow command delays nobody. What cannot be decoded, is too large or is not a command gets
an ErrorReply and changes nothing. Clients are served in turn, a message each, by ZeroMQ itself; a client that asks too
often is refused before its message is decoded.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import zmq
import zmq.asyncio

from reeld.access.buckets import Buckets
from reeld.access.door import Caller, Door, Peer, peer_of
from reeld.access.gate import Gate
from reeld.access.repeats import Done, Repeats
from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger
from reeld.runtime.sockets import bind_private
from reeld_proto import codec
from reeld_proto.commands import AnyCommand, Command, ErrorReply, Reply
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected
from reeld_proto.scopes import rule_of

REPLIES_HWM = 1000
"""Replies waiting per client; one that reads none loses its own."""
COMMANDS_HWM = 32
"""Commands waiting per client. Others wait in its own process, which pays for them: a flood takes little memory."""

FRAME_BYTES_MAX = codec.MESSAGE_BYTES_MAX
"""Above it ZeroMQ itself drops the connection: memory is not spent on it. Between the command limit and this, the
sender is told."""

COMMANDS_PER_CLIENT_MAX = 64
COMMANDS_MAX = 1024
"""Commands being carried out at a time; above that they are refused at once."""

TURN_NS = 1_000_000
"""How long messages are read at once; after that the rest of the daemon gets its turn first."""

Handler = Callable[[Command, int], Reply | Coroutine[Any, Any, Reply]]
"""Carries out a command that arrived at the monotonic instant given, at once or as a coroutine; raises ReeldError."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A command that was let in. done: where its answer is kept for repetitions of it, if at all."""

    caller: Caller
    id: str
    command: Command
    done: Done | None


class ControlServer:
    """ROUTER for clients (DEALER, frames: [envelope]).

    door: who may do what; the caller closes it. gate: lets clients in over TCP; None: there is none.
    """

    def __init__(
        self, context: zmq.asyncio.Context, address: str, handler: Handler, door: Door, gate: Gate | None = None
    ) -> None:
        self._handler = handler
        self._door = door
        self._buckets = Buckets()
        self._repeats = Repeats()
        self._seq = 0
        self._is_due = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._load: Counter[bytes] = Counter()
        self._socket: zmq.Socket[bytes] = zmq.Context.shadow(context).socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 500)
        self._socket.setsockopt(zmq.SNDHWM, REPLIES_HWM)
        self._socket.setsockopt(zmq.RCVHWM, COMMANDS_HWM)
        self._socket.setsockopt(zmq.MAXMSGSIZE, FRAME_BYTES_MAX)
        # A client that reconnects under its name must not be locked out by its own dead connection.
        self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        bind_private(self._socket, address)
        self._is_remote = gate is not None
        if gate is not None:
            gate.open(self._socket, "control")

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
        self._is_due = False
        if self._socket.closed:
            return
        arrived_ns = monotonic_ns()
        turn_ends_ns = arrived_ns + TURN_NS
        while arrived_ns < turn_ends_ns:
            try:
                name, *frames = self._socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            arrived_ns = monotonic_ns()
            curve = _property_of(name, "User-Id") if self._is_remote else ""
            self._accept(
                peer_of(name.bytes, _property_of(name, "Peer-Address"), curve),
                [frame.bytes for frame in frames],
                arrived_ns,
            )
        self._read_soon()

    def _read_soon(self) -> None:
        # Once at a time: were it asked for with every answer, a flood would multiply its own calls without end.
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._readable)

    def _accept(self, peer: Peer, frames: list[bytes], arrived_ns: int) -> None:
        try:
            asked = self._let_in(peer, frames, arrived_ns)
        except ReeldError as error:
            self._send(peer.key, codec.request_id_of(frames[-1]) if frames else "", _error_reply(error))
            return
        except Exception as error:  # noqa: BLE001 - the client is told, the daemon lives
            self._send(peer.key, codec.request_id_of(frames[-1]) if frames else "", _our_fault(error))
            return
        if asked is not None:
            self._begin(asked, arrived_ns)

    def _begin(self, asked: _Asked, arrived_ns: int) -> None:
        try:
            result = self._handler(asked.command, arrived_ns)
        except ReeldError as error:
            result = _error_reply(error)
        except Exception as error:  # noqa: BLE001 - as above
            result = _our_fault(error)
        if isinstance(result, Reply):
            self._answer(asked, result)
            return
        self._load[asked.caller.peer.key] += 1
        task = asyncio.get_running_loop().create_task(self._carry_out(asked, result))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, asked: _Asked, work: Coroutine[Any, Any, Reply]) -> None:
        key = asked.caller.peer.key
        try:
            reply = await work
        except ReeldError as error:
            reply = _error_reply(error)
        except Exception as error:  # noqa: BLE001 - as above
            reply = _our_fault(error)
        finally:
            self._load[key] -= 1
            if not self._load[key]:
                del self._load[key]
        self._answer(asked, reply)

    def _let_in(self, peer: Peer, frames: list[bytes], arrived_ns: int) -> _Asked | None:
        """The command, if it is to be carried out; None if it came before, and so did its answer. Raises ReeldError."""
        if not self._buckets.take(peer.account, arrived_ns):
            raise RequestRejected("too many commands", code=ErrorCode.RATE_LIMITED, remedy="Wait a second.")
        if len(frames) != 1:
            raise RequestRejected(f"a command is one frame, this has {len(frames)}")
        if self._load[peer.key] >= COMMANDS_PER_CLIENT_MAX or len(self._tasks) >= COMMANDS_MAX:
            raise RequestRejected("too many commands at a time", code=ErrorCode.DENIED, remedy="Wait for replies.")
        envelope: codec.Envelope[Any] = codec.unpack(frames[0], AnyCommand)
        command: Command = envelope.body
        caller = self._door.enter(peer, envelope.token, command)
        if not (envelope.id and rule_of(type(command)).changes):
            return _Asked(caller, envelope.id, command, None)
        before = self._repeats.find(peer.key, envelope.id, command, arrived_ns)
        if before is None:
            done = self._repeats.begin(peer.key, envelope.id, command, arrived_ns)
            return _Asked(caller, envelope.id, command, done)
        if before.reply is None:
            before.again += 1
        else:
            self._send(peer.key, envelope.id, before.reply)
        return None

    def _answer(self, asked: _Asked, reply: Reply) -> None:
        self._door.left(asked.caller, asked.command, reply)
        times = 1
        if asked.done is not None:
            asked.done.reply = reply
            times += asked.done.again
        for _ in range(times):
            self._send(asked.caller.peer.key, asked.id, reply)

    def _send(self, peer: bytes, request_id: str, reply: Reply) -> None:
        self._seq += 1
        try:
            data = codec.pack(reply, seq=self._seq, id=request_id, sender="reeld", sent_ns=monotonic_ns())
            self._socket.send_multipart([peer, data], zmq.NOBLOCK)
        except (ReeldError, zmq.ZMQError) as error:
            get_logger().warning("control.reply_lost", reply=type(reply).__name__, reason=str(error))
        # Sending may have consumed the wake-up of a message that arrived meanwhile.
        if int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            self._read_soon()


def _property_of(frame: zmq.Frame, name: str) -> str:
    """What ZeroMQ tells of the peer that a frame came from; empty where it tells nothing."""
    try:
        return str(frame.get(name))
    except zmq.ZMQError:
        return ""


def _error_reply(error: ReeldError) -> ErrorReply:
    return ErrorReply(code=error.code, message=str(error), remedy=error.remedy, faults=list(error.faults))


def _our_fault(error: Exception) -> ErrorReply:
    get_logger().error("control.command_failed", exc_info=error)
    return ErrorReply(code=ErrorCode.INTERNAL, message=f"{type(error).__name__} in the daemon; its log has more")
