"""The store worker: the one process that writes. Takes chunks from producers and orders from the daemon.

DESIGN: the main thread owns the sockets and never waits for the disk; the writer's thread owns the environment (see
writer.py). What is not yet written waits in one queue, bounded in messages and bytes; while it is full the ingest
socket is not read. Only what is durable is acknowledged. After a commit that failed the store announces itself as a new
instance once it can write again, which makes the producers send again what they still hold.

Queues: `ingest` (messages, RCVHWM; when full ZeroMQ stops reading and the producers' outboxes fill, which are bounded
in bytes); `persist` (queue.py); `commits` (messages, SNDHWM; when full, notes to a subscriber that does not read are
dropped: they are cumulative).
"""

import contextlib
import itertools
import os
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import zmq

from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger
from reeld.runtime.sockets import bind_private
from reeld.runtime.worker import WorkerContext, main
from reeld.store.acks import Acknowledger
from reeld.store.intake import BurstLog, decode
from reeld.store.opening import open_store
from reeld.store.writer import Answered, Broken, Failed, Landed, OldReader, Writer, WritesAgain
from reeld_proto import codec
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.stats import QueueStats
from reeld_proto.workers import (
    COMMITS_FOR_ALL,
    AnyCommitNote,
    AnyOrder,
    AnyReport,
    AnyTelemetry,
    Committed,
    CreateSession,
    FinishSession,
    IngestRefused,
    KeepLast,
    Progress,
    StoreStarted,
    Trouble,
)

LIVE_SESSION_VARIABLE = "REELD_LIVE_SESSION"
"""Environment variable naming the session that goes on while only this worker was restarted; empty otherwise."""

INGEST_HWM = 64
COMMITS_HWM = 10_000
_FRAME_BYTES_LIMIT = 2 * codec.PAYLOAD_BYTES_MAX
"""ZeroMQ drops the connection of whoever sends a larger frame; between the two limits the message is refused."""

SLOW_DISK_S = 1.0
"""A commit that takes longer is reported: people should know why nothing becomes durable."""

BEAT_TICKS = 2
"""While a session is open the store reports at least every so many ticks (1 s): silence means that it hangs."""


class StoreWorker:
    """Implements `reeld.runtime.worker.Worker`. Main thread only."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        live = os.environ.get(LIVE_SESSION_VARIABLE, "")
        opened = open_store(context.store, live)
        self._tenancy = opened.tenancy
        self._sockets: list[Any] = []
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        try:
            self._writer = Writer(opened.store, Acknowledger(opened.positions), self._wake)
            self._ingest = self._bind(zmq.PULL, context.endpoints.ingest)
            self._commits = self._bind(zmq.XPUB, context.endpoints.commits)
        except BaseException:
            opened.store.close()
            self._release()
            raise
        self._instance = uuid.uuid4().hex
        self._seq = 0
        self._tickets = itertools.count(1)
        self._orders: dict[int, Future[AnyReport]] = {}
        self._open = {live} - {""}
        self._session = live
        self._peak = 0
        self._malformed = BurstLog("ingest.malformed")
        self._refused = BurstLog("ingest.refused")
        self._landed = False
        self._slow = False
        self._ticks = 0
        self._listening = {
            self._wake_read: self._on_outcomes,
            self._commits: self._on_subscription,
            self._ingest: self._on_ingest,
        }
        self._deaf = {self._wake_read: self._on_outcomes, self._commits: self._on_subscription}
        if opened.damage:
            message = f"{opened.damage}; `reelctl verify` names what that costs, the rest is served"
            context.report(Trouble(worker=context.name, code=ErrorCode.CORRUPT, message=message))
        self._writer.start()

    def _bind(self, kind: int, address: str) -> Any:
        socket = self._context.zmq.socket(kind)
        self._sockets.append(socket)
        # The last acknowledgements are worth a moment: without them producers would send again.
        socket.setsockopt(zmq.LINGER, 200)
        if kind == zmq.PULL:
            socket.setsockopt(zmq.RCVHWM, INGEST_HWM)
            socket.setsockopt(zmq.MAXMSGSIZE, _FRAME_BYTES_LIMIT)
        else:
            socket.setsockopt(zmq.SNDHWM, COMMITS_HWM)
            socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        bind_private(socket, address)  # replaces the file that a killed store left behind
        return socket

    def handle(self, order: AnyOrder) -> "Future[AnyReport]":
        """Have an order of the daemon carried out in one transaction; it is durable when the future has its report."""
        if isinstance(order, FinishSession | KeepLast):
            self._drain()  # what was sent before the end belongs to the session
        ticket = next(self._tickets)
        future = self._orders[ticket] = Future[AnyReport]()
        future.add_done_callback(lambda done: self._note_sessions(order, done))
        self._writer.order(ticket, order)
        return future

    def readers(self) -> Mapping[Any, Callable[[], None]]:
        """The ingest socket, while there is room, the subscriptions of the commits socket, and the writer's news."""
        return self._deaf if self._writer.full else self._listening

    def tick(self) -> list[AnyTelemetry]:
        """Progress when something landed since the last tick or a session is open; trouble with the disk."""
        self._malformed.flush()
        self._refused.flush()
        self._ticks += 1
        found: list[AnyTelemetry] = []
        busy_s = self._writer.busy_s
        slow = busy_s > SLOW_DISK_S
        if slow and not self._slow:
            message = f"waiting for the disk: a commit has taken {busy_s:.1f} s so far"
            get_logger().warning("store.waiting_for_disk", waiting_s=round(busy_s, 1))
            found.append(Trouble(worker=self._context.name, code=ErrorCode.DISK_SLOW, message=message))
        self._slow = slow
        if self._landed or slow or (self._open and self._ticks % BEAT_TICKS == 0):
            self._landed = False
            found.append(Progress(worker=self._context.name, session=self._session, queues=self._queues()))
        return found

    def close(self) -> None:
        """Commit what has arrived, then release everything."""
        self._drain()
        self._writer.close()
        self._on_outcomes()
        self._malformed.flush()
        self._refused.flush()
        self._release()
        self._tenancy.end()

    def _release(self) -> None:
        for socket in self._sockets:
            socket.close()
        self._sockets.clear()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _queues(self) -> list[QueueStats]:
        ingest = QueueStats(
            name="ingest", unit="messages", depth=0, limit=INGEST_HWM, peak=self._peak, dropped=self._malformed.total
        )
        return [ingest, *self._writer.statistics()]

    # -- ingest ------------------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        for _ in range(INGEST_HWM):
            if self._writer.full or not self._ingest.poll(0):
                return
            self._on_ingest()

    def _on_ingest(self) -> None:
        """Read what waits, while there is room, but not for ever: the loop has others to serve."""
        taken = 0
        while taken < INGEST_HWM and not self._writer.full:
            try:
                frames = self._ingest.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            taken += 1
            try:
                item = decode([frame.buffer for frame in frames])
            except RequestRejected as error:
                self._malformed.add(str(error), frames=len(frames))
                self._landed = True
                continue
            self._writer.submit(item, sum(len(frame) for frame in frames))
        self._peak = max(self._peak, taken)

    # -- what the writer tells ---------------------------------------------------------------------------------------

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # the pipe is full of wake-ups already
            os.write(self._wake_write, b"x")

    def _on_outcomes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)
        for outcome in self._writer.take():
            match outcome:
                case Landed():
                    self._publish_landed(outcome)
                case Answered(ticket=ticket, outcome=answer):
                    future = self._orders.pop(ticket)
                    if isinstance(answer, Exception):
                        future.set_exception(answer)
                    else:
                        future.set_result(answer)
                case Failed(code=code, reason=reason):
                    self._context.report(Trouble(worker=self._context.name, code=code, message=reason))
                case WritesAgain():
                    self._instance = uuid.uuid4().hex
                    self._publish(COMMITS_FOR_ALL, StoreStarted(instance=self._instance))
                case Broken(error=error):
                    raise error  # ends the process; the supervisor starts another
                case OldReader(pid=pid, age_s=age_s):
                    message = f"process {pid} has kept one state of the store open for {age_s:.0f} s: the file grows"
                    self._context.report(
                        Trouble(worker=self._context.name, code=ErrorCode.WRONG_STATE, message=message)
                    )

    def _publish_landed(self, landed: Landed) -> None:
        self._landed = True
        self._session = landed.session
        for producer, seq, reason in landed.refused:
            self._refused.add(reason, producer=producer, seq=seq)
            self._publish(producer.encode(), IngestRefused(producer=producer, seq=seq, reason=reason))
        for producer, seq in landed.acknowledge.items():
            self._publish(producer.encode(), Committed(producer=producer, seq=seq))

    def _note_sessions(self, order: AnyOrder, done: "Future[AnyReport]") -> None:
        if done.exception() is None:
            if isinstance(order, CreateSession):
                self._open.add(order.session)
            elif isinstance(order, FinishSession):
                self._open.discard(order.session)

    def _publish(self, topic: bytes, note: AnyCommitNote) -> None:
        self._seq += 1
        envelope = codec.pack(note, seq=self._seq, sender=self._context.name, sent_ns=monotonic_ns())
        self._commits.send_multipart((topic, envelope))

    def _on_subscription(self) -> None:
        while True:
            try:
                data = self._commits.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            if data[:1] == b"\x01":
                self._publish(data[1:], StoreStarted(instance=self._instance))


if __name__ == "__main__":
    main("store", StoreWorker)
