"""The stage that writes down what is said on the tracks of sound of a session. Runs in the enrichment worker.

DESIGN: engines want half a minute at a time, chunks are two seconds long, and a clip may begin anywhere. So sound is
listened to in windows that end where nobody speaks, and each word is kept with the chunk in which it begins. A chunk
has its result when the window has passed its end; one without words has an empty one, and is never listened to again.
"""

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import soxr

from reeld.enrich.engines.api import SPEECH_RATE, Heard, Listener, Voice
from reeld.export.store_source import StoreSource
from reeld.media.fragments import parse_chunk, parse_init
from reeld.store import chunks, results, sessions
from reeld.store.keys import number_of, track_prefix
from reeld.store.reader import StoreReader
from reeld.store.records import ChunkEntry, SessionRecord
from reeld.store.spoken import BREAK_NS
from reeld.store.transaction import Table, Transaction, decode
from reeld.store.voices import voices_of
from reeld_proto import codec
from reeld_proto.enrich_orders import SliceDone
from reeld_proto.errors import StoreCorrupt
from reeld_proto.findings import NewResult, SpokenWord, SpokenWords, Stage
from reeld_proto.units import NS_PER_MS, NS_PER_S

WINDOW_S = 28.0
"""What an engine is given at most: half a minute, less what it needs at the ends."""
QUIET_S = 0.4
"""Where nobody speaks for so long a window may end."""
TAIL_NS = NS_PER_S
"""So much of a chunk that was listened to before is heard again, if a word may reach into it."""
SILENT_LOOK_S = 112.0
"""Sound that is looked through for voices at a time while nobody speaks."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A chunk that was not listened to. start_ns, end_ns: media time of the session.

    part: what of it is shown, empty for all.
    """

    start_ns: int
    end_ns: int
    shift_ns: int
    source: bytes
    part: str = ""


@dataclass(slots=True)
class _Run:
    """Chunks of one track in a row. lasts: more may follow.

    start_ns: where to begin to listen, behind a word that begins before. reach_ns: up to where, so that the last word
    is heard whole.
    """

    track: str
    pieces: list[_Piece]
    start_ns: int
    reach_ns: int
    lasts: bool = False


class Listening:
    """Listens to what was not listened to yet. total, cached: seconds of sound, on all tracks.

    Raises RequestRejected (NOT_FOUND), StoreCorrupt.
    """

    def __init__(self, reader: StoreReader, session: str, engine: Listener, parameters: str) -> None:
        self._reader, self._session, self._engine, self._parameters = reader, session, engine, parameters
        runs: list[_Run] = []
        self.total = self.cached = 0.0
        with reader.store.read() as txn:
            record = sessions.load_shown(txn, session)
            for track in voices_of(txn, record):
                found, total_s, cached_s = _missing(txn, record, track.id, self._key)
                runs += found
                self.total += total_s
                self.cached += cached_s
        self._done_s = 0.0
        self._work = self._steps(runs)

    def _key(self, part: str) -> bytes:
        engine = self._engine
        return results.engine_key(Stage.SPEECH, engine.name, engine.version, self._parameters + part)

    def step(self) -> SliceDone:
        """The next window."""
        return next(self._work, SliceDone(done=self._done_s, finished=True))

    def _steps(self, runs: list[_Run]) -> Iterator[SliceDone]:
        for run in runs:
            yield from _RunWork(self, run).steps()

    def advance(self, pieces: list[_Piece], words: dict[bytes, SpokenWords], calls: int, seconds: float) -> SliceDone:
        """A slice in which these chunks got their results."""
        self._done_s += sum(piece.end_ns - piece.start_ns for piece in pieces) / NS_PER_S
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
        return SliceDone(results=new, done=round(self._done_s, 3), calls=calls, seconds=seconds)

    @property
    def engine(self) -> Listener:
        """What listens."""
        return self._engine

    def sound(self, track: str, start_ns: int) -> "_Sound":
        """The track from an instant on."""
        return _Sound(StoreSource(self._reader, self._session, track, start_ns))


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

    def __init__(self, owner: Listening, run: _Run) -> None:
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
        look_s = WINDOW_S
        while at_ns < end_ns:
            left_s = (end_ns - at_ns) / NS_PER_S
            wanted = round(min(look_s, left_s) * SPEECH_RATE)
            if len(held) < wanted:
                held = np.concatenate([held, sound.read(wanted - len(held))])
            began_s = time.perf_counter()
            voices = self._owner.engine.speech(held[:wanted])
            last = left_s <= look_s
            span_s, listens = _window(voices, wanted / SPEECH_RATE, last=last)
            span = max(1, round(span_s * SPEECH_RATE))
            ends = last and span >= wanted  # in frames: a rest shorter than one would never come to its end
            if ends and run.lasts and voices and voices[-1][1] > left_s - QUIET_S:
                return  # somebody is still speaking: the rest when it has been recorded
            look_s = WINDOW_S if voices else SILENT_LOOK_S
            calls = 0
            if listens:
                heard = self._owner.engine.listen(held[:span])
                calls = 1
                self._language = heard.language or self._language
                self._take(heard.words, at_ns)
            seconds = time.perf_counter() - began_s
            held = held[span:]
            at_ns = end_ns if ends else at_ns + round(span_s * NS_PER_S)
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

    def _told(self, pieces: list[_Piece]) -> dict[bytes, SpokenWords]:
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
    if length_s <= WINDOW_S and last:
        return length_s, True
    ends = [after[0] - (after[0] - before[1]) / 2 for before, after in pairwise(voices)]
    ends.append(voices[-1][1] + QUIET_S / 2)
    fitting = [end for end in ends if end <= min(WINDOW_S, length_s)]
    return (fitting[-1] if fitting else min(WINDOW_S, length_s)), True


def _missing(
    txn: Transaction, record: SessionRecord, track: str, key: Callable[[str], bytes]
) -> tuple[list[_Run], float, float]:
    """Runs of chunks without a result, and how many seconds of sound there are and have one."""
    runs: list[_Run] = []
    total_ns = cached_ns = 0
    before: _Piece | None = None
    begins_run = True
    seen: set[tuple[bytes, str]] = set()
    for piece in _pieces(txn, record, track):
        total_ns += piece.end_ns - piece.start_ns
        follows = before is not None and piece.start_ns <= before.end_ns + BREAK_NS
        known = results.has(txn, piece.source, key(""))
        known = known or (bool(piece.part) and results.has(txn, piece.source, key(piece.part)))
        if known or (piece.source, piece.part) in seen:
            cached_ns += piece.end_ns - piece.start_ns
            if follows and not begins_run:
                runs[-1].reach_ns = min(piece.end_ns, runs[-1].reach_ns + TAIL_NS)
            begins_run = True
        elif begins_run or not follows:
            start_ns = max(piece.start_ns, _said_until_ns(txn, before)) if follows and before else piece.start_ns
            runs.append(_Run(track, [piece], start_ns, piece.end_ns))
            begins_run = False
        else:
            runs[-1].pieces.append(piece)
            runs[-1].reach_ns = piece.end_ns
        seen.add((piece.source, piece.part))
        before = piece
    if runs and not begins_run:
        runs[-1].lasts = record.end_ns is None
    return runs, total_ns / NS_PER_S, cached_ns / NS_PER_S


def _said_until_ns(txn: Transaction, piece: _Piece) -> int:
    """When the last word ends that begins in a chunk which was listened to: it may reach into the next one."""
    best = results.best(txn, piece.source, Stage.SPEECH)
    words = [] if best is None else decode(best.payload, SpokenWords).words
    return max((word.end_ns for word in words), default=0) + piece.shift_ns if words else 0


def _pieces(txn: Transaction, record: SessionRecord, track: str) -> list[_Piece]:
    """The chunks of a track in order. Where a session made of others shows a part of one, only that is heard here."""
    prefix = track_prefix(record.id, track)
    rows = [(number_of(key, prefix), decode(value, ChunkEntry)) for key, value in txn.scan(Table.TIMELINE, prefix)]
    pieces = []
    for place, (start_ns, entry) in enumerate(rows):
        part = ""
        if record.origins and not (_joined(rows, place - 1, place) and _joined(rows, place, place + 1)):
            part = _part(txn, start_ns, entry)
        pieces.append(_Piece(start_ns, entry.end_ns, entry.shift_ns, entry.chunk, part))
    return pieces


def _joined(rows: list[tuple[int, ChunkEntry]], one: int, other: int) -> bool:
    if one < 0 or other >= len(rows):
        return False
    (_, before), (start_ns, after) = rows[one], rows[other]
    return before.shift_ns == after.shift_ns and start_ns <= before.end_ns + BREAK_NS


def _part(txn: Transaction, start_ns: int, entry: ChunkEntry) -> str:
    """What of its chunk an entry shows, in the chunk's own milliseconds; empty if it shows all, or that is unknown."""
    try:
        init = parse_init(chunks.load(txn, entry.init))
        samples = parse_chunk(chunks.load(txn, entry.chunk), init)
    except StoreCorrupt:
        return ""
    first_ns = min(sample.pts for sample in samples) * NS_PER_S // init.timescale
    end_ns = max(sample.pts + sample.duration for sample in samples) * NS_PER_S // init.timescale
    from_ns, to_ns = start_ns - entry.shift_ns, entry.end_ns - entry.shift_ns
    if from_ns <= first_ns + BREAK_NS and to_ns >= end_ns - BREAK_NS:
        return ""
    return f"{results.PART}{from_ns // NS_PER_MS}-{to_ns // NS_PER_MS}"
