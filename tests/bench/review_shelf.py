"""Stores to be looked at: sessions of any length of the few chunks of one film, with snapshots, markers and gaps."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import structs

from reeld.store import sessions
from reeld.store.api import IngestItem, TrackOutline
from reeld.store.environment import StoreEnvironment
from reeld.store.ingest import Batch
from reeld.store.reader import StoreReader
from reeld_proto.records import GapReason
from reeld_proto.sound import SpanKind
from reeld_proto.workers import ChunkCaptured, GapFound, RecordMarker, SpansHeard, TrackRecord
from tests.daemon.store.builders import NS, creation, finish, gap, still

STILLS = "snapshots-1"
_PER_TRANSACTION = 2000
_PICTURE = bytes(2000)


@dataclass(frozen=True)
class Piece:
    """A chunk of the film with its init segment, where it is in the film."""

    start_ns: int
    end_ns: int
    data: bytes
    init: bytes
    frames: int
    keyframe: bool
    digest: bytes
    shift_ns: int


@dataclass(frozen=True)
class Film:
    """An imported film as the store has it: its pieces by track."""

    tracks: tuple[TrackOutline, ...]
    pieces: dict[str, list[Piece]]

    @property
    def length_ns(self) -> int:
        """Where the track that ends first ends."""
        return min(pieces[-1].end_ns for pieces in self.pieces.values())


def film_of(store_dir: Path, session: str) -> Film:
    """The film that was imported as `session`."""
    reader = StoreReader.open(store_dir)
    tracks = reader.outline(session).tracks
    pieces = {
        track.id: [
            Piece(
                each.start_ns,
                each.end_ns,
                reader.chunk(each.chunk),
                reader.chunk(each.init),
                each.frames,
                each.keyframe,
                each.chunk,
                each.shift_ns,
            )
            for each in reader.segments(session, track.id)
        ]
        for track in tracks
    }
    reader.close()
    return Film(tracks, pieces)


def copies(store_dir: Path, film: Film, count: int, times: int) -> list[str]:
    """So many sessions that show the film several times; their ids."""
    ids = [f"20250101-{number:06d}-copy" for number in range(count)]
    for each in ids:
        _write(store_dir, film, each, times * film.length_ns, ())
    return ids


def long_day(store_dir: Path, film: Film, seconds: int, stills: int, markers: int) -> str:
    """One session of so many seconds, the film again and again; a gap and a voice every half minute. Its id."""
    session = "20250102-080000-day0"
    length_ns = seconds * NS
    chance = random.Random(3)
    step_ns = length_ns // stills
    extras: list[IngestItem] = [
        still(number * step_ns, (number + 1) * step_ns, _PICTURE + number.to_bytes(4, "big"), session=session)
        for number in range(stills)
    ]
    sound = next(track.id for track in film.tracks if track.kind == "audio")
    spans = [(at * NS, (at + chance.randint(3, 20)) * NS) for at in range(0, seconds - 30, 30)]
    heard = SpansHeard(session=session, track=sound, epoch=1, kind=SpanKind.VOICE, spans=spans)
    extras.append(IngestItem("audio-1", 1, heard))
    extras += [
        gap(at * NS, (at + 2) * NS, GapReason.HIDDEN, track="video-1", session=session)
        for at in range(15, seconds - 30, 30)
    ]
    _write(store_dir, film, session, length_ns, extras, markers)
    return session


def _write(
    store_dir: Path, film: Film, session: str, length_ns: int, extras: Sequence[IngestItem], markers: int = 0
) -> None:
    records = [
        TrackRecord(id=each.id, kind=each.kind, codec=each.codec, label=each.label, source="film")
        for each in film.tracks
    ]
    order = creation(session, f"film of {length_ns // NS} s", (STILLS,) if extras else ())
    store = StoreEnvironment.open_write(store_dir)
    try:
        with store.write() as txn:
            sessions.create(txn, structs.replace(order, tracks=[*records, *order.tracks]))
        holes = {each.message.start_ns // NS // 30 for each in extras if isinstance(each.message, GapFound)}
        items = [*extras, *_media(film, session, length_ns, holes)]
        for start in range(0, len(items), _PER_TRANSACTION):
            with store.write() as txn:
                batch = Batch(txn)
                for item in items[start : start + _PER_TRANSACTION]:
                    batch.land(item)
                batch.finish()
        with store.write() as txn:
            for number in range(markers):
                at_ns = number * length_ns // markers
                sessions.mark(txn, RecordMarker(session=session, media_ns=at_ns, text=f"decision {number}"))
            sessions.finish(txn, finish(length_ns, session))
    finally:
        store.close()


def _media(film: Film, session: str, length_ns: int, holes: set[int]) -> Iterator[IngestItem]:
    """The film until `length_ns` is full. holes: half minutes in whose middle no picture is."""
    for track in film.tracks:
        for from_ns in range(0, length_ns, film.length_ns):
            for piece in film.pieces[track.id]:
                start_ns, end_ns = from_ns + piece.start_ns, from_ns + min(piece.end_ns, film.length_ns)
                in_hole = track.kind == "video" and start_ns // NS % 30 in (14, 15, 16)
                if end_ns > length_ns or end_ns <= start_ns or (in_hole and start_ns // NS // 30 in holes):
                    continue
                message = ChunkCaptured(
                    session=session,
                    track=track.id,
                    epoch=1,
                    start_ns=start_ns,
                    end_ns=end_ns,
                    keyframe=piece.keyframe,
                    codec=track.codec,
                    frames=piece.frames,
                    shift_ns=from_ns + piece.shift_ns,
                )
                yield IngestItem("capture-1", 1, message, piece.data, piece.init, piece.digest)
