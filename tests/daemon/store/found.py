"""What engines find, put into a store as the enrichment worker has it put there; and sound to find something in."""

from reeld.store import chunks, enrichment, sessions
from reeld.store.environment import StoreEnvironment
from reeld.store.transaction import Table
from reeld_proto import codec
from reeld_proto.edits import Forgotten
from reeld_proto.enrich import EnrichJob, EnrichState
from reeld_proto.enrich_orders import EnrichmentKept, KeepEnrichment
from reeld_proto.findings import (
    Chapters,
    ChapterStart,
    NewFinding,
    NewResult,
    PageText,
    SpokenWord,
    SpokenWords,
    Stage,
    Summary,
    SummarySentence,
    TextLine,
)
from reeld_proto.store_orders import ForgetMedia
from tests.daemon.export.cutting import carry_out
from tests.daemon.store.builders import NS, SESSION, chunk, finish, land, still

STILLS = "snapshots-1"


def job(name: str = "job-1", session: str = SESSION, state: EnrichState = EnrichState.RUNNING) -> EnrichJob:
    return EnrichJob(id=name, session=session, plan="basic", state=state)


def spoken(*words: tuple[float, float, str]) -> SpokenWords:
    """Words with their times in seconds, in the own time of their chunk."""
    return SpokenWords([SpokenWord(round(start * NS), round(end * NS), text, 0.9) for start, end, text in words], "en")


def page(*lines: str, lead_s: float = 0.0) -> PageText:
    found = [TextLine(line, 0, 20 * number, 100, 16, 0.9) for number, line in enumerate(lines)]
    return PageText(640, 480, found, lead_ns=round(lead_s * NS))


def chapters(*starts: tuple[float, str]) -> Chapters:
    return Chapters([ChapterStart(round(start * NS), title) for start, title in starts])


def summary(*sentences: tuple[float, str]) -> Summary:
    return Summary([SummarySentence(round(start * NS), text) for start, text in sentences])


def result(
    payload: bytes,
    what: PageText | SpokenWords,
    *,
    engine: str = "engine",
    version: str = "1",
    parameters: str = "",
) -> NewResult:
    """What an engine made of the chunk with these bytes."""
    return NewResult(
        source=chunks.digest_of(payload),
        stage=Stage.OCR if isinstance(what, PageText) else Stage.SPEECH,
        engine=engine,
        version=version,
        parameters=parameters,
        seconds=0.5,
        payload=codec.pack_record(what),
    )


def finding(
    store: StoreEnvironment, what: Chapters | Summary, *, session: str = SESSION, basis: bytes = b"basis"
) -> NewFinding:
    """What a stage makes of a session as it is now."""
    return NewFinding(
        session=session,
        stage=Stage.CHAPTERS if isinstance(what, Chapters) else Stage.SUMMARY,
        engine="words",
        version="1",
        basis=basis,
        revision=revision_of(store, session),
        payload=codec.pack_record(what),
    )


def keep(store: StoreEnvironment, *found: NewResult | NewFinding, by: EnrichJob | None = None) -> EnrichmentKept:
    order = KeepEnrichment(
        job=by or job(),
        results=[each for each in found if isinstance(each, NewResult)],
        findings=[each for each in found if isinstance(each, NewFinding)],
    )
    with store.write() as txn:
        return enrichment.keep(txn, order)


def revision_of(store: StoreEnvironment, session: str = SESSION) -> int:
    with store.read() as txn:
        return sessions.load(txn, session).revision


def rows(store: StoreEnvironment, *tables: Table) -> list[tuple[bytes, bytes]]:
    with store.read() as txn:
        return [row for table in tables for row in txn.scan(table)]


def sounds(
    store: StoreEnvironment, seconds: int, *, track: str = "mix", session: str = SESSION, start_s: int = 0
) -> None:
    """Chunks of a second each; their bytes are `sound`."""
    places = range(start_s, start_s + seconds)
    land(store, *(chunk(at * NS, (at + 1) * NS, sound(at, track), track=track, session=session) for at in places))


def sound(second: int, track: str = "mix") -> bytes:
    return f"{track} {second}".encode()


def film_with_stills(store: StoreEnvironment, *stills: tuple[float, float, bytes]) -> None:
    """A film up to the end of the last still, and the stills with the times at which they are on view."""
    places = [(round(start * NS), round(end * NS), picture) for start, end, picture in stills]
    land(store, *(item for place in places for item in (chunk(*place[:2]), still(*place))))


def end(store: StoreEnvironment, seconds: float, session: str = SESSION) -> None:
    with store.write() as txn:
        sessions.finish(txn, finish(round(seconds * NS), session))


def forget(store: StoreEnvironment, from_s: float, to_s: float, session: str = SESSION) -> Forgotten:
    """Forget a range without making anything anew: what lies around it in the same chunks is a gap."""
    order = ForgetMedia(session=session, from_ns=round(from_s * NS), to_ns=round(to_s * NS))
    receipt: Forgotten = carry_out(store, order)
    return receipt
