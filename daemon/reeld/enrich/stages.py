"""What each stage does, behind one interface."""

import time
from typing import Protocol

from reeld.enrich import chaptering, summing
from reeld.enrich.engines.api import Embedder, Engine, Listener, PageReader, Writer
from reeld.enrich.listening import Listening
from reeld.enrich.material import Material, material_of
from reeld.enrich.passages import passages_of
from reeld.enrich.reading import Reading
from reeld.enrich.summing_up import SummingUp
from reeld.enrich.worker_names import LOCAL
from reeld.store.enrichment import finding_of
from reeld.store.reader import StoreReader
from reeld.store.results import EngineKey
from reeld_proto import codec
from reeld_proto.enrich_orders import EngineChoice, OpenStage, SliceDone, StageOpened
from reeld_proto.errors import InternalError
from reeld_proto.findings import Chapters, Meanings, NewFinding, Stage, Summary


class StageRun(Protocol):
    """A stage of one session that goes on slice by slice. Everything may raise ReeldError."""

    total: float
    cached: float
    engine_name: str
    engine_version: str
    tokens_in: int
    tokens_out: int

    def step(self) -> SliceDone:
        """The next slice; the last one, and every one after it, says `finished`."""
        ...


class _Chunks:
    """Stages that look at chunks, by an engine."""

    tokens_in = tokens_out = 0

    def __init__(self, work: Reading | Listening, engine: PageReader | Listener) -> None:
        self._work = work
        self.total, self.cached = work.total, work.cached
        self.engine_name, self.engine_version = engine.name, engine.version

    def step(self) -> SliceDone:
        return self._work.step()


class _Whole:
    """Stages that make something of the session as a whole, at once. embedder: of the stage that needs one."""

    total = 1.0
    tokens_in = tokens_out = 0

    def __init__(self, reader: StoreReader, session: str, stage: Stage, embedder: Embedder | None = None) -> None:
        self._session, self._stage, self._embedder = session, stage, embedder
        local = chaptering.VERSION if stage is Stage.CHAPTERS else summing.VERSION
        self.engine_name = LOCAL if embedder is None else embedder.name
        self.engine_version = local if embedder is None else embedder.version
        with reader.store.read() as txn:
            self._material: Material = material_of(txn, session)
            known = finding_of(txn, session, stage)
        self._basis = self._material.basis(stage, self.engine_version)
        self.cached = 1.0 if known is not None and known.basis == self._basis else 0.0

    def step(self) -> SliceDone:
        if self.cached:
            return SliceDone(finished=True)
        began_s = time.perf_counter()
        made: Chapters | Summary | Meanings
        calls = 0
        if self._embedder is not None:
            passages = passages_of(self._material)
            vectors = self._embedder.embed([each.text for each in passages])
            made, calls = Meanings(vectors.tobytes(), codec.pack_list(passages)), 1
        elif self._stage is Stage.CHAPTERS:
            made = Chapters(chaptering.chapters_of(self._material))
        else:
            made = Summary(summing.summary_of(self._material))
        finding = NewFinding(
            session=self._session,
            stage=self._stage,
            engine=self.engine_name,
            version=self.engine_version,
            basis=self._basis,
            revision=self._material.revision,
            payload=codec.pack_record(made),
        )
        seconds = time.perf_counter() - began_s
        return SliceDone(findings=[finding], done=1.0, calls=calls, seconds=seconds, finished=True)


def opened(run: StageRun) -> StageOpened:
    """What the daemon is told of a stage."""
    return StageOpened(
        engine=run.engine_name,
        version=run.engine_version,
        total=run.total,
        cached=run.cached,
        tokens_in=run.tokens_in,
        tokens_out=run.tokens_out,
    )


def open_stage(reader: StoreReader, order: OpenStage, engine: Engine | None) -> StageRun:
    """Begin with a stage. engine: of the kind that it needs. Raises RequestRejected (NOT_FOUND), StoreCorrupt."""
    parameters = parameters_text(order.choice.parameters)
    if order.stage in (Stage.CHAPTERS, Stage.SUMMARY):
        return _Whole(reader, order.session, order.stage)
    if order.stage is Stage.OCR and isinstance(engine, PageReader):
        return _Chunks(Reading(reader, order.session, engine, parameters, order.first_ns), engine)
    if order.stage is Stage.SPEECH and isinstance(engine, Listener):
        also = keys_also(order.choice, engine.name, engine.version)
        return _Chunks(Listening(reader, order.session, engine, parameters, also, order.first_ns), engine)
    if order.stage is Stage.EMBEDDINGS and isinstance(engine, Embedder):
        return _Whole(reader, order.session, order.stage, engine)
    if order.stage is Stage.LANGUAGE and isinstance(engine, Writer):
        return SummingUp(reader, order.session, engine, versions_also(order.choice, engine.version))
    raise InternalError(f"{order.choice.engine} is no engine for the stage {order.stage}")


def versions_also(choice: EngineChoice, version: str) -> list[str]:
    """Versions of an engine with the models that are at least as good."""
    return [version.replace(choice.model, model) for model in choice.also] if choice.model else []


def keys_also(choice: EngineChoice, name: str, version: str) -> tuple[EngineKey, ...]:
    """Keys of results that need not be found again by this engine."""
    return tuple(
        EngineKey(name, other, parameters_text({**choice.parameters, "model": model}))
        for model, other in zip(choice.also, versions_also(choice, version), strict=False)
    )


_NO_MATTER = frozenset({"download"})
"""Parameters that change nothing of what is found."""


def parameters_text(parameters: dict[str, str | int | float | bool]) -> str:
    """Parameters as a part of the key of results."""
    return ",".join(f"{name}={value}" for name, value in sorted(parameters.items()) if name not in _NO_MATTER)
