"""A transcript in pieces short enough to be read while they are on view, for subtitles. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reeld_proto.enrich import TranscriptWord, Utterance

CUE_CHARS_MAX = 84
"""Two lines of 42 characters, as broadcasters have them."""
CUE_S_MAX = 6.0
CUE_S_MIN = 0.3
LINE_CHARS = 42


@dataclass(frozen=True, slots=True)
class Cue:
    """Text on view from `start_s` to `end_s`, in playback seconds."""

    start_s: float
    end_s: float
    text: str
    track: str


def cues(utterances: Iterable[Utterance]) -> list[Cue]:
    """The pieces in the order of time; those of different tracks may overlap."""
    found = [cue for utterance in utterances for cue in _pieces(utterance)]
    return sorted(found, key=lambda cue: (cue.start_s, cue.track))


def in_lines(text: str) -> str:
    """The text on two lines, cut at the blank nearest to the middle, if it is long."""
    blanks = [place for place, character in enumerate(text) if character == " "]
    if len(text) <= LINE_CHARS or not blanks:
        return text
    cut = min(blanks, key=lambda place: abs(place - len(text) // 2))
    return f"{text[:cut]}\n{text[cut + 1 :]}"


def _pieces(utterance: Utterance) -> Iterator[Cue]:
    group: list[TranscriptWord] = []
    for word in utterance.words:
        if not word.text:
            continue
        length = sum(len(each.text) + 1 for each in group) + len(word.text)
        # What hangs together is never on two cues.
        if group and not word.joined and (length > CUE_CHARS_MAX or word.end_s - group[0].start_s > CUE_S_MAX):
            yield _cue(utterance, group)
            group = []
        group.append(word)
    if group:
        yield _cue(utterance, group)


def _cue(utterance: Utterance, group: Sequence[TranscriptWord]) -> Cue:
    text = "".join(f"{'' if word.joined else ' '}{word.text}" for word in group).strip()
    return Cue(group[0].start_s, max(group[-1].end_s, group[0].start_s + CUE_S_MIN), text, utterance.track)
