"""The client without I/O: what to send, what arrived, what is overdue. No socket, no clock, no thread.

`Requests` is the table of questions under way; `EventTracker` decides which events continue the known state. Both
are told the time, so that the synchronous and the asyncio client share them and tests need no waiting.

DESIGN: a question has either a deadline or, when its work may take long (export, verify), a watch: as long as it is
open a `Ping` goes out every `PING_EVERY_S` on the same socket, and anything that arrives counts as life.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from reeld_proto.codec import MESSAGE_BYTES_MAX, pack, request_id_of, sequence_of, unpack
from reeld_proto.commands import AnyCommand, AnyReply, ErrorReply, Ping, Snapshot
from reeld_proto.errors import ErrorCode, InternalError, ReeldError, RequestRejected, TransportError, error_for
from reeld_proto.events import AnyEvent
from reeld_proto.units import NS_PER_S

R = TypeVar("R")
S = TypeVar("S")

PING_EVERY_S = 2.0
SILENCE_MAX_S = 5.0
"""Two pings may be lost or late before the daemon counts as hung."""


@dataclass(frozen=True, slots=True)
class Call(Generic[R]):
    """A question and how to read its answer.

    timeout_s: seconds until TransportError(TIMEOUT); None for work of any length, then watched with pings.
    progress_path: which `ExportProgress` events belong to it; None for calls without progress. name: for errors, where
    it is not the command's type.
    """

    command: AnyCommand
    read: Callable[[AnyReply], R]
    timeout_s: float | None
    progress_path: str | None = None
    name: str = ""


def expect(reply_type: type[S]) -> Callable[[AnyReply], S]:
    """Reader of a `Call` that lets only one type of reply pass. It raises InternalError for any other."""

    def read(reply: AnyReply) -> S:
        if not isinstance(reply, reply_type):
            raise InternalError(f"the daemon answered {tag(reply)!r} where {reply_type.__name__} was expected")
        return reply

    return read


def tag(message: AnyCommand | AnyReply) -> str:
    """Type tag of a message, for people: `session.start`."""
    return str(type(message).__struct_config__.tag)


@dataclass(slots=True)
class _Pending:
    name: str
    started_ns: int
    deadline_ns: int | None
    ping_due_ns: int | None


class Requests:
    """Questions under way. Times are nanoseconds of one monotonic clock of the caller's choice.

    prefix: makes the request ids of two clients different; the daemon only copies them. token: put into every envelope.
    """

    def __init__(self, prefix: str, token: str = "") -> None:
        self._prefix = prefix
        self._token = token
        self._count = 0
        self._heard_ns = 0
        self._pending: dict[str, _Pending] = {}
        self._outcomes: dict[str, AnyReply | ReeldError] = {}

    def begin(self, command: AnyCommand, now_ns: int, timeout_s: float | None, name: str = "") -> tuple[str, bytes]:
        """Enter a question; its id and the bytes to send. Raises InternalError if it cannot be encoded."""
        key = self._next_id()
        data = pack(command, seq=self._count, id=key, sent_ns=now_ns, token=self._token)
        deadline_ns = None if timeout_s is None else now_ns + _ns(timeout_s)
        ping_due_ns = now_ns + _ns(PING_EVERY_S) if timeout_s is None else None
        self._pending[key] = _Pending(name or tag(command), now_ns, deadline_ns, ping_due_ns)
        return key, data

    def _next_id(self) -> str:
        self._count += 1
        return f"{self._prefix}-{self._count}"

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take one message from the daemon. Answers to forgotten questions and pongs only count as life."""
        self._heard_ns = now_ns
        try:
            envelope = unpack(data, AnyReply, limit=MESSAGE_BYTES_MAX)
        except RequestRejected as error:
            self._settle(request_id_of(data, limit=MESSAGE_BYTES_MAX), _unreadable(error))
            return
        reply: AnyReply = envelope.body
        if isinstance(reply, ErrorReply):
            self._settle(envelope.id, error_for(reply.code, reply.message, reply.remedy, tuple(reply.faults)))
        else:
            self._settle(envelope.id, reply)

    def _settle(self, id: str, outcome: AnyReply | ReeldError) -> None:
        if self._pending.pop(id, None) is not None:
            self._outcomes[id] = outcome

    def outcome(self, id: str) -> AnyReply | None:
        """The reply to a question, handed out once; None while it is under way. Raises what went wrong with it."""
        outcome = self._outcomes.pop(id, None)
        if isinstance(outcome, ReeldError):
            raise outcome
        return outcome

    def settled(self) -> list[str]:
        """Ids whose `outcome` can be fetched."""
        return list(self._outcomes)

    def forget(self, id: str) -> None:
        """The caller no longer wants this answer; harmless when it is known already or was fetched."""
        self._pending.pop(id, None)
        self._outcomes.pop(id, None)

    def lost(self) -> None:
        """The connection broke: every open question fails, for nobody knows whether it was carried out."""
        for key, pending in list(self._pending.items()):
            self._settle(key, _went_away(pending.name))

    def expire(self, now_ns: int) -> list[bytes]:
        """Fail what is overdue at `now_ns`; returns the pings to send."""
        pings = []
        for key, pending in list(self._pending.items()):
            if pending.deadline_ns is not None and now_ns >= pending.deadline_ns:
                self._settle(key, _overdue(pending.name, (now_ns - pending.started_ns) / NS_PER_S))
            elif pending.ping_due_ns is None:
                continue
            elif now_ns >= self._silent_until_ns(pending):
                self._settle(key, _hung(pending.name))
            elif now_ns >= pending.ping_due_ns:
                pending.ping_due_ns = now_ns + _ns(PING_EVERY_S)
                pings.append(pack(Ping(), seq=self._count, id=self._next_id(), sent_ns=now_ns, token=self._token))
        return pings

    def _silent_until_ns(self, pending: _Pending) -> int:
        return max(self._heard_ns, pending.started_ns) + _ns(SILENCE_MAX_S)

    def wake_ns(self) -> int | None:
        """When `expire` next has something to do; None if never."""
        times = []
        for pending in self._pending.values():
            if pending.deadline_ns is not None:
                times.append(pending.deadline_ns)
            if pending.ping_due_ns is not None:
                times += [pending.ping_due_ns, self._silent_until_ns(pending)]
        return min(times, default=None)


class EventTracker:
    """Keeps a reader of events on a state without holes: a `Snapshot`, then every event after it.

    Give it every envelope received. When `needs_snapshot`, fetch one and `start` with it; the event that showed the
    hole waits inside until then. `seq` is the number of the last event applied. sees_all: every topic is received;
    the numbers rise over all of them, so that only then a hole is a loss.
    """

    def __init__(self, *, sees_all: bool = True) -> None:
        self.seq: int | None = None
        self.needs_snapshot = True
        self._sees_all = sees_all
        self._held: bytes | None = None

    def start(self, snapshot: Snapshot) -> None:
        """Continue from this state."""
        self.seq = snapshot.event_seq
        self.needs_snapshot = False

    def receive(self, data: bytes) -> AnyEvent | None:
        """The event, if it continues the known state; None if it is old, unreadable (a newer daemon's) or held."""
        seq = sequence_of(data)
        if seq is None:
            return None
        if seq == 0:
            # Not numbered: there is too much of it for those who did not name it, and a loss of it does not matter.
            return None if self._sees_all else _event_in(data)
        if self.seq is None or (self._sees_all and seq > self.seq + 1):
            self.needs_snapshot = True
            self._held = data
            return None
        return self._apply(seq, data)

    def release(self) -> AnyEvent | None:
        """After `start`: the event that was held, unless the snapshot knows it. It cannot show the same hole again."""
        data, self._held = self._held, None
        seq = None if data is None else sequence_of(data)
        return None if data is None or seq is None else self._apply(seq, data)

    def _apply(self, seq: int, data: bytes) -> AnyEvent | None:
        if self.seq is None or seq <= self.seq:
            return None
        self.seq = seq
        return _event_in(data)


def _event_in(data: bytes) -> AnyEvent | None:
    """The event; None if it cannot be read."""
    try:
        event: AnyEvent = unpack(data, AnyEvent).body
    except RequestRejected:
        return None
    return event


def _ns(duration_s: float) -> int:
    return round(duration_s * NS_PER_S)


_AGAIN = "Look with `reelctl status`, then try again."


def _went_away(name: str) -> TransportError:
    return TransportError(f"the daemon went away before it answered {name}", remedy=_AGAIN)


def _overdue(name: str, waited_s: float) -> TransportError:
    return TransportError(
        f"the daemon did not answer {name} within {waited_s:.1f} s", code=ErrorCode.TIMEOUT, remedy=_AGAIN
    )


def _hung(name: str) -> TransportError:
    return TransportError(
        f"the daemon stopped answering while it worked on {name}", code=ErrorCode.TIMEOUT, remedy=_AGAIN
    )


def _unreadable(error: RequestRejected) -> InternalError:
    return InternalError(
        f"the daemon's answer cannot be read: {error}", remedy="Client and daemon should be of the same release."
    )
