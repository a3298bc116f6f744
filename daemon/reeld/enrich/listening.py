"""The stage that writes down what is said on the tracks of sound of a session: what of it is missing.

DESIGN: a clip may begin anywhere, so results hang on chunks. A chunk has its result when a window of listening has
passed its end; one without words has an empty one, and is never listened to again.
"""

from collections.abc import Callable

from msgspec.structs import replace

from reeld.enrich.engines.api import Listener
from reeld.enrich.hearing import TAIL_NS, HearingWork, ordered_parts
from reeld.enrich.portions import Piece, SoundRun
from reeld.media.fragments import parse_chunk, parse_init
from reeld.store import chunks, results, sessions
from reeld.store.keys import number_of, track_prefix
from reeld.store.reader import StoreReader
from reeld.store.records import ChunkEntry, SessionRecord
from reeld.store.results import EngineKey
from reeld.store.spoken import BREAK_NS
from reeld.store.transaction import Table, Transaction, decode
from reeld.store.voices import voices_of
from reeld_proto.enrich_orders import SliceDone
from reeld_proto.errors import StoreCorrupt
from reeld_proto.findings import SpokenWords, Stage
from reeld_proto.units import NS_PER_MS, NS_PER_S


def runs_of(reader: StoreReader, session: str, key: EngineKey) -> tuple[list[SoundRun], float, float]:
    """What was not listened to yet, and how many seconds of sound there are, and have been, on all tracks.

    Raises RequestRejected (NOT_FOUND), StoreCorrupt.
    """

    def wanted(part: str) -> list[bytes]:
        return [each.digest(Stage.SPEECH, part) for each in (key, *key.also)]

    runs: list[SoundRun] = []
    total = cached = 0.0
    with reader.store.read() as txn:
        record = sessions.load_shown(txn, session)
        for track in voices_of(txn, record):
            found, total_s, cached_s = _missing(txn, record, track.id, wanted)
            runs += found
            total += total_s
            cached += cached_s
    return runs, total, cached


class Listening:
    """Listens to what was not listened to yet, on this machine. total, cached: seconds of sound, on all tracks.

    also: see `EngineKey`; first_ns: media time with which to begin.
    Raises RequestRejected (NOT_FOUND), StoreCorrupt.
    """

    def __init__(
        self,
        reader: StoreReader,
        session: str,
        engine: Listener,
        parameters: str,
        also: tuple[EngineKey, ...] = (),
        first_ns: int = 0,
    ) -> None:
        key = EngineKey(engine.name, engine.version, parameters, also)
        runs, self.total, self.cached = runs_of(reader, session, key)
        self._done_s = 0.0
        work = HearingWork(reader, session, engine, parameters)
        parts = ordered_parts(reader, session, runs, first_ns)
        self._slices = (found for part in parts for found in work.take(part))

    def step(self) -> SliceDone:
        """The next window."""
        found = next(self._slices, None)
        if found is None:
            return SliceDone(done=round(self._done_s, 3), finished=True)
        self._done_s += found.done
        return replace(found, done=round(self._done_s, 3))


def _missing(
    txn: Transaction, record: SessionRecord, track: str, key: Callable[[str], list[bytes]]
) -> tuple[list[SoundRun], float, float]:
    """Runs of chunks without a result, and how many seconds of sound there are and have one."""
    runs: list[SoundRun] = []
    total_ns = cached_ns = 0
    before: Piece | None = None
    begins_run = True
    seen: set[tuple[bytes, str]] = set()
    whole = key("")
    for piece in _pieces(txn, record, track):
        total_ns += piece.end_ns - piece.start_ns
        follows = before is not None and piece.start_ns <= before.end_ns + BREAK_NS
        known = any(results.has(txn, piece.source, each) for each in whole)
        known = known or (bool(piece.part) and any(results.has(txn, piece.source, each) for each in key(piece.part)))
        if known or (piece.source, piece.part) in seen:
            cached_ns += piece.end_ns - piece.start_ns
            if follows and not begins_run:
                runs[-1].reach_ns = min(piece.end_ns, runs[-1].reach_ns + TAIL_NS)
            begins_run = True
        elif begins_run or not follows:
            start_ns = max(piece.start_ns, _said_until_ns(txn, before)) if follows and before else piece.start_ns
            runs.append(SoundRun(track, [piece], start_ns, piece.end_ns))
            begins_run = False
        else:
            runs[-1].pieces.append(piece)
            runs[-1].reach_ns = piece.end_ns
        seen.add((piece.source, piece.part))
        before = piece
    if runs and not begins_run:
        runs[-1].lasts = record.end_ns is None
    return runs, total_ns / NS_PER_S, cached_ns / NS_PER_S


def _said_until_ns(txn: Transaction, piece: Piece) -> int:
    """When the last word ends that begins in a chunk which was listened to: it may reach into the next one."""
    best = results.best(txn, piece.source, Stage.SPEECH)
    words = [] if best is None else decode(best.payload, SpokenWords).words
    return max((word.end_ns for word in words), default=0) + piece.shift_ns if words else 0


def _pieces(txn: Transaction, record: SessionRecord, track: str) -> list[Piece]:
    """The chunks of a track in order. Where a session made of others shows a part of one, only that is heard here."""
    prefix = track_prefix(record.id, track)
    rows = [(number_of(key, prefix), decode(value, ChunkEntry)) for key, value in txn.scan(Table.TIMELINE, prefix)]
    pieces = []
    for place, (start_ns, entry) in enumerate(rows):
        part = ""
        if record.origins and not (_joined(rows, place - 1, place) and _joined(rows, place, place + 1)):
            part = _part(txn, start_ns, entry)
        pieces.append(Piece(start_ns, entry.end_ns, entry.shift_ns, entry.chunk, part))
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
