"""What the fake daemon answers about enrichment."""

from typing import Any

from reeld_proto import commands as c
from reeld_proto.enrich import (
    ChapterInfo,
    EnrichJob,
    EnrichState,
    Moment,
    PlannedStage,
    StageStatus,
    SummaryLine,
    TranscriptWord,
    Utterance,
)
from reeld_proto.findings import Stage
from tests.client.fake_reeld import SESSION

JOB = EnrichJob(
    id="e1",
    session=SESSION,
    plan="standard",
    state=EnrichState.RUNNING,
    stage="ocr",
    progress=0.25,
    cost_s=2.5,
    stages=[
        StageStatus(
            stage=Stage.OCR,
            state=EnrichState.RUNNING,
            engine="rapidocr",
            version="3.4",
            done=5,
            total=10,
            cached=2,
            calls=3,
            seconds=2.5,
        ),
        StageStatus(stage=Stage.SUMMARY),
    ],
)
PLANNED = c.EnrichPlanned(
    session=SESSION,
    plan="standard",
    stages=[
        PlannedStage(
            stage=Stage.OCR,
            engine="rapidocr",
            why="installed, with its models",
            items=10,
            unit="stills",
            done=0.2,
            seconds=12.5,
        ),
        PlannedStage(
            stage=Stage.SPEECH,
            engine="faster-whisper small",
            why="as configured",
            items=7.4,
            unit="seconds of sound",
            done=0,
            seconds=None,
        ),
    ],
    seconds=None,
)
FINDINGS = c.Findings(
    session=SESSION,
    chapters=[
        ChapterInfo(start_s=0, end_s=60, title="Quarterly [budget]"),
        ChapterInfo(start_s=60, end_s=90, title="Holiday pictures"),
    ],
    summary=[SummaryLine(at_s=12.5, text="we decided to buy stairs")],
)
MOMENTS = c.MomentsFound(
    hits=[
        Moment(
            session=SESSION,
            name="stand-up",
            kind="speech",
            at_s=12.5,
            text="we decided [today]",
            track="mic",
            link=f"reelctl review {SESSION} --at 12.5",
        )
    ]
)


def utterance(start_s: float, text: str, *, track: str = "mic", end_s: float | None = None) -> Utterance:
    """Words that are half a second long."""
    words = [
        TranscriptWord(start_s=start_s + place / 2, end_s=start_s + place / 2 + 0.4, text=word, probability=0.9)
        for place, word in enumerate(text.split())
    ]
    return Utterance(
        track=track, start_s=start_s, end_s=words[-1].end_s if end_s is None else end_s, text=text, words=words
    )


UTTERANCES = [utterance(0.5, "Good morning."), utterance(61.25, "We decided <today> & bought stairs.")]
TRANSCRIPT = c.Transcript(session=SESSION, utterances=UTTERANCES, complete=1.0)


def answers() -> dict[str, Any]:
    """Of a daemon that has enriched the session."""
    return {
        "enrich_start": c.EnrichStarted(job=JOB),
        "enrich_wait": c.EnrichStarted(job=JOB),
        "enrich_list": c.EnrichList(jobs=[JOB]),
        "enrich_want": c.EnrichList(jobs=[JOB]),
        "enrich_steer": c.EnrichList(jobs=[JOB]),
        "enrich_plan": PLANNED,
        "search": MOMENTS,
        "transcript_get": TRANSCRIPT,
        "findings_get": FINDINGS,
    }
