"""Commands that change what is kept: new sessions out of old ones, forgetting, deleting, collecting garbage.

`clip`, `merge` and `trim` copy no media: they make new manifests over the same chunks. `redact` and `forget` encode
again at most what lies between a cut and the next key frame.
"""

from msgspec import field

from reeld_proto.base import Command, Name, Reply, Text
from reeld_proto.records import MarkerInfo, Record, SessionInfo


class ClipSession(Command, tag="sessions.clip", frozen=True, kw_only=True):
    """Make a session of the range [from_s, to_s) of another, in playback seconds. Answered by `Derived`."""

    session: Name
    from_s: float
    to_s: float
    name: Name = ""


class TrimSession(Command, tag="sessions.trim", frozen=True, kw_only=True):
    """Make a session without what lies before `from_s` and after `to_s`; the old one stays.

    The new one has its name, tags and note. Answered by `Derived`.
    """

    session: Name
    from_s: float | None = None
    to_s: float | None = None


class MergeSessions(Command, tag="sessions.merge", frozen=True, kw_only=True):
    """Make a session of several, one after the other; tracks are matched by id. Answered by `Derived`."""

    sessions: list[Name]
    name: Name = ""


class RedactSession(Command, tag="sessions.redact", frozen=True, kw_only=True):
    """Make a session without the range [from_s, to_s); the old one stays. Answered by `Derived`."""

    session: Name
    from_s: float
    to_s: float
    name: Name = ""


class ForgetRange(Command, tag="sessions.forget", frozen=True, kw_only=True):
    """Remove the range [from_s, to_s) of a session everywhere it is held. Answered by `Forgotten`."""

    session: Name
    from_s: float
    to_s: float


class EditSession(Command, tag="sessions.edit", frozen=True, kw_only=True):
    """Change what people wrote about a session; None leaves it. Answered by `SessionDetail`.

    pinned: a pinned session is never dropped by the budget. add_markers: notes at instants of it; one that is there
    already stays one.
    """

    session: Name
    name: Name | None = None
    note: Text | None = None
    add_tags: list[Name] = field(default_factory=list)
    remove_tags: list[Name] = field(default_factory=list)
    pinned: bool | None = None
    add_markers: list[MarkerInfo] = field(default_factory=list)


class DeleteSession(Command, tag="sessions.delete", frozen=True, kw_only=True):
    """Delete a session.

    Its chunks stay until garbage is collected, or as long as others hold them. Answered by `Deleted`.
    """

    session: Name


class CollectGarbage(Command, tag="store.gc", frozen=True, kw_only=True):
    """Remove every chunk that nothing refers to, and overwrite in the file what was there. Answered by `Collected`.

    dry_run: only say what would go.
    """

    dry_run: bool = False


class GarbageItem(Record, frozen=True, kw_only=True):
    """A chunk that nothing refers to any more (or, among those kept, that a running job may still read)."""

    chunk: str
    bytes: int
    reason: str
    since: str


class HeldChunk(Record, frozen=True, kw_only=True):
    """A chunk of a forgotten range that stays, and the sessions that hold it."""

    chunk: str
    bytes: int
    held_by: list[str]


class GoneChunk(Record, frozen=True, kw_only=True):
    """A chunk that nothing refers to after a range was forgotten."""

    chunk: str
    bytes: int


class Derived(Reply, tag="sessions.derived.reply", frozen=True, kw_only=True):
    """Answer to clip, trim, merge and redact: the new session. new_bytes: bytes of media that had to be made."""

    session: str
    name: str
    duration_s: float
    bytes: int
    new_bytes: int
    info: SessionInfo


class Forgotten(Reply, tag="sessions.forgotten.reply", frozen=True, kw_only=True):
    """Receipt of `ForgetRange`.

    sessions: all from which media was taken. gone: chunks that nothing holds any more (their bytes leave the file
    with the next `gc`); kept: chunks with other content of the same digest, and who holds them. new_bytes: media
    encoded again at both ends of the range. results: what engines had made of it, of the sound beside it, and of the
    sessions as a whole, and what went with it.
    """

    session: str
    from_s: float
    to_s: float
    at: str
    sessions: list[str]
    gone: list[GoneChunk]
    kept: list[HeldChunk]
    gone_bytes: int
    markers: int
    new_bytes: int
    results: int = 0


class Deleted(Reply, tag="sessions.deleted.reply", frozen=True, kw_only=True):
    """Answer to `DeleteSession`. freed_bytes: of chunks that nothing refers to now; shared_bytes: held by others."""

    session: str
    freed_bytes: int
    shared_bytes: int


class Collected(Reply, tag="store.gc.reply", frozen=True, kw_only=True):
    """Answer to `CollectGarbage`.

    items: what went (or would go), at most 1000 of `chunks`; kept: what may not go yet. erased_bytes: bytes of the
    file that were overwritten.
    """

    dry_run: bool
    chunks: int
    bytes: int
    items: list[GarbageItem]
    kept: list[GarbageItem]
    erased_bytes: int
    complete: bool = True
