"""Which messages of which producer may be acknowledged.

DESIGN: an acknowledgement says "everything up to this number". Messages of one producer arrive in order, so normally
that is the newest number committed. After a restart of the store it is not: what lay in ZeroMQ's pipe may arrive
before the older messages that died with the previous store. So a producer is in step only once its stream is known to
be complete: its next number follows the last one acknowledged (which is kept in the store), or its numbers go back,
which is what sending everything again looks like. Until then its messages are stored but not acknowledged. Numbers
that a full outbox skipped would look the same for ever; hence the time limit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

OUT_OF_STEP_NS_MAX = 5_000_000_000
"""Far above the 0.2 s within which a producer reconnects and sends again."""


@dataclass(frozen=True, slots=True)
class _Stream:
    acknowledged: int = 0
    newest: int = 0
    in_step: bool = False
    since_ns: int = 0


class Acknowledger:
    """Bookkeeping of all producers. Pure; used by the store's main thread.

    acknowledged: the last number acknowledged to each producer, as the store holds it.
    """

    def __init__(self, acknowledged: dict[str, int]) -> None:
        self._streams = {name: _Stream(acknowledged=seq) for name, seq in acknowledged.items()}

    def plan(self, messages: Iterable[tuple[str, int]], now_ns: int) -> "AckPlan":
        """What may be acknowledged once `messages` (producer, number; in order of arrival) are durable."""
        streams: dict[str, _Stream] = {}
        for name, seq in messages:
            stream = streams.get(name) or self._streams.get(name) or _Stream()
            streams[name] = _advanced(stream, seq, now_ns)
        return AckPlan({name: stream.acknowledged for name, stream in streams.items() if stream.in_step}, streams)

    def apply(self, plan: "AckPlan") -> None:
        """The messages of `plan` are durable."""
        self._streams.update(plan.streams)

    def expect_repetition(self) -> None:
        """Messages were thrown away unacknowledged, and the producers are asked to send again."""
        self._streams = {name: _Stream(acknowledged=stream.acknowledged) for name, stream in self._streams.items()}


@dataclass(frozen=True, slots=True)
class AckPlan:
    """acknowledge: newest number for each producer that is in step; to be published after the commit."""

    acknowledge: dict[str, int]
    streams: dict[str, _Stream]


def _advanced(stream: _Stream, seq: int, now_ns: int) -> _Stream:
    if stream.in_step:
        return replace(stream, acknowledged=seq, newest=seq)
    since_ns = stream.since_ns or now_ns
    follows = seq <= stream.acknowledged + 1
    repeats = 0 < seq <= stream.newest
    if follows or repeats or now_ns - since_ns > OUT_OF_STEP_NS_MAX:
        return _Stream(acknowledged=seq, newest=seq, in_step=True, since_ns=since_ns)
    return replace(stream, newest=max(stream.newest, seq), since_ns=since_ns)
