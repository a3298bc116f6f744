"""Commands that carry recordings out of a store and into it."""

from msgspec import field

from reeld_proto.base import Command, Name, Reply, Text
from reeld_proto.records import Record


class SyncStore(Command, tag="store.sync", frozen=True, kw_only=True):
    """Copy the store, as of now, to a folder (absolute) or an object store (`s3://bucket/prefix`, `gs://`, `az://`).

    Only what is not there yet moves. Allowed while recording. Answered by `Synced`.
    """

    target: Text


class BundleSession(Command, tag="sessions.bundle", frozen=True, kw_only=True):
    """Write one session as a self-contained file with media, manifest and digests.

    path: absolute. Answered by `Bundled`.
    """

    session: Name
    path: Text


class ImportMedia(Command, tag="store.import", frozen=True, kw_only=True):
    """Take in bundles, or ordinary MP4, MKV and WAV files, or a folder of them.

    paths: absolute. Answered by `Imported`; nothing of a file that is refused is kept.
    """

    paths: list[Text]
    name: Name = ""
    tags: list[Name] = field(default_factory=list)


class ImportedSession(Record, frozen=True, kw_only=True):
    """A session that came from a file. new: False if the store had it already."""

    path: str
    session: str
    name: str
    duration_s: float
    bytes: int
    new: bool = True


class RefusedFile(Record, frozen=True, kw_only=True):
    """A file that was not taken in, and why."""

    path: str
    reason: str


class Synced(Reply, tag="store.sync.reply", frozen=True, kw_only=True):
    """Answer to `SyncStore`.

    copied: what moved now; the rest of `chunks` was there. removed: objects that the store no longer has.
    """

    target: str
    sessions: int
    chunks: int
    bytes: int
    copied_chunks: int
    copied_bytes: int
    removed_chunks: int


class Bundled(Reply, tag="sessions.bundle.reply", frozen=True, kw_only=True):
    """Answer to `BundleSession`. The file is complete and synced when this is sent. sha256: of the whole file."""

    path: str
    session: str
    chunks: int
    bytes: int
    duration_s: float
    sha256: str


class Imported(Reply, tag="store.import.reply", frozen=True, kw_only=True):
    """Answer to `ImportMedia`."""

    sessions: list[ImportedSession]
    refused: list[RefusedFile] = field(default_factory=list)
