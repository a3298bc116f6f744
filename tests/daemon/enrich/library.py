"""A store with sessions that toy engines understand, and orders carried out in it as the store worker does."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from reeld.audio.samples import RATE
from reeld.store import sessions
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.orders import carry_out
from reeld.store.reader import StoreReader
from reeld.store.shown_text import views_of
from reeld_proto import codec
from reeld_proto.enrich import EnrichJob
from reeld_proto.enrich_orders import EnrichmentKept, KeepEnrichment, SliceDone
from reeld_proto.findings import NewResult, PageText, Stage, TextLine
from reeld_proto.records import TrackKind
from reeld_proto.sound_graph import SoundCodec
from reeld_proto.store_orders import DeriveSession, SessionPart
from reeld_proto.workers import AnyOrder, AnyReport, CreateSession, TrackRecord
from tests.daemon.export.recording import Recording
from tests.daemon.store.builders import NS, finish, land, still
from tests.support.toy_engines import draw, png, say


class Shelf:
    """One store. `pages` and `talk` put a session of stills, or of sound, into it."""

    def __init__(self, folder: Path) -> None:
        self.store = StoreEnvironment.open_write(folder)
        self.reader = StoreReader(self.store)
        self.names: list[str] = []

    def pages(self, session: str, pages: Iterable[list[int]], every_s: float = 10.0, last: bytes = b"") -> str:
        """A session whose screen shows one page after the other, each so long. last: a still that comes after them."""
        pictures = [*(png(draw(page)) for page in pages), *([last] if last else [])]
        return self.stills(session, pictures, every_s)

    def stills(self, session: str, pictures: Iterable[bytes], every_s: float = 10.0) -> str:
        """A session whose screen shows one picture (a PNG file) after the other, each so long."""
        tracks = [
            TrackRecord(id="video-1", kind=TrackKind.VIDEO, codec="", label="video", source="LEFT"),
            TrackRecord(id="snapshots-1", kind=TrackKind.SNAPSHOT, codec="", label="stills", source="video-1"),
        ]
        self.create(session, tracks)
        at_ns, length_ns = 0, round(every_s * NS)
        for picture in pictures:
            land(self.store, still(at_ns, at_ns + length_ns, picture, session=session))
            at_ns += length_ns
        self.end(session, at_ns)
        return session

    def talk(
        self, session: str, tracks: dict[str, dict[float, int]], length_s: float, *, codec: SoundCodec = SoundCodec.FLAC
    ) -> str:
        """A session in which these words are said at these seconds."""
        records = [TrackRecord(id=track, kind=TrackKind.AUDIO, codec="", label=track, source=track) for track in tracks]
        for words in tracks.values():
            assert all(0 < word <= 60 for word in words.values())
        self.create(session, records)
        recording = Recording(self.store, session, list(tracks))
        for track, words in tracks.items():
            # No two recordings have a chunk in common, however alike they are.
            hiss = np.random.default_rng(len(self.names)).normal(0, 1e-4, (round(length_s * RATE), 2))
            self.names.append(session)
            recording.samples((say(words, length_s, RATE) + hiss).astype(np.float32), codec=codec, track=track)
        self.end(session, round(length_s * NS))
        return session

    def voice(self, session: str, sound: np.ndarray, track: str = "mic") -> str:
        """A session in which this is heard: 48 kHz, shape (frames, 2)."""
        self.create(session, [TrackRecord(id=track, kind=TrackKind.AUDIO, codec="", label=track, source=track)])
        Recording(self.store, session, [track]).samples(sound, codec=SoundCodec.OPUS, track=track)
        self.end(session, round(len(sound) / RATE * NS))
        return session

    def create(self, session: str, tracks: list[TrackRecord]) -> None:
        order = CreateSession(
            session=session, name=f"name of {session}", tags=[], started_wall_ns=0, started_mono_ns=0, tracks=tracks
        )
        with self.store.write() as txn:
            sessions.create(txn, order)

    def end(self, session: str, end_ns: int) -> None:
        with self.store.write() as txn:
            sessions.finish(txn, finish(end_ns, session))

    def clip(self, session: str, new: str, from_s: float, to_s: float) -> str:
        part = SessionPart(session=session, from_ns=round(from_s * NS), to_ns=round(to_s * NS))
        self.order(DeriveSession(session=new, name=new, tags=[], parts=[part]))
        return new

    def order(self, order: AnyOrder) -> AnyReport:
        with self.store.write() as txn:
            return carry_out(txn, order, Circumstances(self.store.path, set()))

    def keep(self, found: SliceDone, session: str, job: str = "j") -> EnrichmentKept:
        kept: Any = self.order(
            KeepEnrichment(
                job=EnrichJob(id=job, session=session, plan="p"), results=found.results, findings=found.findings
            )
        )
        assert isinstance(kept, EnrichmentKept)
        return kept

    def take_all(self, run: Any, session: str, job: str = "j") -> list[SliceDone]:
        """Every slice of a stage, kept by the store."""
        slices = [run.step()]
        self.keep(slices[0], session, job)
        while not slices[-1].finished:
            slices.append(run.step())
            self.keep(slices[-1], session, job)
        return slices

    def close(self) -> None:
        self.store.close()


def put_read(shelf: Shelf, session: str, *lines: str) -> str:
    """A session whose screen shows these lines, one after the other for 10 s each, and which some engine has read."""
    number = len(shelf.names)
    shelf.names.append(session)
    shelf.stills(session, [png(draw([number + 1, place + 1])) for place in range(len(lines))])
    with shelf.store.read() as txn:
        views = views_of(txn, sessions.load(txn, session))
    pages = [PageText(320, 240, [TextLine(line, 10, 10, 200, 14, 0.9)]) for line in lines]
    results = [
        NewResult(
            source=view.source,
            stage=Stage.OCR,
            engine="t",
            version="1",
            parameters="",
            seconds=0,
            payload=codec.pack_record(page),
        )
        for view, page in zip(views, pages, strict=True)
    ]
    shelf.keep(SliceDone(results=results), session)
    return session
