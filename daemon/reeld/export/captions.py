"""Chapters and subtitles in an exported MP4: what enrichment found, in the time of the file.

DESIGN: players show one text at a time, so where two people speak at once both texts stand in one. The texts are a
track of their own (3GPP timed text, which QuickTime, VLC and mpv show); chapters are named in the file's index.
"""

import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av

from reeld.export.window import Window
from reeld.store.known import findings_of, utterances_of
from reeld.store.reader import StoreReader
from reeld_proto.cues import Cue, cues, in_lines
from reeld_proto.units import NS_PER_MS, NS_PER_S

TIME_BASE = Fraction(1, 1000)
_HEADER = b"""[Script Info]
ScriptType: v4.00+
PlayResX: 384
PlayResY: 288

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Sans,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


@dataclass(frozen=True, slots=True)
class Captions:
    """In milliseconds of the file. chapters: start, end, title; texts: start, end, text, without overlap."""

    chapters: list[tuple[int, int, str]]
    texts: list[tuple[int, int, str]]


def captions_of(reader: StoreReader, session: str, window: Window, tracks: Collection[str]) -> Captions:
    """What is known of a session within the window. tracks: whose speech is written; all if there are none.

    Raises RequestRejected (NOT_FOUND), StoreCorrupt.
    """
    length_ms = window.length_ns // NS_PER_MS
    from_ms = window.from_ns // NS_PER_MS
    chapters = []
    for chapter in findings_of(reader, session).chapters:
        start_ms = max(0, round(chapter.start_s * 1000) - from_ms)
        end_ms = min(length_ms, round(chapter.end_s * 1000) - from_ms)
        if start_ms < end_ms:
            chapters.append((start_ms, end_ms, chapter.title))
    from_s, to_s = window.from_ns / NS_PER_S, window.to_ns / NS_PER_S
    spoken = [
        cue
        for cue in cues(utterances_of(reader, session))
        if cue.start_s >= from_s and cue.end_s <= to_s and (not tracks or cue.track in tracks)
    ]
    return Captions(chapters, _one_at_a_time(spoken, from_s))


def _one_at_a_time(spoken: Sequence[Cue], from_s: float) -> list[tuple[int, int, str]]:
    """The texts of cues that may overlap, cut where one of them begins or ends."""
    timed = [(round((cue.start_s - from_s) * 1000), round((cue.end_s - from_s) * 1000), cue.text) for cue in spoken]
    edges = sorted({edge for start, end, _ in timed for edge in (start, end)})
    shown: list[tuple[int, int, str]] = []
    begun = 0
    for start, end in pairwise(edges):
        while begun < len(timed) and timed[begun][1] <= start:
            begun += 1
        texts = [text for first, last, text in timed[begun:] if first <= start and end <= last]
        if not texts:
            continue
        text = "\n".join(in_lines(each) for each in texts)
        if shown and shown[-1][1:] == (start, text):
            shown[-1] = (shown[-1][0], end, text)
        else:
            shown.append((start, end, text))
    return shown


def add_chapters(container: Any, captions: Captions) -> None:
    """Name the chapters in the file. Called before the first sample is written."""
    if captions.chapters:
        container.set_chapters(
            [
                {"id": number, "start": start, "end": end, "time_base": TIME_BASE, "metadata": {"title": title}}
                for number, (start, end, title) in enumerate(captions.chapters, 1)
            ]
        )


def add_texts(container: Any, captions: Captions) -> Any:
    """The track of texts; None if nothing was said. Called before the first sample is written."""
    if not captions.texts:
        return None
    stream = container.add_stream("mov_text")
    stream.codec_context.subtitle_header = _HEADER
    stream.time_base = TIME_BASE
    stream.metadata["title"] = stream.metadata["handler_name"] = "Transcript"
    # Whoever wants to read along switches it on.
    stream.disposition = av.stream.Disposition(0)
    return stream


def packets(stream: Any, captions: Captions) -> Iterator[tuple[int, Any]]:
    """Start in nanoseconds and packet of each text, an empty one wherever nobody speaks."""
    reached = 0
    for start, end, text in captions.texts:
        if start > reached:
            yield reached * NS_PER_MS, _packet(stream, reached, start, "")
        yield start * NS_PER_MS, _packet(stream, start, end, text)
        reached = end


def _packet(stream: Any, start: int, end: int, text: str) -> Any:
    data = text.encode()
    packet: Any = av.Packet(struct.pack(">H", len(data)) + data)
    packet.stream, packet.time_base = stream, TIME_BASE
    packet.pts = packet.dts = start
    packet.duration, packet.is_keyframe = end - start, True
    return packet
