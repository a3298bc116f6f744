"""Orders of enrichment: the daemon to its enrichment worker, and to the store worker.

The worker reads the store and calls engines; what it found goes to the daemon, and from there to the store, in one
transaction with the job's new state. So whatever is killed when, each result is there once or not yet.
"""

from msgspec import Struct, field

from reeld_proto.base import Order, Report
from reeld_proto.enrich import EnrichJob, Moment
from reeld_proto.findings import NewFinding, NewResult, Stage


class EngineChoice(Struct, frozen=True, kw_only=True):
    """Which engine a stage takes. parameters: whatever changes what it finds; part of the key of its results.

    also: models whose results are at least as good as those of the `model` among the parameters.
    """

    engine: str
    parameters: dict[str, str | int | float | bool] = field(default_factory=dict)
    also: list[str] = field(default_factory=list)

    @property
    def model(self) -> str:
        """Its model; empty for an engine that has none."""
        return str(self.parameters.get("model", ""))


class OpenStage(Order, tag="order.enrich.open", frozen=True, kw_only=True):
    """Worker: begin (again) with a stage of a session; what has results is left out. Answered by `StageOpened`.

    first_ns: media time with which to begin; the rest follows. scheduler, objects: address of a Dask cluster that does
    it, and of the copy it reads; empty: it is done here.
    """

    session: str
    stage: Stage
    choice: EngineChoice
    threads: int = 1
    first_ns: int = 0
    scheduler: str = ""
    objects: str = ""


class StageOpened(Report, tag="report.enrich.open", frozen=True, kw_only=True):
    """total: items of the stage (stills, seconds of sound, or parts); cached: those that need no engine.

    tokens_in, tokens_out: at most so many for one item, where they cost.
    """

    engine: str
    version: str
    total: float
    cached: float
    tokens_in: int = 0
    tokens_out: int = 0


class TakeSlice(Order, tag="order.enrich.slice", frozen=True, kw_only=True):
    """Worker: do the next piece of the stage that was opened. Answered by `SliceDone`."""


class SliceDone(Report, tag="report.enrich.slice", frozen=True, kw_only=True):
    """What was found. done: items so far, cached ones not among them. calls: of the engine; seconds: it took.

    faults: sources (digests, hex) that could not be read, and why; they are left out. finished: nothing is left.
    tokens_in, tokens_out: that were counted. busy: why a service did nothing now, and in busy_s seconds it may.
    """

    results: list[NewResult] = field(default_factory=list)
    findings: list[NewFinding] = field(default_factory=list)
    done: float = 0.0
    calls: int = 0
    seconds: float = 0.0
    faults: dict[str, str] = field(default_factory=dict)
    finished: bool = False
    tokens_in: int = 0
    tokens_out: int = 0
    busy: str = ""
    busy_s: float = 0.0


class FindMeanings(Order, tag="order.enrich.meanings", frozen=True, kw_only=True):
    """Worker: find passages that mean what a text does. Answered by `MeaningsFound`. session: empty for all."""

    text: str
    session: str
    limit: int
    choice: EngineChoice


class MeaningsFound(Report, tag="report.enrich.meanings", frozen=True, kw_only=True):
    """The nearest first. more: there may be more. known: whether any passage has a meaning that this engine gave it."""

    hits: list[Moment] = field(default_factory=list)
    more: bool = False
    known: bool = False


class KeepEnrichment(Order, tag="order.enrich.keep", frozen=True, kw_only=True):
    """Store: write a job's new state, and what it found. Answered by `EnrichmentKept`.

    Results of chunks that nothing holds any more are left out, and so are those that are there already. spent: money
    that it cost, on a day as 2026-11-27.
    """

    job: EnrichJob
    results: list[NewResult] = field(default_factory=list)
    findings: list[NewFinding] = field(default_factory=list)
    day: str = ""
    spent: float = 0.0


class EnrichmentKept(Report, tag="report.enrich.keep", frozen=True, kw_only=True):
    """kept: how many results and findings were new. stale: a finding was refused, as its session has changed since."""

    kept: int
    stale: bool = False


class UndoEnrichment(Order, tag="order.enrich.undo", frozen=True, kw_only=True):
    """Store: write a job's new state, and remove whatever it found. Answered by `EnrichmentKept`, which counts that."""

    job: EnrichJob
