"""A transcript as text, SubRip or WebVTT. Pure."""

from collections.abc import Sequence

from reeld_proto.cues import Cue, cues, in_lines
from reeld_proto.enrich import Utterance

__all__ = ["Cue", "cues", "plain_text", "subrip", "webvtt"]


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
        f"{number}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n{in_lines(cue.text)}\n"
        for number, cue in enumerate(cues(utterances), 1)
    ]
    return "\n".join(blocks)


def webvtt(utterances: Sequence[Utterance]) -> str:
    """WebVTT (.vtt), each cue with its track as the voice."""
    blocks = ["WEBVTT\n"]
    for cue in cues(utterances):
        text = in_lines(cue.text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        blocks.append(f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}\n<v {_voice(cue.track)}>{text}\n")
    return "\n".join(blocks)


def _clock(at_s: float, point: str) -> str:
    whole_ms = round(at_s * 1000)
    seconds, ms = divmod(whole_ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{ms:03}"


def _voice(track: str) -> str:
    return track.replace(">", "").replace("<", "").replace("&", "and").replace("\n", " ")
