"""The enrichment worker: one stage of one session at a time, in slices, at the lowest priority there is.

DESIGN: it opens the store read-only and decides nothing: the daemon asks for one slice after the other and has the
store keep what was found. So it may be killed at any moment, and is: that is how a slice of an engine that cannot be
interrupted is cancelled. Engines stay loaded from stage to stage, one that reads and one that listens.
"""

import contextlib
import os
import resource
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import psutil

from reeld.enrich.engines.api import Embedder, Engine, MakeEngine
from reeld.enrich.engines.missing import EngineMissing
from reeld.enrich.stages import StageRun, open_stage, opened, parameters_text
from reeld.enrich.worker_names import LANGUAGE_MODEL, MEMORY_VARIABLE
from reeld.runtime.logs import get_logger
from reeld.runtime.worker import WorkerContext, main
from reeld.store.reader import StoreReader
from reeld.store.soundness import check_length
from reeld_proto.enrich_orders import FindMeanings, MeaningsFound, OpenStage, StageOpened, TakeSlice
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected
from reeld_proto.findings import RESULT_KINDS, Stage
from reeld_proto.workers import AnyOrder, AnyReport, AnyTelemetry

if TYPE_CHECKING:
    from reeld.enrich.afar.cluster import Cluster

NICENESS = 19

_WITH_ENGINE = frozenset({Stage.OCR, Stage.SPEECH, Stage.EMBEDDINGS, Stage.LANGUAGE})


def make_engine(order: OpenStage) -> Engine:
    """The engine that an order names. Raises EngineMissing."""
    choice = order.choice
    if choice.engine == "rapidocr":
        from reeld.enrich.engines.rapid import RapidReader  # noqa: PLC0415 - only what is used is loaded

        return RapidReader(order.threads)
    if choice.engine == "tesseract":
        from reeld.enrich.engines.tesseract import TesseractReader  # noqa: PLC0415

        return TesseractReader(order.threads, str(choice.parameters.get("languages", "eng")))
    if choice.engine == "faster-whisper":
        from reeld.enrich.engines.whisper import WhisperListener  # noqa: PLC0415

        return WhisperListener(
            order.threads,
            str(choice.parameters.get("model", "auto")),
            str(choice.parameters.get("language", "")),
            download=bool(choice.parameters.get("download", False)),
        )
    if choice.engine == LANGUAGE_MODEL:
        from reeld.enrich.engines.language import LanguageModel  # noqa: PLC0415

        return LanguageModel(str(choice.parameters.get("url", "")), str(choice.parameters.get("model", "")))
    if choice.engine == "wordllama":
        from reeld.enrich.engines.wordllama import WordLlamaEmbedder  # noqa: PLC0415

        return WordLlamaEmbedder()
    raise EngineMissing(f"there is no engine {choice.engine}")


class EnrichWorker:
    """Implements `reeld.runtime.worker.Worker`. Main thread only. make: gives the engines."""

    def __init__(self, context: WorkerContext, make: MakeEngine = make_engine) -> None:
        self._context, self._make = context, make
        self._reader: StoreReader | None = None
        self._engines: dict[Stage, tuple[tuple[Any, ...], Engine]] = {}
        self._run: StageRun | None = None
        self._cluster: Cluster | None = None
        _give_way()

    def handle(self, order: AnyOrder) -> AnyReport:
        """Open a stage, or take the next slice of it; returns when that is done."""
        if isinstance(order, OpenStage):
            return self._open(order)
        if isinstance(order, TakeSlice):
            if self._run is None:
                raise RequestRejected("no stage was opened", code=ErrorCode.WRONG_STATE)
            check_length(self._context.store)
            try:
                return self._run.step()
            except MemoryError as error:
                raise InternalError("the enrichment worker has no memory left", code=ErrorCode.WORKER_LOST) from error
        if isinstance(order, FindMeanings):
            return self._find(order)
        raise RequestRejected(f"enrichment does not know {type(order).__name__}", code=ErrorCode.UNKNOWN_COMMAND)

    def _find(self, order: FindMeanings) -> MeaningsFound:
        from reeld.enrich.meaning import search  # noqa: PLC0415 - only what is used is loaded

        engine = self._engine(OpenStage(session="", stage=Stage.EMBEDDINGS, choice=order.choice))
        if not isinstance(engine, Embedder):
            raise InternalError(f"{order.choice.engine} says nothing of meanings")
        with self._store().store.read() as txn:
            hits, more, known = search(txn, engine, order.text, order.session, order.limit)
        return MeaningsFound(hits=hits, more=more, known=known)

    def _store(self) -> StoreReader:
        if self._reader is None:
            self._reader = StoreReader.open(self._context.store)
        check_length(self._context.store)
        return self._reader

    def _open(self, order: OpenStage) -> StageOpened:
        self._run = None
        reader = self._store()
        run = self._afar(reader, order) if order.scheduler else None
        if run is None:
            engine = self._engine(order) if order.stage in _WITH_ENGINE else None
            run = open_stage(reader, order, engine)
        self._run = run
        return opened(run)

    def _afar(self, reader: StoreReader, order: OpenStage) -> StageRun | None:
        """The stage on a cluster; None for one that is better done here."""
        if order.stage not in RESULT_KINDS:
            return None  # it takes no time, or the key of a language model, which does not leave this machine
        from reeld.enrich.afar import run as afar  # noqa: PLC0415 - only what is used is loaded
        from reeld.enrich.afar.cluster import Cluster  # noqa: PLC0415

        manifest = afar.manifest_of(reader, order.session, order.objects)
        if manifest is None:
            get_logger().info("enrich.not_synced", session_id=order.session)
            return None
        if self._cluster is not None:
            self._cluster.close()
        self._cluster = cluster = Cluster(order.scheduler)
        return afar.AfarRun(reader, order, parameters_text(order.choice.parameters), cluster, self._make, manifest)

    def _engine(self, order: OpenStage) -> Engine:
        wanted = (order.choice.engine, tuple(sorted(order.choice.parameters.items())), order.threads)
        known = self._engines.get(order.stage)
        if known is None or known[0] != wanted:
            self._engines.pop(order.stage, None)
            try:
                self._engines[order.stage] = known = (wanted, self._make(order))
            except EngineMissing as error:
                raise RequestRejected(str(error), code=ErrorCode.NOT_FOUND) from error
        return known[1]

    def readers(self) -> Mapping[Any, Callable[[], None]]:
        """No sockets besides the loop's."""
        return {}

    def tick(self) -> list[AnyTelemetry]:
        """Nothing to say between slices."""
        return []

    def close(self) -> None:
        """Close the store, and leave the cluster."""
        if self._cluster is not None:
            self._cluster.close()
        if self._reader is not None:
            self._reader.close()


def _give_way() -> None:
    """Everybody else comes first, for the processor and for the disk; and memory has an end."""
    os.nice(NICENESS)
    if sys.platform == "linux":
        with contextlib.suppress(psutil.Error, OSError):
            psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)
    limit = os.environ.get(MEMORY_VARIABLE)
    if limit:
        # Not the address space: the store's file is mapped whole. Private memory is what counts.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (int(limit), resource.RLIM_INFINITY))


if __name__ == "__main__":
    main("enrich", EnrichWorker)
