"""A stage of one session that is done on a cluster. Runs in the enrichment worker.

DESIGN: the store of this machine says what is missing, and takes what is found, as always. What the copy does not have
yet is done here, so a session need not be synced to be enriched.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reeld.copies import layout
from reeld.copies.targets import open_target
from reeld.enrich.afar.cluster import Cluster
from reeld.enrich.afar.copy_footage import NotSynced
from reeld.enrich.afar.cutting import portions_of_sound, portions_of_stills
from reeld.enrich.afar.tasks import Errand, PortionDone, check_version, describe, do_portion, done_of
from reeld.enrich.engines.api import MakeEngine
from reeld.enrich.listening import runs_of
from reeld.enrich.portions import Portion
from reeld.enrich.reading import from_ns, stills_of
from reeld.enrich.stages import keys_also
from reeld.runtime.logs import get_logger
from reeld.store.reader import StoreReader
from reeld.store.results import EngineKey
from reeld_proto import codec
from reeld_proto.enrich_orders import OpenStage, SliceDone
from reeld_proto.findings import Stage

if TYPE_CHECKING:
    from distributed import Future

AHEAD = 2
"""Portions handed out for each thread of the cluster, so that none waits for the next."""


@dataclass(slots=True, eq=False)
class _Given:
    """A portion that was handed out. before: the one that it follows; result: packed `PortionDone`, if it is there."""

    portion: Portion
    before: "_Given | None"
    future: "Future"
    result: bytes | None = None


class AfarRun:
    """Implements `reeld.enrich.stages.StageRun`. Used by one thread.

    make: gives an engine, here and there; parameters: as in the key of results; manifest: see `manifest_of`. Raises
    ReeldError.
    """

    tokens_in = tokens_out = 0

    def __init__(
        self,
        reader: StoreReader,
        order: OpenStage,
        parameters: str,
        cluster: Cluster,
        make: MakeEngine,
        manifest: bytes,
    ) -> None:
        self._reader, self._cluster, self._make = reader, cluster, make
        asked = cluster.submit(describe, codec.pack_record(order), make)
        cluster.first_of([asked])
        self.engine_name, self.engine_version = cluster.result_of(asked)
        also = keys_also(order.choice, self.engine_name, self.engine_version)
        key = EngineKey(self.engine_name, self.engine_version, parameters, also)
        self._portions: Iterator[Portion]
        if order.stage is Stage.OCR:
            stills = from_ns(stills_of(reader, order.session, key), order.first_ns)
            self.total, self.cached = float(len(stills)), float(sum(still.known for still in stills))
            self._portions = portions_of_stills(reader, order.session, stills)
        else:
            runs, self.total, self.cached = runs_of(reader, order.session, key)
            self._portions = portions_of_sound(reader, order.session, runs, order.first_ns)
        self._errand = Errand(
            order=order,
            version=self.engine_version,
            parameters=parameters,
            objects=order.objects,
            manifest=manifest,
        )
        self._out: list[_Given] = []
        self._last: _Given | None = None
        self._engine: object = None
        self._done = 0.0

    def step(self) -> SliceDone:
        """The next portion that comes back."""
        self._hand_out()
        if not self._out:
            return SliceDone(done=round(self._done, 3), finished=True)
        future = self._cluster.first_of([given.future for given in self._out])
        given = next(each for each in self._out if each.future is future)
        try:
            given.result = self._cluster.result_of(future)
        except NotSynced as error:
            get_logger().info("enrich.not_synced", session_id=self._errand.order.session, reason=str(error))
            given.result = self._done_here(given)
        self._out.remove(given)
        given.before = None  # else all that was ever handed out would be kept
        found = codec.unpack_record(given.result, PortionDone).found
        self._done += found.done
        return replace(found, done=round(self._done, 3))

    def _hand_out(self) -> None:
        most = max(1, self._cluster.size()) * AHEAD
        errand = codec.pack_record(self._errand)
        while len(self._out) < most:
            portion = next(self._portions, None)
            if portion is None:
                return
            before = self._last if portion.follows else None
            needed = None if before is None else before.future if before.result is None else before.result
            future = self._cluster.submit(do_portion, errand, codec.pack_record(portion), needed, self._make)
            self._last = _Given(portion, before, future)
            self._out.append(self._last)

    def _done_here(self, given: _Given) -> bytes:
        """A portion that the copy does not have whole. The one before it has come back: no other can be done first."""
        if self._engine is None:
            self._engine = engine = self._make(self._errand.order)
            check_version(engine.name, engine.version, self.engine_version)
        before = None if given.before is None else given.before.result
        last = None if before is None else codec.unpack_record(before, PortionDone).last
        done = done_of(self._reader, self._engine, self._errand.parameters, given.portion, last)
        return codec.pack_record(done)


def manifest_of(reader: StoreReader, session: str, objects: str) -> bytes | None:
    """Digest of a session's manifest in the copy at a URL; None if it is not there. Raises ReeldError."""
    head = open_target(objects, reader.store.path).get(layout.HEAD)
    return None if head is None else layout.read_head(head, objects).sessions.get(session)
