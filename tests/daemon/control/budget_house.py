"""The parts of a daemon that the budget speaks to, over a real store in this process; the free disk is made up."""

import os
from types import SimpleNamespace
from typing import Any, cast

from reeld.config import Config, StorageConfig, StoreConfig
from reeld.control.collecting import Collector
from reeld.control.parts import Parts
from reeld.export.thin import thin
from reeld.runtime.clock import wall_ns
from reeld.store import orders, sessions
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld.store.usage import survey
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.events import Event
from reeld_proto.records import SessionInfo
from reeld_proto.store_orders import CollectChunks, RunThin, RunUsage, Surveyed
from reeld_proto.workers import AnyOrder, AnyReport
from tests.daemon.store.builders import NS, chunk, creation, finish, land

DAY_NS = 86_400 * NS
MB = 1_000_000


class House:
    """parts: what handlers get. Sessions of a megabyte each are made with `record`."""

    def __init__(self, store: StoreEnvironment, *, reserve_bytes: int = 0, **storage: Any) -> None:
        self.store = store
        self.free = 1 << 40
        self.asked: list[AnyOrder] = []
        self.events: list[Event] = []
        self.paused = False
        self.quick = True
        self.busy = ""
        self.recording = ""
        self.refuse: type | None = None
        self.collects_max = 1000
        self.oldest_job_ns: int | None = None
        self.config = Config(storage=StorageConfig(**storage), store=StoreConfig(reserve_bytes=reserve_bytes))
        jobs = SimpleNamespace(
            run=self._run,
            is_busy_with=lambda session: session == self.busy,
            oldest_start_wall_ns=lambda: self.oldest_job_ns,
        )
        self.hastened: list[str] = []
        self.parts = cast(
            "Parts",
            SimpleNamespace(
                config=self.config,
                ask_store=self._ask_store,
                collector=Collector(self._ask_store, cast("Any", jobs)),
                jobs=jobs,
                library=SimpleNamespace(
                    show=self._show, survey_if_quick=self._survey_if_quick, bytes_in_use=self._bytes_in_use
                ),
                stats=SimpleNamespace(free_bytes=lambda: self.free),
                sessions=SimpleNamespace(brief=lambda: SimpleNamespace(id=self.recording) if self.recording else None),
                upkeep=SimpleNamespace(is_paused=lambda _kind: self.paused, hasten=self.hastened.append),
                publish=self.events.append,
                store_dir=store.path,
            ),
        )

    def record(self, name: str, age_days: float = 0, *, size: int = MB, end: bool = True, pinned: bool = False) -> None:
        """A session of four chunks that began so long ago."""
        began_ns = wall_ns() - round(age_days * DAY_NS)
        with self.store.write() as txn:
            sessions.create(txn, creation(name, name, started_wall_ns=began_ns))
        for at in range(4):
            data = os.urandom(size // 4)
            land(self.store, chunk(at * NS, (at + 1) * NS, data, session=name, seq=at + 1, keyframe=at == 0))
        with self.store.write() as txn:
            if end:
                sessions.finish(txn, finish(4 * NS, name))
            record = sessions.load(txn, name)
            record.pinned = pinned
            sessions.save(txn, record)

    def names(self) -> list[str]:
        """Sessions that are there."""
        return [room.session for room in survey(self.store).sessions]

    def held(self) -> int:
        with self.store.read() as txn:
            return txn.bytes_in_use()

    def orders(self, kind: type) -> list[Any]:
        """Orders of one kind that were given."""
        return [order for order in self.asked if isinstance(order, kind)]

    async def _ask_store(self, order: AnyOrder, _timeout_s: float) -> AnyReport:
        self.asked.append(order)
        if self.refuse is not None and isinstance(order, self.refuse):
            raise RequestRejected("the store will not")
        if isinstance(order, CollectChunks) and order.chunks_max > self.collects_max:
            raise RequestRejected("no room left", code=ErrorCode.DISK_FULL)
        with self.store.write() as txn:
            return orders.carry_out(txn, order, Circumstances(self.store.path, ()))

    async def _run(self, order: AnyOrder) -> AnyReport:
        self.asked.append(order)
        if self.refuse is not None and isinstance(order, self.refuse):
            raise RequestRejected("the job will not")
        # Not through the table of jobs: lmdb opens an environment only once in a process.
        if isinstance(order, RunThin):
            return thin(StoreReader(self.store), order)
        assert isinstance(order, RunUsage)
        return survey(self.store)

    async def _show(self, session: str) -> SessionInfo:
        return StoreReader(self.store).show(session)

    async def _survey_if_quick(self) -> Surveyed | None:
        return survey(self.store) if self.quick else None

    async def _bytes_in_use(self) -> int:
        return self.held()
