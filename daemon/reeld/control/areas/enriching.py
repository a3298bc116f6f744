"""Enrichment: begun, planned, steered; and what it found: searched and told."""

import contextlib

from reeld.control.parts import Handler, Parts
from reeld.enrich import choosing, estimates, money
from reeld.enrich.settings import EnrichConfig
from reeld.enrich.unasked import OFF
from reeld.runtime.logs import get_logger
from reeld.store.index.query import parse
from reeld_proto import commands as c
from reeld_proto.enrich import PlannedStage
from reeld_proto.enrich_orders import FindMeanings
from reeld_proto.errors import ReeldError, RequestRejected
from reeld_proto.findings import RESULT_KINDS, Stage
from reeld_proto.units import NS_PER_S

DEFAULT_PLAN = "standard"
"""Of who asks for it by hand, while nothing is done by itself."""


def commands(parts: Parts) -> dict[type[c.Command], Handler]:
    """What each command of this area does."""
    area = _Enriching(parts)
    return {
        c.EnrichSession: area.start,
        c.WaitEnrichment: area.wait,
        c.GetEnrichPlan: area.plan,
        c.ListEnrichment: area.listed,
        c.WantEnrichment: area.want,
        c.SteerEnrichment: area.steer,
        c.ListMoments: area.search,
        c.GetTranscript: area.transcript,
        c.GetFindings: area.findings,
    }


class _Enriching:
    """Methods of one area."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def start(self, command: c.EnrichSession, _arrived_ns: int) -> c.Reply:
        await self._parts.library.show(command.session)
        await self._parts.replay.until_filled(command.session)
        job = await self._parts.enrich.start(command.session, self._plan(command.plan), command.priority)
        return c.EnrichStarted(job=job)

    async def wait(self, command: c.WaitEnrichment, _arrived_ns: int) -> c.Reply:
        return c.EnrichStarted(job=await self._parts.enrich.wait(command.job))

    async def plan(self, command: c.GetEnrichPlan, _arrived_ns: int) -> c.Reply:
        await self._parts.library.show(command.session)
        plan = self._plan(command.plan)
        stages = [await self._planned(command.session, stage) for stage in self._parts.enrich.stages(plan)]
        times = [stage.seconds for stage in stages]
        known = [each for each in times if each is not None]
        return c.EnrichPlanned(
            session=command.session,
            plan=plan,
            stages=stages,
            seconds=round(sum(known), 1) if len(known) == len(times) else None,
            cost=round(sum(stage.cost for stage in stages), 6),
        )

    async def _planned(self, session: str, stage: Stage) -> PlannedStage:
        config = self._parts.config.enrich
        choice, why = await self._parts.enrich.planned(session, stage)
        tokens_in = tokens_out = 0
        if stage is Stage.LANGUAGE:
            extent, tokens_in, tokens_out = await self._parts.library.to_write(session)
        else:
            extent = await self._parts.library.to_enrich(session, stage, choice.engine)
        left = extent.items - extent.done
        speed = estimates.speed(stage, self._parts.enrich.jobs(), choice.engine)
        quick = stage in estimates.QUICK
        seconds = estimates.LOCAL_S * left if quick else 0.0 if not left else None if speed is None else speed * left
        return PlannedStage(
            stage=stage,
            engine=choosing.named(choice),
            why=why,
            items=extent.items,
            unit=extent.unit,
            done=round(extent.done / extent.items, 4) if extent.items else 1.0,
            seconds=None if seconds is None else round(seconds, 1),
            cost=round(money.price(config, choice.model, round(tokens_in * left), round(tokens_out * left)), 6),
            sends=_sends(stage, config, tokens_in * left) if left else "",
        )

    def listed(self, command: c.ListEnrichment, _arrived_ns: int) -> c.Reply:
        return c.EnrichList(jobs=self._parts.enrich.jobs(command.session))

    async def want(self, command: c.WantEnrichment, _arrived_ns: int) -> c.Reply:
        await self._parts.library.show(command.session)
        self._parts.unasked.wanted(command.session, round(command.at_s * NS_PER_S))
        return c.EnrichList(jobs=self._parts.enrich.jobs(command.session))

    async def steer(self, command: c.SteerEnrichment, _arrived_ns: int) -> c.Reply:
        return c.EnrichList(jobs=await self._parts.enrich.steer(command.action, command.job))

    async def search(self, command: c.ListMoments, _arrived_ns: int) -> c.Reply:
        if command.meaning and (found := await self._by_meaning(command)) is not None:
            return found
        hits, more = await self._parts.library.moments(parse(command.text), command.limit, command.session)
        if command.session:
            await self._looked(command.session)
        return c.MomentsFound(hits=hits, more=more)

    async def _by_meaning(self, command: c.ListMoments) -> c.Reply | None:
        """What means the same; None where words must do."""
        config = self._parts.config.enrich
        try:
            choice, _ = choosing.choose(Stage.EMBEDDINGS, config)
            order = FindMeanings(text=command.text, session=command.session, limit=command.limit, choice=choice)
            found = await self._parts.meanings.find(order, config.memory_mb * 1_000_000)
        except ReeldError as error:
            get_logger().warning("search.without_meaning", code=error.code, reason=str(error))
            return None
        return c.MomentsFound(hits=found.hits, more=found.more, meaning=True) if found.known else None

    async def transcript(self, command: c.GetTranscript, _arrived_ns: int) -> c.Reply:
        found = await self._parts.library.transcript(command.session, command.skip)
        self._parts.unasked.wanted(command.session)
        return found

    async def findings(self, command: c.GetFindings, _arrived_ns: int) -> c.Reply:
        found = await self._parts.library.findings(command.session)
        self._parts.unasked.wanted(command.session)
        return found

    async def _looked(self, session: str) -> None:
        """A session was searched; one that there is not is no fault of a search."""
        with contextlib.suppress(RequestRejected):
            await self._parts.library.show(session)
            self._parts.unasked.wanted(session)

    def _plan(self, named: str) -> str:
        configured = self._parts.config.enrich.plan
        return named or (configured if configured != OFF else DEFAULT_PLAN)


def _sends(stage: Stage, config: EnrichConfig, tokens: float) -> str:
    """What leaves this machine, in words; empty if nothing."""
    if tokens:
        return f"up to {tokens:.0f} tokens of text to {config.language_url}"
    if config.scheduler and stage in RESULT_KINDS:
        what = "stills" if stage is Stage.OCR else "sound"
        return f"the work to {config.scheduler}, whose machines fetch {what} from {config.objects} and send texts back"
    return ""
