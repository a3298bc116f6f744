"""The acknowledged pipeline from a producer to the store: at least once, lands once.

DESIGN: every message is numbered and kept until the store says that it is durable. The store is another process that
may be killed at any moment; when a new instance of it announces itself, everything unacknowledged is sent again in
order. The store recognises what it already has, so a repetition is harmless. `Outbox` is the bookkeeping without
sockets, `Producer` the two threads that own them: one sends, one listens. Two, because waking a thread that waits on a
condition costs the caller of `send` nothing, while waking one that polls a socket takes a system call, in which Python
hands the interpreter to whoever wants it: milliseconds on a busy machine, in a thread that captures frames.
"""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import zmq

from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger
from reeld_proto import codec
from reeld_proto.errors import RequestRejected
from reeld_proto.stats import QueueStats
from reeld_proto.workers import COMMITS_FOR_ALL, AnyCommitNote, AnyIngest, Committed, IngestRefused, StoreStarted

OUTBOX_BYTES_MAX = 64 * 1024 * 1024
"""What a producer keeps for a store that does not answer: about a minute of full-motion video and sound."""

_SEND_HWM = 0
"""Unlimited in ZeroMQ: the outbox itself is the bound, so a message is never refused between the two."""


@dataclass(frozen=True)
class Parcel:
    """A numbered message as it goes over the wire."""

    seq: int
    frames: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes of all frames."""
        return sum(len(frame) for frame in self.frames)


class Outbox:
    """What was sent and is not yet known to be durable. Not thread-safe; pure.

    limit_bytes: the most it holds; above that a new parcel is refused and counted, older ones are kept, because a
    hole at the end is easier to explain than one in the middle.
    """

    def __init__(self, limit_bytes: int = OUTBOX_BYTES_MAX) -> None:
        self.limit_bytes = limit_bytes
        self.dropped = 0
        self.peak_bytes = 0
        self._parcels: deque[Parcel] = deque()
        self._bytes = 0
        self._instance = ""

    def __len__(self) -> int:
        return len(self._parcels)

    @property
    def depth_bytes(self) -> int:
        """Bytes waiting for acknowledgement."""
        return self._bytes

    def add(self, parcel: Parcel) -> bool:
        """Keep `parcel`; False if the outbox is full. A parcel is always taken when the outbox is empty."""
        if self._parcels and self._bytes + parcel.size > self.limit_bytes:
            self.dropped += 1
            return False
        self._parcels.append(parcel)
        self._bytes += parcel.size
        self.peak_bytes = max(self.peak_bytes, self._bytes)
        return True

    def committed(self, seq: int) -> None:
        """Everything up to `seq` is durable."""
        while self._parcels and self._parcels[0].seq <= seq:
            self._bytes -= self._parcels.popleft().size

    def refused(self, seq: int) -> bool:
        """The store will never take `seq`. False if that is known already: what is sent twice is refused twice."""
        kept = deque(parcel for parcel in self._parcels if parcel.seq != seq)
        news = len(kept) < len(self._parcels)
        self._bytes -= sum(parcel.size for parcel in self._parcels) - sum(parcel.size for parcel in kept)
        self._parcels = kept
        return news

    def store_started(self, instance: str) -> list[Parcel]:
        """A store announced itself: what must be sent again, oldest first; nothing if it is the one already known."""
        if instance == self._instance:
            return []
        self._instance = instance
        # At the first announcement too: acknowledgements published before the subscription arrived were missed.
        return list(self._parcels)


class Producer:
    """A producer's end of the pipeline. Threads of its own own the sockets; `send` may be called from any thread.

    context: ZeroMQ context of the process. name: unique among all producers of one daemon run (worker name and pid).
    on_refused: told the number and reason of a message that the store will never take; called in the listening thread.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        *,
        name: str,
        ingest: str,
        commits: str,
        limit_bytes: int = OUTBOX_BYTES_MAX,
        on_refused: Callable[[int, str], None] | None = None,
    ) -> None:
        self.name = name
        self._outbox = Outbox(limit_bytes)
        lock = threading.Lock()
        self._drained = threading.Condition(lock)
        self._work = threading.Condition(lock)
        self._lock = lock
        self._pending: deque[Parcel] = deque()
        self._seq = 0
        self._closing = False
        self._on_refused = on_refused
        self._wake_read, self._wake_write = os.pipe()
        self._push = context.socket(zmq.PUSH)
        self._push.setsockopt(zmq.SNDHWM, _SEND_HWM)
        self._push.setsockopt(zmq.LINGER, 0)
        self._sub = context.socket(zmq.SUB)
        self._sub.setsockopt(zmq.LINGER, 0)
        for topic in (name.encode(), COMMITS_FOR_ALL):
            self._sub.setsockopt(zmq.SUBSCRIBE, topic)
        # The reconnect interval bounds how long a restarted store waits for its producers.
        for socket in (self._push, self._sub):
            socket.setsockopt(zmq.RECONNECT_IVL, 20)
            socket.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
        self._push.connect(ingest)
        self._sub.connect(commits)
        self._threads = [
            threading.Thread(target=self._send_all, name="producer-send", daemon=True),
            threading.Thread(target=self._listen, name="producer-listen", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def send(self, message: AnyIngest, payload: bytes = b"", init: bytes = b"") -> bool:
        """Hand over a message; never blocks. False if the outbox is full: the message is dropped and counted."""
        with self._lock:
            self._seq += 1
            envelope = codec.pack(message, seq=self._seq, sender=self.name, sent_ns=monotonic_ns())
            frames = (envelope, payload, init) if payload else (envelope,)
            parcel = Parcel(self._seq, frames)
            if self._closing or not self._outbox.add(parcel):
                return False
            self._pending.append(parcel)
            self._work.notify()
        return True

    def wait_drained(self, timeout_s: float) -> bool:
        """Wait until the store has acknowledged everything sent so far; False if it has not in time."""
        with self._lock:
            return self._drained.wait_for(lambda: len(self._outbox) == 0, timeout_s)

    def statistics(self) -> QueueStats:
        """Depth and limit of the outbox in bytes."""
        with self._lock:
            return QueueStats(
                name="outbox",
                unit="bytes",
                depth=self._outbox.depth_bytes,
                limit=self._outbox.limit_bytes,
                peak=self._outbox.peak_bytes,
                dropped=self._outbox.dropped,
                overflow="drop",
            )

    def close(self) -> None:
        """Stop the threads and close the sockets; what is not acknowledged is forgotten. May be called twice."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
            self._work.notify()
        os.write(self._wake_write, b"x")
        for thread in self._threads:
            thread.join()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _send_all(self) -> None:
        with contextlib.closing(self._push):
            while True:
                with self._lock:
                    self._work.wait_for(lambda: self._pending or self._closing)
                    if self._closing:
                        return
                    parcels = list(self._pending)
                    self._pending.clear()
                for parcel in parcels:
                    self._push.send_multipart(parcel.frames, copy=False)

    def _listen(self) -> None:
        poller = zmq.Poller()
        poller.register(self._sub, zmq.POLLIN)
        poller.register(self._wake_read, zmq.POLLIN)
        with contextlib.closing(self._sub):
            while self._wake_read not in dict(poller.poll()):
                self._read_notes()

    def _read_notes(self) -> None:
        while self._sub.poll(0):
            frames = self._sub.recv_multipart()
            try:
                note = codec.unpack(frames[-1], AnyCommitNote).body
            except RequestRejected as error:
                get_logger().error("outbox.note_unreadable", reason=str(error))
                continue
            self._apply(note)

    def _apply(self, note: AnyCommitNote) -> None:
        again: list[Parcel] = []
        news = False
        with self._lock:
            match note:
                case Committed(producer=self.name, seq=seq):
                    self._outbox.committed(seq)
                case IngestRefused(producer=self.name, seq=seq):
                    news = self._outbox.refused(seq)
                case StoreStarted(instance=instance):
                    again = self._outbox.store_started(instance)
                    if again:
                        # Everything pending is among the unacknowledged; sending it twice would only cost time.
                        self._pending = deque(again)
                        self._work.notify()
            if not len(self._outbox):
                self._drained.notify_all()
        if isinstance(note, IngestRefused) and news:
            get_logger().error("outbox.refused", seq=note.seq, reason=note.reason)
            if self._on_refused is not None:
                self._on_refused(note.seq, note.reason)
        if again:
            get_logger().warning("outbox.resend", messages=len(again), bytes=sum(parcel.size for parcel in again))
