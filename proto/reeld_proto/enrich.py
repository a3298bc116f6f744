"""Commands about enrichment: what was on the screen, what was said, and finding it again."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, field

from reeld_proto.base import Command, Name, Reply, Text
from reeld_proto.findings import Stage
from reeld_proto.records import Record

HITS_MAX = 500


class EnrichState(StrEnum):
    """Where a job of enrichment is. Completed, failed and cancelled are final."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL_STATES = frozenset({EnrichState.COMPLETED, EnrichState.FAILED, EnrichState.CANCELLED})


class StageStatus(Record, frozen=True, kw_only=True):
    """A stage of a job. done, total: items (stills, or seconds of sound). cached: items that were known already.

    calls: how often the engine was called; seconds: how long it worked.
    """

    stage: Stage
    state: EnrichState = EnrichState.PENDING
    engine: str = ""
    version: str = ""
    done: float = 0.0
    total: float = 0.0
    cached: float = 0.0
    calls: int = 0
    seconds: float = 0.0


class EnrichJob(Record, frozen=True, kw_only=True):
    """A job of enrichment, as it is kept in the store.

    priority: higher ones go first. attempts: how often it was begun. stage: the one it is at, or empty. progress: 0 to
    1. remaining_s: how long the rest will take, or nil. cost_s: seconds of the engines so far; cost: money so far, in
    the currency of the config. error: why it failed, or what went wrong last. waiting: why it does not go on, or
    empty. created_at, ended_at: ISO 8601 in UTC.
    """

    id: str
    session: str
    plan: str
    priority: int = 0
    state: EnrichState = EnrichState.PENDING
    attempts: int = 0
    stage: str = ""
    progress: float = 0.0
    remaining_s: float | None = None
    cost_s: float = 0.0
    cost: float = 0.0
    error: str = ""
    waiting: str = ""
    created_at: str = ""
    ended_at: str = ""
    stages: list[StageStatus] = field(default_factory=list)


class PlannedStage(Record, frozen=True, kw_only=True):
    """A stage before it is run. engine: which, and why. done: share that is known already, 0 to 1.

    seconds: how long the rest takes by the speed this machine had before, or nil. cost: money it costs. sends: what
    would leave this machine, in words; empty if nothing.
    """

    stage: Stage
    engine: str
    why: str
    items: float
    unit: str
    done: float
    seconds: float | None
    cost: float = 0.0
    sends: str = ""


class EnrichSession(Command, tag="enrich.start", frozen=True, kw_only=True):
    """Enrich a session. Answered by `EnrichStarted`; the same session and plan twice is one job while it lasts.

    plan: `off`, `basic`, `standard`, `full` or one of the config; empty for the configured one. priority: -100 to 100.
    """

    session: Name
    plan: Name = ""
    priority: Annotated[int, Meta(ge=-100, le=100)] = 0


class WaitEnrichment(Command, tag="enrich.wait", frozen=True, kw_only=True):
    """Wait until a job has ended or was paused. Answered by `EnrichStarted`."""

    job: Name


class GetEnrichPlan(Command, tag="enrich.plan", frozen=True, kw_only=True):
    """Ask what enriching a session would do and cost; nothing is done. Answered by `EnrichPlanned`."""

    session: Name
    plan: Name = ""


class ListEnrichment(Command, tag="enrich.list", frozen=True, kw_only=True):
    """List the jobs of enrichment, the newest last; of one session, or of all. Answered by `EnrichList`."""

    session: Name = ""


class EnrichAction(StrEnum):
    """What can be done with jobs of enrichment."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"


class SteerEnrichment(Command, tag="enrich.steer", frozen=True, kw_only=True):
    """Cancel, pause or resume a job, or all; in force when it is answered, by `EnrichList` of those concerned.

    job: id of a job or of a session; empty for all. Whatever was found so far stays.
    """

    action: EnrichAction
    job: Name = ""


class WantEnrichment(Command, tag="enrich.want", frozen=True, kw_only=True):
    """Tell that somebody looks at a session, around this playback time. Answered by `EnrichList` of its jobs.

    Lazy enrichment begins with what is looked at; whatever is under way goes on there.
    """

    session: Name
    at_s: Annotated[float, Meta(ge=0)] = 0.0


class ListMoments(Command, tag="search", frozen=True, kw_only=True):
    """Find words in names, tags, notes, markers, chapters, on screens and in speech. Answered by `MomentsFound`.

    text: as for `ListSessions`. session: only in this one; empty for all. meaning: find what means the same, whatever
    the words; where nothing is known of meanings, words are looked for.
    """

    text: Text
    session: Name = ""
    meaning: bool = False
    limit: Annotated[int, Meta(ge=1, le=HITS_MAX)] = 50


class GetTranscript(Command, tag="transcript.get", frozen=True, kw_only=True):
    """Ask what was said in a session, so far as it is known. Answered by `Transcript`.

    skip: so many utterances from the beginning are left out; while there are `more`, ask again with all that are known.
    """

    session: Name
    skip: Annotated[int, Meta(ge=0)] = 0


class GetFindings(Command, tag="findings.get", frozen=True, kw_only=True):
    """Ask for chapters and summary of a session, so far as they are known. Answered by `Findings`."""

    session: Name


class EnrichStarted(Reply, tag="enrich.start.reply", frozen=True, kw_only=True):
    """Answer to `EnrichSession` and `WaitEnrichment`."""

    job: EnrichJob


class EnrichPlanned(Reply, tag="enrich.plan.reply", frozen=True, kw_only=True):
    """Answer to `GetEnrichPlan`. seconds: of all stages, or nil; cost: money, with its currency."""

    session: str
    plan: str
    stages: list[PlannedStage]
    seconds: float | None
    cost: float = 0.0


class EnrichList(Reply, tag="enrich.list.reply", frozen=True, kw_only=True):
    """Answer to `ListEnrichment`, `SteerEnrichment` and `WantEnrichment`."""

    jobs: list[EnrichJob]


class Moment(Record, frozen=True, kw_only=True):
    """Where words were found. kind: `name`, `tag`, `note`, `marker`, `chapter`, `summary`, `screen` or `speech`.

    at_s: in playback seconds, 0 for what is said of the session as a whole. text: the line or sentence. track: of what
    was said or shown. link: what opens the moment in a browser when it is given to a shell.
    """

    session: str
    name: str
    kind: str
    at_s: float
    text: str
    track: str = ""
    link: str = ""


class MomentsFound(Reply, tag="search.reply", frozen=True, kw_only=True):
    """Answer to `ListMoments`. more: there may be more.

    What people wrote comes first, then what was shown and said, the newest first, then chapters and summaries. meaning:
    hits were found by what they mean, the nearest first.
    """

    hits: list[Moment]
    more: bool = False
    meaning: bool = False


class TranscriptWord(Record, frozen=True, kw_only=True):
    """A word and when it was said, in playback seconds. joined: no blank parts it from the word before."""

    start_s: float
    end_s: float
    text: str
    probability: float
    joined: bool = False


class Utterance(Record, frozen=True, kw_only=True):
    """What was said in one go on one track."""

    track: str
    start_s: float
    end_s: float
    text: str
    words: list[TranscriptWord]


class Transcript(Reply, tag="transcript.get.reply", frozen=True, kw_only=True):
    """Answer to `GetTranscript`; in order of time. complete: share of the sound that was listened to, 0 to 1."""

    session: str
    utterances: list[Utterance]
    complete: float = 0.0
    more: bool = False


class ChapterInfo(Record, frozen=True, kw_only=True):
    """A chapter, in playback seconds."""

    start_s: float
    end_s: float
    title: str


class SummaryLine(Record, frozen=True, kw_only=True):
    """A sentence of the summary, and when it was said or shown."""

    at_s: float
    text: str


class Findings(Reply, tag="findings.get.reply", frozen=True, kw_only=True):
    """Answer to `GetFindings`. summary: sentences that were said or shown; written: by a language model."""

    session: str
    chapters: list[ChapterInfo]
    summary: list[SummaryLine]
    written: list[SummaryLine] = field(default_factory=list)
