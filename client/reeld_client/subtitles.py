"""A transcript as text, SubRip or WebVTT. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reeld_proto.enrich import TranscriptWord, Utterance

CUE_CHARS_MAX = 84
"""Two lines of 42 characters, as broadcasters have them."""
CUE_S_MAX = 6.0
LINE_CHARS = 42


@dataclass(frozen=True, slots=True)
class Cue:
    """Text on view from `start_s` to `end_s`."""

    start_s: float
    end_s: float
    text: str
    track: str


def plain_text(utterances: Sequence[Utterance]) -> str:
    """One line an utterance, with its time and its track where there are several."""
    tracks = {each.track for each in utterances}
    lines = [
        f"[{_clock(each.start_s, '.')[:-4]}] {f'{each.track}: ' if len(tracks) > 1 else ''}{each.text}"
        for each in utterances
    ]
    return "".join(f"{line}\n" for line in lines)


def subrip(utterances: Sequence[Utterance]) -> str:
    """SubRip (.srt)."""
    blocks = [
        f"{number}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n{_lines(cue.text)}\n"
        for number, cue in enumerate(cues(utterances), 1)
    ]
    return "\n".join(blocks)


def webvtt(utterances: Sequence[Utterance]) -> str:
    """WebVTT (.vtt), each cue with its track as the voice."""
    blocks = ["WEBVTT\n"]
    for cue in cues(utterances):
        text = _lines(cue.text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        blocks.append(f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}\n<v {_voice(cue.track)}>{text}\n")
    return "\n".join(blocks)


def cues(utterances: Iterable[Utterance]) -> list[Cue]:
    """Pieces short enough to be read, in the order of time."""
    found = [cue for utterance in utterances for cue in _pieces(utterance)]
    return sorted(found, key=lambda cue: (cue.start_s, cue.track))


def _pieces(utterance: Utterance) -> Iterator[Cue]:
    group: list[TranscriptWord] = []
    for word in utterance.words:
        length = sum(len(each.text) + 1 for each in group) + len(word.text)
        if group and (length > CUE_CHARS_MAX or word.end_s - group[0].start_s > CUE_S_MAX):
            yield _cue(utterance, group)
            group = []
        group.append(word)
    if group:
        yield _cue(utterance, group)


def _cue(utterance: Utterance, group: Sequence[TranscriptWord]) -> Cue:
    text = " ".join(word.text for word in group)
    return Cue(group[0].start_s, max(group[-1].end_s, group[0].start_s + 0.3), text, utterance.track)


def _lines(text: str) -> str:
    """The text on two lines, cut at the blank nearest to the middle, if it is long."""
    blanks = [place for place, character in enumerate(text) if character == " "]
    if len(text) <= LINE_CHARS or not blanks:
        return text
    cut = min(blanks, key=lambda place: abs(place - len(text) // 2))
    return f"{text[:cut]}\n{text[cut + 1 :]}"


def _clock(at_s: float, point: str) -> str:
    whole_ms = round(at_s * 1000)
    seconds, ms = divmod(whole_ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{ms:03}"


def _voice(track: str) -> str:
    return track.replace(">", "").replace("<", "").replace("&", "and").replace("\n", " ")
