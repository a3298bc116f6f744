"""What chapters and summary are made of: everything that is known of a session, read in one transaction."""

import hashlib
from dataclasses import dataclass

from reeld.media.still_header import parse_header
from reeld.store import sessions
from reeld.store.keys import number_of, session_prefix, track_prefix
from reeld.store.records import ChunkEntry, MarkerEntry, SessionRecord
from reeld.store.shown_text import views_of
from reeld.store.spoken import Said, said_in
from reeld.store.transaction import Table, Transaction, decode
from reeld_proto.errors import StoreCorrupt
from reeld_proto.findings import TextLine
from reeld_proto.records import TrackKind


@dataclass(frozen=True, slots=True)
class Scene:
    """A still while it was on view. hash: perceptual, 256 bits. lines: what was read on it, empty if nobody has."""

    start_ns: int
    end_ns: int
    hash: int
    lines: tuple[TextLine, ...]


@dataclass(frozen=True, slots=True)
class Material:
    """A session as its texts and times. scenes: of all screens in the order of time. revision: the session's."""

    name: str
    end_ns: int
    scenes: list[Scene]
    said: list[Said]
    markers: list[tuple[int, str]]
    revision: int

    def basis(self, stage: str, version: str) -> bytes:
        """Digest of all that a stage could make something of."""
        told = hashlib.sha256(f"{stage}\0{version}\0{self.end_ns}".encode())
        for at_ns, text in self.markers:
            told.update(f"\0m{at_ns}\0{text}".encode())
        for said in self.said:
            told.update(f"\0w{said.start_ns}\0{said.track}\0{said.text}".encode())
        for scene in self.scenes:
            lines = "\0".join(line.text for line in scene.lines)
            told.update(f"\0s{scene.start_ns}\0{scene.hash:x}\0{lines}".encode())
        return told.digest()


def material_of(txn: Transaction, session: str) -> Material:
    """Everything that is known of a session. Raises RequestRejected (NOT_FOUND), StoreCorrupt."""
    record = sessions.load_shown(txn, session)
    prefix = session_prefix(session)
    markers = [
        (number_of(key, prefix), decode(value, MarkerEntry).text) for key, value in txn.scan(Table.MARKERS, prefix)
    ]
    hashes = _hashes(txn, record)
    scenes = [
        Scene(view.start_ns, view.end_ns, hashes.get(view.source, 0), tuple(view.page.lines) if view.page else ())
        for view in views_of(txn, record)
    ]
    scenes.sort(key=lambda scene: scene.start_ns)
    return Material(record.name, record.media_end_ns(), scenes, said_in(txn, record), markers, record.revision)


def _hashes(txn: Transaction, record: SessionRecord) -> dict[bytes, int]:
    """Of each still its perceptual hash; those that cannot be read are left out."""
    found: dict[bytes, int] = {}
    for track in record.tracks:
        if track.kind is not TrackKind.SNAPSHOT:
            continue
        for _, value in txn.scan(Table.TIMELINE, track_prefix(record.id, track.id)):
            entry = decode(value, ChunkEntry)
            header = txn.get(Table.CHUNKS, entry.init) if entry.chunk not in found else None
            if header is not None:
                try:
                    found[entry.chunk] = int(parse_header(header).hash, 16)
                except (StoreCorrupt, ValueError):
                    continue
    return found
