"""The store worker: the one process that writes. Takes chunks from producers and orders from the daemon.

DESIGN: everything that waits on the ingest socket goes into one transaction, so that the price of a sync is shared
when it is busy and nothing waits when it is not. Only what is durable is acknowledged. When a commit fails (disk
full), the batch is thrown away unacknowledged: its producers still hold it. Once there is room the store announces
itself as a new instance, which makes them send again. Nothing is ever kept in this process's memory.

Queues: `ingest` (messages, RCVHWM; when full ZeroMQ stops reading and the producers' outboxes fill, which are bounded
in bytes); `commits` (messages, SNDHWM; when full, notes to a subscriber that does not read are dropped: they are
cumulative).
"""

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import zmq

from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger
from reeld.runtime.worker import WorkerContext, main
from reeld.store import recovery, sessions
from reeld.store.acks import Acknowledger, AckPlan
from reeld.store.api import Buffer, Fate, IngestItem, Landing
from reeld.store.environment import StoreEnvironment, Table, Transaction
from reeld.store.ingest import INIT_BYTES_MAX, Batch
from reeld.store.keys import name_key
from reeld.store.records import Position
from reeld_proto import codec
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected
from reeld_proto.stats import QueueStats
from reeld_proto.workers import (
    COMMITS_FOR_ALL,
    AnyCommitNote,
    AnyIngest,
    AnyOrder,
    AnyReport,
    AnyTelemetry,
    Committed,
    CreateSession,
    Done,
    FinishSession,
    IngestRefused,
    Progress,
    RecordClockJump,
    RecordMarker,
    RecordPause,
    RecordState,
    StoreStarted,
    Trouble,
)

LIVE_SESSION_VARIABLE = "REELD_LIVE_SESSION"
"""Environment variable naming the session that goes on while only this worker was restarted; empty otherwise."""

BATCH_BYTES_MAX = 4 * 1024 * 1024
BATCH_MESSAGES_MAX = 100
"""A batch of this size commits in about 20 ms, so that no order waits long behind it."""

INGEST_HWM = 64
COMMITS_HWM = 10_000
ENVELOPE_BYTES_MAX = 64 * 1024
_FRAME_BYTES_LIMIT = 2 * codec.PAYLOAD_BYTES_MAX
"""ZeroMQ drops the connection of whoever sends a larger frame; between the two limits the message is refused."""

FREE_BYTES_TO_RETRY = 16 * 1024 * 1024
RETRY_TICKS = 4
"""After a failed commit, try again every so many ticks (2 s)."""


class StoreWorker:
    """Implements `reeld.runtime.worker.Worker`. Main thread only."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._store = StoreEnvironment.open_write(context.store)
        self._sockets: list[Any] = []
        try:
            live = os.environ.get(LIVE_SESSION_VARIABLE, "")
            for session in recovery.recover(self._store, live):
                get_logger().warning("session.interrupted", session_id=session)
            self._acks = Acknowledger(recovery.positions(self._store))
            self._ingest = self._bind(zmq.PULL, context.endpoints.ingest)
            self._commits = self._bind(zmq.XPUB, context.endpoints.commits)
        except BaseException:
            self.close()
            raise
        self._instance = uuid.uuid4().hex
        self._seq = 0
        self._failing: ErrorCode | None = None
        self._ticks_to_retry = 0
        self._starved: set[str] = set()
        self._session = ""
        self._peak = 0
        self._malformed = 0
        self._landed = False

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
        socket.bind(address)  # replaces the file that a killed store left behind
        return socket

    def handle(self, order: AnyOrder) -> AnyReport:
        """Carry out an order of the daemon in one transaction; it is durable when this returns."""
        if isinstance(order, FinishSession):
            self._drain()  # what was sent before the end belongs to the session
        with self._store.write() as txn:
            match order:
                case CreateSession():
                    sessions.create(txn, order)
                case RecordPause():
                    sessions.pause(txn, order)
                case RecordMarker():
                    sessions.mark(txn, order)
                case RecordState():
                    sessions.set_state(txn, order)
                case RecordClockJump():
                    sessions.clock_jump(txn, order)
                case FinishSession():
                    starved = order.session in self._starved
                    sessions.finish(txn, order, sessions.tail_reason(disk_was_full=starved))
                case _:
                    raise RequestRejected(
                        f"the store does not know {type(order).__name__}", code=ErrorCode.UNKNOWN_COMMAND
                    )
        return Done()

    def readers(self) -> Mapping[Any, Callable[[], None]]:
        """The ingest socket and the subscriptions of the commits socket."""
        return {self._ingest: self._on_ingest, self._commits: self._on_subscription}

    def tick(self) -> list[AnyTelemetry]:
        """Progress when something landed since the last tick; housekeeping."""
        if self._failing is not None:
            self._ticks_to_retry -= 1
            if self._ticks_to_retry <= 0:
                self._retry()
        if not self._landed:
            return []
        self._landed = False
        queue = QueueStats(
            name="ingest", unit="messages", depth=0, limit=INGEST_HWM, peak=self._peak, dropped=self._malformed
        )
        return [Progress(worker=self._context.name, session=self._session, queues=[queue])]

    def close(self) -> None:
        """Commit what has arrived, then release everything."""
        if hasattr(self, "_instance"):
            with contextlib.suppress(ReeldError):
                self._drain()
        for socket in self._sockets:
            socket.close()
        self._sockets.clear()
        self._store.close()

    # -- ingest ------------------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        for _ in range(INGEST_HWM):
            if not self._ingest.poll(0):
                return
            self._on_ingest()

    def _on_ingest(self) -> None:
        batch = self._receive()
        self._peak = max(self._peak, len(batch))
        if not batch:
            return
        if self._failing is not None:
            self._throw_away(batch)
            return
        plan = self._acks.plan(((item.producer, item.seq) for item in batch), monotonic_ns())
        try:
            with self._store.write() as txn:
                landings = self._land(txn, batch)
                _keep_positions(txn, plan)
        except ReeldError as error:
            self._commit_failed(error, batch)
            return
        self._acks.apply(plan)
        self._landed = True
        self._session = batch[-1].message.session
        self._publish_outcome(plan, batch, landings)

    def _receive(self) -> list[IngestItem]:
        """Everything that waits, up to the size of a batch."""
        batch: list[IngestItem] = []
        size = 0
        while size < BATCH_BYTES_MAX and len(batch) < BATCH_MESSAGES_MAX:
            try:
                frames = self._ingest.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            size += sum(len(frame) for frame in frames)
            item = self._decode([frame.buffer for frame in frames])
            if item is not None:
                batch.append(item)
        return batch

    def _decode(self, frames: list[memoryview]) -> IngestItem | None:
        """The message in `frames`, or None if it is not one: counted, logged and dropped."""
        try:
            envelope = codec.unpack(frames[0], AnyIngest, limit=ENVELOPE_BYTES_MAX)
            name_key(envelope.sender)
        except RequestRejected as error:
            self._malformed += 1
            get_logger().error("ingest.malformed", reason=str(error)[:200], frames=len(frames))
            return None
        payload: Buffer = frames[1] if len(frames) > 1 else b""
        init: Buffer = frames[2] if len(frames) > 2 else b""
        if len(payload) > codec.PAYLOAD_BYTES_MAX or len(init) > INIT_BYTES_MAX:
            # Too large to be taken: as a chunk without bytes it is refused, and its producer is told.
            payload, init = b"", b""
        return IngestItem(envelope.sender, envelope.seq, envelope.body, payload, init)

    def _land(self, txn: Transaction, batch: list[IngestItem]) -> list[Landing]:
        landing = Batch(txn, disk_was_full=self._starved.__contains__)
        landings = [landing.land(item) for item in batch]
        landing.finish()
        return landings

    def _publish_outcome(self, plan: AckPlan, batch: list[IngestItem], landings: list[Landing]) -> None:
        for item, landing in zip(batch, landings, strict=True):
            if landing.fate is Fate.REFUSED:
                get_logger().error("ingest.refused", producer=item.producer, seq=item.seq, reason=landing.reason)
                note = IngestRefused(producer=item.producer, seq=item.seq, reason=landing.reason)
                self._publish(item.producer.encode(), note)
        for producer, seq in plan.acknowledge.items():
            self._publish(producer.encode(), Committed(producer=producer, seq=seq))

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

    # -- no room -----------------------------------------------------------------------------------------------------

    def _commit_failed(self, error: ReeldError, batch: list[IngestItem]) -> None:
        if self._failing is None:
            get_logger().error("store.commit_failed", code=error.code, reason=str(error))
            self._context.report(Trouble(worker=self._context.name, code=error.code, message=str(error)))
        self._failing = error.code
        self._ticks_to_retry = RETRY_TICKS
        self._throw_away(batch)

    def _throw_away(self, batch: list[IngestItem]) -> None:
        if self._failing is ErrorCode.DISK_FULL:
            self._starved.update(item.message.session for item in batch)
        self._acks.expect_repetition()

    def _retry(self) -> None:
        self._ticks_to_retry = RETRY_TICKS
        if self._failing is ErrorCode.DISK_FULL and shutil.disk_usage(self._store.path).free < FREE_BYTES_TO_RETRY:
            return
        try:
            with self._store.write() as txn:
                txn.put(Table.META, b"probe", uuid.uuid4().bytes)
        except ReeldError:
            return
        get_logger().warning("store.writes_again")
        self._failing = None
        self._instance = uuid.uuid4().hex
        self._publish(COMMITS_FOR_ALL, StoreStarted(instance=self._instance))


def _keep_positions(txn: Transaction, plan: AckPlan) -> None:
    for producer, seq in plan.acknowledge.items():
        txn.put_record(Table.PRODUCERS, name_key(producer), Position(seq))


if __name__ == "__main__":
    main("store", StoreWorker)
