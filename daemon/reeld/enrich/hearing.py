"""One run of sound, listened to window by window. Runs where its engine does; needs no store, only footage.

DESIGN: engines want half a minute at a time, chunks are two seconds long. So sound is listened to in windows that end
where nobody speaks, and each word is kept with the chunk in which it begins.
"""

import time
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate, pairwise, zip_longest

import numpy as np
import soxr

from reeld.enrich.engines.api import SPEECH_RATE, Heard, Listener, Voice
from reeld.enrich.portions import Piece, SoundRun
from reeld.export.store_source import StoreSource
from reeld.store.api import Footage
from reeld_proto import codec
from reeld_proto.enrich_orders import SliceDone
from reeld_proto.findings import NewResult, SpokenWord, SpokenWords, Stage
from reeld_proto.units import NS_PER_MS, NS_PER_S

WINDOW_S = 28.0
"""Speech that an engine is given at most: half a minute, less what it needs at the ends. It leaves silence out itself,
and takes as long for a window with little speech as for one that is full."""
LOOK_S = 56.0
"""Sound that is looked through for so much speech."""
QUIET_S = 0.4
"""Where nobody speaks for so long a window may end."""
TAIL_NS = NS_PER_S
"""So much of a chunk that is listened to at another time is heard again, if a word may reach into it."""
SILENT_LOOK_S = 112.0
"""Sound that is looked through for voices at a time while nobody speaks."""
PART_NS = 180 * NS_PER_S
"""A run is done in parts of about so much: they can be done at the same time, and little is lost with one."""
CUT_LOOK_NS = 30 * NS_PER_S
CUT_NS = 250 * NS_PER_MS
"""A part ends at the quietest end of a chunk in the next half a minute; so much on each side of it is looked at."""


class HearingWork:
    """Listens to runs of one session. Used by one thread."""

    def __init__(self, footage: Footage, session: str, engine: Listener, parameters: str) -> None:
        self._footage, self._session, self._engine, self._parameters = footage, session, engine, parameters

    def take(self, run: SoundRun) -> Iterator[SliceDone]:
        """A slice for each window; `done`: seconds of the chunks that got their results with it."""
        yield from _RunWork(self, run).steps()

    def advance(self, pieces: list[Piece], words: dict[bytes, SpokenWords], calls: int, seconds: float) -> SliceDone:
        """A slice in which these chunks got their results."""
        each_s = round(seconds / max(1, len(pieces)), 4)
        new = [
            NewResult(
                source=piece.source,
                stage=Stage.SPEECH,
                engine=self._engine.name,
                version=self._engine.version,
                parameters=self._parameters + piece.part,
                seconds=each_s,
                payload=codec.pack_record(words.get(piece.source, SpokenWords())),
            )
            for piece in pieces
        ]
        done_s = sum(piece.end_ns - piece.start_ns for piece in pieces) / NS_PER_S
        return SliceDone(results=new, done=done_s, calls=calls, seconds=seconds)

    @property
    def engine(self) -> Listener:
        """What listens."""
        return self._engine

    def sound(self, track: str, start_ns: int) -> "_Sound":
        """The track from an instant on."""
        return _Sound(StoreSource(self._footage, self._session, track, start_ns))


def parts_of(footage: Footage, session: str, run: SoundRun) -> Iterator[SoundRun]:
    """A run in parts, cut where it is quietest; the same footage always gives the same parts. Raises StoreCorrupt."""
    pieces, first, start_ns = run.pieces, 0, run.start_ns
    while pieces[-1].end_ns - pieces[first].start_ns > PART_NS + CUT_LOOK_NS:
        from_ns = pieces[first].start_ns + PART_NS
        places = [
            place
            for place in range(first + 1, len(pieces))
            if from_ns <= pieces[place].start_ns <= from_ns + CUT_LOOK_NS
        ]
        if not places:
            break
        place = _quietest(footage, session, run, places)
        reach_ns = min(run.reach_ns, pieces[place - 1].end_ns + TAIL_NS)
        yield SoundRun(run.track, pieces[first:place], start_ns, reach_ns)
        first, start_ns = place, pieces[place].start_ns
    yield SoundRun(run.track, pieces[first:], start_ns, run.reach_ns, run.lasts)


def ordered_parts(footage: Footage, session: str, runs: list[SoundRun], first_ns: int) -> Iterator[SoundRun]:
    """All parts of all runs; if some are wanted first, those from there on, all tracks side by side, then the rest."""
    if not first_ns:
        for run in runs:
            yield from parts_of(footage, session, run)
        return
    later, before = [], []
    for run in runs:
        head, tail = _split(footage, session, run, first_ns)
        before += [parts_of(footage, session, head)] if head is not None else []
        later += [parts_of(footage, session, tail)] if tail is not None else []
    for together in (later, before):
        for row in zip_longest(*together):
            yield from (part for part in row if part is not None)


def _split(footage: Footage, session: str, run: SoundRun, first_ns: int) -> tuple[SoundRun | None, SoundRun | None]:
    """What of a run is before a media time, and what from there on, cut where it is quiet shortly before."""
    if first_ns <= run.pieces[0].end_ns:
        return None, run
    if first_ns >= run.pieces[-1].end_ns:
        return run, None
    near = [
        place
        for place, piece in enumerate(run.pieces)
        if place and first_ns - CUT_LOOK_NS <= piece.start_ns <= first_ns
    ]
    if not near:
        return None, run
    place = _quietest(footage, session, run, near)
    reach_ns = min(run.reach_ns, run.pieces[place - 1].end_ns + TAIL_NS)
    head = SoundRun(run.track, run.pieces[:place], run.start_ns, reach_ns)
    return head, SoundRun(run.track, run.pieces[place:], run.pieces[place].start_ns, run.reach_ns, run.lasts)


def _quietest(footage: Footage, session: str, run: SoundRun, places: list[int]) -> int:
    """At the start of which of these pieces it is quietest."""
    begin_ns = max(0, run.pieces[places[0]].start_ns - CUT_NS)
    source = StoreSource(footage, session, run.track, begin_ns)
    end_ns = run.pieces[places[-1]].start_ns + CUT_NS
    sound = source.read(max(1, (end_ns - begin_ns) * source.rate // NS_PER_S)).mean(axis=1)
    half = CUT_NS * source.rate // NS_PER_S

    def loudness(place: int) -> float:
        middle = (run.pieces[place].start_ns - begin_ns) * source.rate // NS_PER_S
        around = sound[max(0, middle - half) : middle + half]
        return float(np.square(around).mean()) if len(around) else 0.0

    return min(places, key=loudness)


class _Sound:
    """A track as one channel at 16 kHz, read in order."""

    def __init__(self, source: StoreSource) -> None:
        self._source = source
        self._resampler = soxr.ResampleStream(source.rate, SPEECH_RATE, 1, dtype="float32")
        self._owed = 0.0
        self._left: Voice = np.zeros(0, np.float32)

    def read(self, frames: int) -> Voice:
        """The next frames, zeros after its end."""
        parts, have = [self._left], len(self._left)
        while have < frames:
            block = self._source.read(self._source.rate)
            mono = np.ascontiguousarray(block.mean(axis=1), np.float32)
            parts.append(self._resampler.resample_chunk(mono))
            have += len(parts[-1])
        whole = np.concatenate(parts)
        self._left = whole[frames:]
        return np.asarray(whole[:frames], np.float32)


class _RunWork:
    """One run of chunks, from its first to its last, window by window."""

    def __init__(self, owner: HearingWork, run: SoundRun) -> None:
        self._owner, self._run = owner, run
        self._words: dict[bytes, list[SpokenWord]] = {}
        self._language = ""
        self._starts = [piece.start_ns for piece in run.pieces]

    def steps(self) -> Iterator[SliceDone]:
        """Slices; each gives results of the chunks that its window has passed."""
        run = self._run
        waiting = list(run.pieces)
        at_ns, end_ns = run.start_ns, run.reach_ns
        sound = self._owner.sound(run.track, at_ns)
        held: Voice = np.zeros(0, np.float32)
        voices: list[tuple[float, float]] = []
        looked_s = 0.0
        while at_ns < end_ns:
            left_s = (end_ns - at_ns) / NS_PER_S
            look_s = min(LOOK_S if voices else SILENT_LOOK_S, left_s)
            began_s = time.perf_counter()
            if looked_s < look_s:
                wanted = round(look_s * SPEECH_RATE)
                if len(held) < wanted:
                    held = np.concatenate([held, sound.read(wanted - len(held))])
                began_s = time.perf_counter()
                # Whoever spoke where it was looked last is looked at again from where they began.
                speaks = bool(voices) and voices[-1][1] > looked_s - QUIET_S
                first = round((voices.pop()[0] if speaks else looked_s) * SPEECH_RATE)
                from_s = first / SPEECH_RATE
                found = self._owner.engine.speech(held[first:wanted])
                voices += [(start_s + from_s, stop_s + from_s) for start_s, stop_s in found]
                looked_s = wanted / SPEECH_RATE
            last = left_s <= look_s
            span_s, listens = _window(voices, looked_s, last=last)
            span = max(1, round(span_s * SPEECH_RATE))
            # In frames: a rest shorter than one would never come to its end.
            ends = last and span >= round(looked_s * SPEECH_RATE)
            if ends and run.lasts and voices and voices[-1][1] > left_s - QUIET_S:
                return  # somebody is still speaking: the rest when it has been recorded
            calls = 0
            if listens:
                heard = self._owner.engine.listen(held[:span])
                calls = 1
                self._language = heard.language or self._language
                self._take(heard.words, at_ns)
            seconds = time.perf_counter() - began_s
            held = held[span:]
            passed_s = span / SPEECH_RATE
            voices = [(max(0.0, a_s - passed_s), b_s - passed_s) for a_s, b_s in voices if b_s > passed_s]
            looked_s = max(0.0, looked_s - passed_s)
            at_ns = end_ns if ends else at_ns + round(passed_s * NS_PER_S)
            passed = [piece for piece in waiting if piece.end_ns <= at_ns]
            waiting = waiting[len(passed) :]
            yield self._owner.advance(passed, self._told(passed), calls, seconds)

    def _take(self, words: list[Heard], at_ns: int) -> None:
        """Give each word to the chunk in which it begins."""
        for word in words:
            start_ns = at_ns + round(word.start_s * NS_PER_S)
            if start_ns >= self._run.pieces[-1].end_ns:
                continue  # it was heard with its own chunk
            piece = self._run.pieces[max(0, bisect_right(self._starts, start_ns) - 1)]
            start_ns = max(start_ns, piece.start_ns)
            end_ns = max(start_ns, at_ns + round(word.end_s * NS_PER_S))
            self._words.setdefault(piece.source, []).append(
                SpokenWord(start_ns - piece.shift_ns, end_ns - piece.shift_ns, word.text, word.probability)
            )

    def _told(self, pieces: list[Piece]) -> dict[bytes, SpokenWords]:
        return {piece.source: SpokenWords(self._words.pop(piece.source, []), self._language) for piece in pieces}


def _window(voices: list[tuple[float, float]], length_s: float, *, last: bool) -> tuple[float, bool]:
    """Up to where to go now, and whether there is anything to listen to on the way.

    voices: where somebody speaks in what lies ahead; length_s: how much that is; last: nothing follows.
    """
    if not voices:
        # Somebody may have begun to speak at the very end.
        return (length_s if last else length_s - QUIET_S), False
    if voices[0][0] > WINDOW_S:
        return voices[0][0] - QUIET_S / 2, False
    spoken_s = accumulate(end_s - start_s for start_s, end_s in voices)
    fit = sum(each <= WINDOW_S for each in spoken_s)
    if last and fit == len(voices):
        return length_s, True
    ends = [after[0] - (after[0] - before[1]) / 2 for before, after in pairwise(voices)]
    ends.append(voices[-1][1] + QUIET_S / 2)
    fitting = [end for end in ends[:fit] if end <= length_s]
    return (fitting[-1] if fitting else min(voices[0][0] + WINDOW_S, length_s)), True
