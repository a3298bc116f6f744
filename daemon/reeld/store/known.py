"""What is known of one session by enrichment, as people ask for it. Reads only."""

from dataclasses import dataclass

from reeld.store import results, sessions
from reeld.store.enrichment import finding_of
from reeld.store.reader import StoreReader
from reeld.store.records import FindingEntry, SessionRecord
from reeld.store.shown_text import views_of
from reeld.store.spoken import Said, entries_of, said_in
from reeld.store.transaction import Transaction, decode
from reeld.store.voices import voices_of
from reeld_proto.enrich import ChapterInfo, Findings, Moment, SummaryLine, Transcript, TranscriptWord, Utterance
from reeld_proto.findings import Chapters, Stage, Summary
from reeld_proto.units import seconds

TEXT_CHARS_MAX = 300
UTTERANCES_MAX = 2000
"""In one answer: some hours of talk, about 2 MB."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a stage has to do in a session: items in all, and those that this engine has looked at before."""

    items: float
    done: float
    unit: str


def transcript_of(reader: StoreReader, session: str, skip: int) -> Transcript:
    """What was said, but for the first utterances. Raises RequestRejected (NOT_FOUND), StoreCorrupt."""
    with reader.store.read() as txn:
        record = sessions.load_shown(txn, session)
        said = said_in(txn, record)[skip:]
        share = _listened(txn, record)
    return Transcript(
        session=session,
        utterances=[_utterance(each) for each in said[:UTTERANCES_MAX]],
        complete=share,
        more=len(said) > UTTERANCES_MAX,
    )


def utterances_of(reader: StoreReader, session: str) -> list[Utterance]:
    """Everything that was said. Raises RequestRejected (NOT_FOUND), StoreCorrupt."""
    with reader.store.read() as txn:
        return [_utterance(each) for each in said_in(txn, sessions.load_shown(txn, session))]


def moment(record: SessionRecord, kind: str, at_ns: int, text: str, track: str) -> Moment:
    """A hit of a search at this media time, as people are shown it."""
    at_s = seconds(at_ns)
    return Moment(
        session=record.id,
        name=record.name,
        kind=kind,
        at_s=at_s,
        text=text[:TEXT_CHARS_MAX],
        track=track,
        link=f"reelctl review {record.id} --at {at_s:.2f}",
    )


def findings_of(reader: StoreReader, session: str) -> Findings:
    """Chapters and summary. Raises RequestRejected (NOT_FOUND), StoreCorrupt."""
    with reader.store.read() as txn:
        record = sessions.load_shown(txn, session)
        stages = (Stage.CHAPTERS, Stage.SUMMARY, Stage.LANGUAGE)
        chapters, summary, written = (finding_of(txn, session, stage) for stage in stages)
    starts = [] if chapters is None else decode(chapters.payload, Chapters).chapters
    ends = [each.start_ns for each in starts[1:]] + [record.media_end_ns()]
    return Findings(
        session=session,
        chapters=[
            ChapterInfo(start_s=seconds(each.start_ns), end_s=seconds(max(end_ns, each.start_ns)), title=each.title)
            for each, end_ns in zip(starts, ends, strict=False)
        ],
        summary=_lines(summary),
        written=_lines(written),
    )


def _lines(entry: FindingEntry | None) -> list[SummaryLine]:
    sentences = [] if entry is None else decode(entry.payload, Summary).sentences
    return [SummaryLine(at_s=seconds(each.at_ns), text=each.text) for each in sentences]


def extent_of(reader: StoreReader, session: str, stage: Stage, engine: str) -> Extent:
    """How much a stage has to do. Raises RequestRejected (NOT_FOUND), StoreCorrupt."""
    with reader.store.read() as txn:
        record = sessions.load_shown(txn, session)
        if stage is Stage.OCR:
            sources = {view.source for view in views_of(txn, record)}
            done = sum(_has(txn, source, stage, engine) for source in sources)
            return Extent(len(sources), done, "stills")
        if stage is Stage.SPEECH:
            all_ns = done_ns = 0
            for track in voices_of(txn, record):
                for start_ns, entry, _ in entries_of(txn, session, track.id):
                    all_ns += entry.end_ns - start_ns
                    done_ns += (entry.end_ns - start_ns) * _has(txn, entry.chunk, stage, engine)
            return Extent(seconds(all_ns), seconds(done_ns), "seconds of sound")
        return Extent(1, float(finding_of(txn, session, stage) is not None), "session")


def _has(txn: Transaction, source: bytes, stage: Stage, engine: str) -> bool:
    return any(each.stage is stage and each.engine == engine for each in results.of(txn, source))


def _listened(txn: Transaction, record: SessionRecord) -> float:
    """Share of the session's sound of which it is known what is said in it."""
    all_ns = known_ns = 0
    for track in voices_of(txn, record):
        for start_ns, entry, spoken in entries_of(txn, record.id, track.id):
            all_ns += entry.end_ns - start_ns
            known_ns += (entry.end_ns - start_ns) * (spoken is not None)
    return round(known_ns / all_ns, 4) if all_ns else 1.0


def _utterance(said: Said) -> Utterance:
    return Utterance(
        track=said.track,
        start_s=seconds(said.start_ns),
        end_s=seconds(said.end_ns),
        text=said.text,
        words=[
            TranscriptWord(
                start_s=seconds(word.start_ns),
                end_s=seconds(word.end_ns),
                text=word.text.strip(),
                probability=word.probability,
                joined=place > 0 and not word.text[:1].isspace(),
            )
            for place, word in enumerate(said.words)
        ],
    )
