"""Questions about enrichment and what it found, as methods of both clients."""

from abc import ABC, abstractmethod
from typing import TypeVar

from reeld_client.core import Call, expect
from reeld_proto import commands as c
from reeld_proto.enrich import EnrichAction, EnrichJob, Utterance

R = TypeVar("R")

QUICK_S = 5.0
SEARCH_S = 60.0
"""The first search after a crash makes the index anew."""
STEER_S = 30.0


def start(session: str, plan: str, priority: int) -> Call[EnrichJob]:
    """Begin a job."""
    command = c.EnrichSession(session=session, plan=plan, priority=priority)
    return Call(command, lambda reply: expect(c.EnrichStarted)(reply).job, STEER_S)


def wait(job: str) -> Call[EnrichJob]:
    """Its end."""
    return Call(c.WaitEnrichment(job=job), lambda reply: expect(c.EnrichStarted)(reply).job, None)


def listed(session: str) -> Call[list[EnrichJob]]:
    """All jobs."""
    return Call(c.ListEnrichment(session=session), lambda reply: expect(c.EnrichList)(reply).jobs, QUICK_S)


def want(session: str, at_s: float) -> Call[list[EnrichJob]]:
    """Somebody looks."""
    command = c.WantEnrichment(session=session, at_s=at_s)
    return Call(command, lambda reply: expect(c.EnrichList)(reply).jobs, QUICK_S)


def steer(action: EnrichAction, job: str) -> Call[list[EnrichJob]]:
    """Cancel, pause or resume."""
    command = c.SteerEnrichment(action=action, job=job)
    return Call(command, lambda reply: expect(c.EnrichList)(reply).jobs, STEER_S)


def planned(session: str, plan: str) -> Call[c.EnrichPlanned]:
    """What would be done."""
    return Call(c.GetEnrichPlan(session=session, plan=plan), expect(c.EnrichPlanned), STEER_S)


def search(text: str, session: str, limit: int, *, meaning: bool) -> Call[c.MomentsFound]:
    """Moments with these words, or this meaning."""
    command = c.ListMoments(text=text, session=session, limit=limit, meaning=meaning)
    return Call(command, expect(c.MomentsFound), SEARCH_S)


def transcript(session: str, skip: int) -> Call[c.Transcript]:
    """What was said, as much as a message holds."""
    return Call(c.GetTranscript(session=session, skip=skip), expect(c.Transcript), STEER_S)


def findings(session: str) -> Call[c.Findings]:
    """Chapters and summary."""
    return Call(c.GetFindings(session=session), expect(c.Findings), STEER_S)


class EnrichMethods(ABC):
    """Mixed into the client, which brings `call`. Errors are those of the client."""

    @abstractmethod
    def call(self, call: Call[R]) -> R:
        """Ask one question and wait for its answer."""

    def enrich(self, session: str, *, plan: str = "", priority: int = 0) -> EnrichJob:
        """Begin to enrich a session; the job goes on by itself. Raises RequestRejected(NOT_FOUND) without an engine."""
        return self.call(start(session, plan, priority))

    def wait_enrichment(self, job: str) -> EnrichJob:
        """The job when it has ended or was paused."""
        return self.call(wait(job))

    def enrichment(self, session: str = "") -> list[EnrichJob]:
        """The jobs of enrichment of a session, or all, the newest last."""
        return self.call(listed(session))

    def want_enrichment(self, session: str, *, at_s: float = 0.0) -> list[EnrichJob]:
        """Tell that somebody looks at a session around this playback second; its jobs. See `[enrich] lazy`."""
        return self.call(want(session, at_s))

    def steer_enrichment(self, action: EnrichAction, job: str = "") -> list[EnrichJob]:
        """Cancel, pause or resume a job, the jobs of a session, or all; in force when it returns."""
        return self.call(steer(action, job))

    def plan_enrichment(self, session: str, *, plan: str = "") -> c.EnrichPlanned:
        """What enriching a session would do and take; nothing is done."""
        return self.call(planned(session, plan))

    def search(self, text: str, *, session: str = "", limit: int = 50, meaning: bool = False) -> c.MomentsFound:
        """Moments with these words in names, notes, markers, chapters, on screens and in speech."""
        return self.call(search(text, session, limit, meaning=meaning))

    def transcript(self, session: str) -> c.Transcript:
        """What was said in a session, so far as it is known."""
        found = self.call(transcript(session, 0))
        utterances: list[Utterance] = list(found.utterances)
        while found.more:
            found = self.call(transcript(session, len(utterances)))
            utterances += found.utterances
        return c.Transcript(session=session, utterances=utterances, complete=found.complete)

    def findings(self, session: str) -> c.Findings:
        """Chapters and summary of a session, so far as they are known."""
        return self.call(findings(session))


class AsyncEnrichMethods(ABC):
    """Mixed into the asyncio client, which brings `call`. Errors are those of the client."""

    @abstractmethod
    async def call(self, call: Call[R]) -> R:
        """Ask one question and wait for its answer."""

    async def enrich(self, session: str, *, plan: str = "", priority: int = 0) -> EnrichJob:
        """See `Client.enrich`."""
        return await self.call(start(session, plan, priority))

    async def wait_enrichment(self, job: str) -> EnrichJob:
        """See `Client.wait_enrichment`."""
        return await self.call(wait(job))

    async def enrichment(self, session: str = "") -> list[EnrichJob]:
        """See `Client.enrichment`."""
        return await self.call(listed(session))

    async def want_enrichment(self, session: str, *, at_s: float = 0.0) -> list[EnrichJob]:
        """See `Client.want_enrichment`."""
        return await self.call(want(session, at_s))

    async def steer_enrichment(self, action: EnrichAction, job: str = "") -> list[EnrichJob]:
        """See `Client.steer_enrichment`."""
        return await self.call(steer(action, job))

    async def plan_enrichment(self, session: str, *, plan: str = "") -> c.EnrichPlanned:
        """See `Client.plan_enrichment`."""
        return await self.call(planned(session, plan))

    async def search(self, text: str, *, session: str = "", limit: int = 50, meaning: bool = False) -> c.MomentsFound:
        """See `Client.search`."""
        return await self.call(search(text, session, limit, meaning=meaning))

    async def transcript(self, session: str) -> c.Transcript:
        """See `Client.transcript`."""
        found = await self.call(transcript(session, 0))
        utterances: list[Utterance] = list(found.utterances)
        while found.more:
            found = await self.call(transcript(session, len(utterances)))
            utterances += found.utterances
        return c.Transcript(session=session, utterances=utterances, complete=found.complete)

    async def findings(self, session: str) -> c.Findings:
        """See `Client.findings`."""
        return await self.call(findings(session))
