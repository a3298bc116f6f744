"""What engines found in recordings: texts on screens, words that were said, chapters, a summary.

A *result* belongs to one chunk (a still, or a piece of sound), whatever sessions show it: who has the chunk has the
result. A *finding* belongs to a session, and is made of results.
"""

from enum import StrEnum

from msgspec import Struct, field


class Stage(StrEnum):
    """A step of a plan, in the order in which plans take them."""

    OCR = "ocr"
    """Texts on the snapshots."""
    SPEECH = "speech"
    """Words in the tracks of sound."""
    CHAPTERS = "chapters"
    """Where something new begins, with a title; from the results of the stages before, and without any model."""
    SUMMARY = "summary"
    """The sentences that tell most; without any model."""
    EMBEDDINGS = "embeddings"
    """What passages mean, as vectors, for search by meaning."""
    LANGUAGE = "language"
    """What a language model writes about it."""


class TextLine(Struct, frozen=True, array_like=True):
    """A line of text on a picture, in its pixels. score: how sure the engine is, 0 to 1."""

    text: str
    x: int
    y: int
    width: int
    height: int
    score: float


class PageText(Struct, frozen=True, array_like=True):
    """All lines on a still, from top to bottom. read_share: how much of the picture the engine had to look at, 0-1.

    lead_ns: by so much its picture is older than the still, as far as can be told.
    """

    width: int
    height: int
    lines: list[TextLine] = field(default_factory=list)
    read_share: float = 1.0
    lead_ns: int = 0


class SpokenWord(Struct, frozen=True, array_like=True):
    """A word, in the own time of the chunk in which it begins (media time of the recording it was made in).

    text: as the engine writes it, with its punctuation and the blank before it. probability: 0 to 1.
    """

    start_ns: int
    end_ns: int
    text: str
    probability: float


class SpokenWords(Struct, frozen=True, array_like=True):
    """The words that begin in a chunk of sound, in order; none where nobody speaks. language: a code such as `en`."""

    words: list[SpokenWord] = field(default_factory=list)
    language: str = ""


class ChapterStart(Struct, frozen=True, array_like=True):
    """A chapter begins at this media time of the session."""

    start_ns: int
    title: str


class Chapters(Struct, frozen=True, array_like=True):
    """All chapters of a session, the first at 0."""

    chapters: list[ChapterStart] = field(default_factory=list)


class SummarySentence(Struct, frozen=True, array_like=True):
    """A sentence of a summary and the media time at which it was said or shown."""

    at_ns: int
    text: str


class Summary(Struct, frozen=True, array_like=True):
    """What a session was about, in the order of time: chosen (`summary`) or written (`language`)."""

    sentences: list[SummarySentence] = field(default_factory=list)


class MeaningPassage(Struct, frozen=True, array_like=True):
    """A short text and the media time at which it was said or shown. kind: `speech` or `screen`."""

    at_ns: int
    kind: str
    track: str
    text: str


class Meanings(Struct, frozen=True, array_like=True):
    """Passages of a session and what they mean.

    vectors: of each passage so many signed bytes as there are dimensions, of length 127. passages: packed, a list of
    `MeaningPassage` in the same order; a search looks at vectors, and at few passages.
    """

    vectors: bytes = b""
    passages: bytes = b"\x90"


RESULT_KINDS: dict[Stage, type[PageText] | type[SpokenWords]] = {Stage.OCR: PageText, Stage.SPEECH: SpokenWords}
"""What a stage gives for each chunk."""
FINDING_KINDS: dict[Stage, type[Chapters] | type[Summary] | type[Meanings]] = {
    Stage.CHAPTERS: Chapters,
    Stage.SUMMARY: Summary,
    Stage.EMBEDDINGS: Meanings,
    Stage.LANGUAGE: Summary,
}
"""What a stage gives for a session."""


class NewResult(Struct, frozen=True, kw_only=True):
    """What an engine made of a chunk. source: its digest; payload: packed, of the stage's kind. seconds: it took."""

    source: bytes
    stage: Stage
    engine: str
    version: str
    parameters: str
    seconds: float
    payload: bytes


class NewFinding(Struct, frozen=True, kw_only=True):
    """What a stage made of a session. basis: digest of everything it was made of, engine and version included.

    revision: the session's when that was read; if the session has changed since, the finding is not taken.
    """

    session: str
    stage: Stage
    engine: str
    version: str
    basis: bytes
    revision: int
    payload: bytes
