"""What enrichment found in a recording: chapters, summary, what was said, and where words are."""

import contextlib
import math

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reeld.review.answers import answer_json
from reeld.review.desk import Desk
from reeld.store.known import findings_of, transcript_of
from reeld.store.reader import StoreReader
from reeld_proto.enrich import ChapterInfo, EnrichJob, SummaryLine
from reeld_proto.errors import RequestRejected, TransportError

HITS_MAX = 200
UTTERANCES_MAX = 20_000
"""Two days of talk without a pause."""


class Said(Struct, frozen=True, kw_only=True, gc=False):
    """What was said in one go on one track, in playback seconds."""

    track: str
    start_s: float
    end_s: float
    text: str


class Knowledge(Struct, frozen=True, kw_only=True):
    """Everything that is known of a session. complete: share of its sound that was listened to, 0 to 1.

    seconds, cost: what its jobs of enrichment took, and what they cost in money.
    """

    chapters: list[ChapterInfo]
    summary: list[SummaryLine]
    written: list[SummaryLine]
    said: list[Said]
    complete: float
    seconds: float = 0.0
    cost: float = 0.0


def routes(desk: Desk) -> list[Route]:
    """The routes of this area."""

    async def knowledge(request: Request) -> Response:
        """What is known of one session."""
        session = request.path_params["session"]
        jobs: list[EnrichJob] = []
        with contextlib.suppress(TransportError):  # what is stored can be read without a daemon
            jobs = await desk.client.want_enrichment(session, at_s=_at_s(request))
        seconds, cost = sum(job.cost_s for job in jobs), sum(job.cost for job in jobs)
        return answer_json(await desk.shelf.read(lambda reader: _known(reader, session, seconds, cost)))

    async def moments(request: Request) -> Response:
        """`{hits, more}`: where the words of `text` are in one session."""
        text = request.query_params.get("text", "").strip()
        if not text:
            raise RequestRejected("text has no words")
        session = request.path_params["session"]
        return answer_json(await desk.client.search(text, session=session, limit=HITS_MAX))

    one = "/api/sessions/{session}"
    return [Route(one + "/knowledge", knowledge), Route(one + "/moments", moments)]


def _at_s(request: Request) -> float:
    """Where the page looks, in playback seconds."""
    try:
        at_s = float(request.query_params.get("at", "0"))
    except ValueError as error:
        raise RequestRejected("at is a number of seconds") from error
    return at_s if 0 <= at_s < math.inf else 0.0


def _known(reader: StoreReader, session: str, seconds: float, cost: float) -> Knowledge:
    found = findings_of(reader, session)
    transcript = transcript_of(reader, session, 0)
    utterances = list(transcript.utterances)
    while transcript.more and len(utterances) < UTTERANCES_MAX:
        transcript = transcript_of(reader, session, len(utterances))
        utterances += transcript.utterances
    return Knowledge(
        chapters=found.chapters,
        summary=found.summary,
        written=found.written,
        said=[Said(track=each.track, start_s=each.start_s, end_s=each.end_s, text=each.text) for each in utterances],
        complete=transcript.complete,
        seconds=round(seconds, 3),
        cost=cost,
    )
