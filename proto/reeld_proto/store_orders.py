"""Orders about sessions that are stored already: the daemon to the store worker, and to the job that prepares media.

Media that had to be made (encoded again at a cut, imported, compressed) is handed to the store worker as a staged file:
see `reeld.store.staging`. An order and what is staged for it are one transaction.
"""

from msgspec import Struct, field

from reeld_proto.base import Order, Report


class LeftOut(Struct, frozen=True, kw_only=True):
    """A range of one track of a part, in media time of the part's session, of which nothing may be taken."""

    track: str
    from_ns: int
    to_ns: int


class SessionPart(Struct, frozen=True, kw_only=True):
    """A range of a session, in media time. to_ns: None for the session's end.

    left_out: every chunk that an entry shows in such a range, and be it a nanosecond, is not taken, neither for showing
    nor for decoding: its whole time within the part is empty.
    """

    session: str
    from_ns: int = 0
    to_ns: int | None = None
    left_out: list[LeftOut] = field(default_factory=list)


class DeriveSession(Order, tag="order.session.derive", frozen=True, kw_only=True):
    """Store: make a finished session of these parts, one after the other, over the same chunks.

    A part may be of a session that is being recorded: up to its last commit. staged: absolute path of media to land in
    it, too; empty for none. Its times are those of the new session, and it takes its time back from gaps, as all media
    does. What is left empty on purpose and is not taken back is a `forgotten` gap, what a track lacks an `absent` one.
    Answered by `Done`. Asking again with the same id changes nothing.
    """

    session: str
    name: str
    tags: list[str]
    parts: list[SessionPart]
    note: str = ""
    staged: str = ""


class NewMarker(Struct, frozen=True, kw_only=True):
    """A note to be put at `media_ns` of a session."""

    media_ns: int
    text: str


class EditRecord(Order, tag="order.session.edit", frozen=True, kw_only=True):
    """Store: change what people wrote about a session; None leaves it. Answered by `Done`."""

    session: str
    name: str | None = None
    note: str | None = None
    add_tags: list[str] = field(default_factory=list)
    remove_tags: list[str] = field(default_factory=list)
    pinned: bool | None = None
    add_markers: list[NewMarker] = field(default_factory=list)


class RemoveSession(Order, tag="order.session.remove", frozen=True, kw_only=True):
    """Store: delete a finished session. reason: why its chunks become garbage. Answered by `Deleted`."""

    session: str
    reason: str


class ForgetMedia(Order, tag="order.session.forget", frozen=True, kw_only=True):
    """Store: remove a range everywhere it is held, and land what is staged in its place. Answered by `Forgotten`."""

    session: str
    from_ns: int
    to_ns: int
    staged: str = ""


class ReplaceMedia(Order, tag="order.media.replace", frozen=True, kw_only=True):
    """Store: put what is staged for `session` in the place of what its tracks hold at the same times.

    drop_tracks: those whose remaining media goes (to a `thinned` gap). reason: why the old chunks become garbage.
    tier: the session's new one. Answered by `Done`.
    """

    session: str
    staged: str
    reason: str
    drop_tracks: list[str] = field(default_factory=list)
    tier: str = ""


class CollectChunks(Order, tag="order.gc", frozen=True, kw_only=True):
    """Store: remove chunks that nothing refers to. Answered by `Collected`.

    keep_since_wall_ns: what became garbage at or after this instant stays, because a job may still read it.
    chunks_max: at most so many at a time, so that ingest never waits long; ask again while not `complete`, with the
    highest digest (hex) that was answered as `after`.
    """

    dry_run: bool = False
    keep_since_wall_ns: int | None = None
    chunks_max: int = 500
    after: str = ""


class EraseFreed(Order, tag="order.erase", frozen=True, kw_only=True):
    """Store: overwrite in the file what was deleted, for some milliseconds. Answered by `FreedErased`.

    anew: what was deleted until now shall go, too; without it, go on with what was begun. stop: leave it at that.
    """

    anew: bool = False
    stop: bool = False


class FreedErased(Report, tag="report.erased", frozen=True, kw_only=True):
    """bytes: overwritten in this step. done: all is. waiting: what is left, a process still reads."""

    bytes: int
    done: bool
    waiting: bool = False


class RunCompact(Order, tag="order.compact", frozen=True, kw_only=True):
    """Job: copy the store's file without its free pages, for `SwapFile`. Answered by `Compacted`.

    gain_bytes_min: nothing is copied if the file would not get smaller by so many bytes.
    """

    store: str
    gain_bytes_min: int = 0


class Compacted(Report, tag="report.compacted", frozen=True, kw_only=True):
    """staged: absolute path of the copy, empty if it is not worth it; txn_id: the commit that it shows."""

    staged: str
    txn_id: int
    old_bytes: int
    new_bytes: int


class SwapFile(Order, tag="order.swap", frozen=True, kw_only=True):
    """Store: bring a copy up to date and put it in the place of the file; or remove it. Answered by `Done`."""

    staged: str
    txn_id: int


class RecordCheck(Order, tag="order.check", frozen=True, kw_only=True):
    """Store: chunks were checked in the order of their digests up to `cursor` (hex). Answered by `Done`."""

    cursor: str
    at_wall_ns: int


class RepairChunks(Order, tag="order.repair", frozen=True, kw_only=True):
    """Store: put what is staged in the place of what is damaged, and set everything derived right.

    staged: chunks with no session; lost: digests (hex) of what nobody has, to be set aside. Answered by `Repaired`.
    """

    staged: str
    lost: list[str]
    at_wall_ns: int


class RunHealing(Order, tag="order.heal", frozen=True, kw_only=True):
    """Job: find damaged chunks, and stage what a second copy (absolute path; empty for none) has of them.

    Answered by `Healing`.
    """

    store: str
    source: str


class Healing(Report, tag="report.healing", frozen=True, kw_only=True):
    """staged: absolute path; lost: digests (hex) that nobody has."""

    staged: str
    healed: list[str]
    lost: list[str]


class RunUsage(Order, tag="order.usage", frozen=True, kw_only=True):
    """Job: find out what takes how much room. Answered by `Surveyed`."""

    store: str


class RunThin(Order, tag="order.thin", frozen=True, kw_only=True):
    """Job: stage the key frames of a session's pictures for `ReplaceMedia`. Answered by `MediaStaged`."""

    store: str
    session: str


class RunScrub(Order, tag="order.scrub", frozen=True, kw_only=True):
    """Job: hash chunks for so long, least recently checked first. Answered by `Scrubbed`."""

    store: str
    max_duration_s: float


class Scrubbed(Report, tag="report.scrubbed", frozen=True, kw_only=True):
    """cursor: digest (hex) of the last chunk checked; complete: whether all were; damaged: digests (hex)."""

    checked_chunks: int
    checked_bytes: int
    total_bytes: int
    cursor: str
    complete: bool
    damaged: list[str]


class RunRecut(Order, tag="order.recut", frozen=True, kw_only=True):
    """Job: encode again what lies between the ends of a range and the next key frames, and stage it.

    forget: for `ForgetMedia`, in every session that holds the range; otherwise for `DeriveSession` of `new_session`
    without it. Answered by `Recut`.
    """

    store: str
    session: str
    from_ns: int
    to_ns: int
    forget: bool
    new_session: str = ""


class Recut(Report, tag="report.recut", frozen=True, kw_only=True):
    """staged: absolute path, empty if nothing had to be made. new_bytes: of media in it.

    left_out: what a session without the range must not take from this one, besides the range itself. end_ns: where
    this one ends.
    """

    staged: str
    new_bytes: int
    left_out: list[LeftOut] = field(default_factory=list)
    end_ns: int = 0


class RunSync(Order, tag="order.sync", frozen=True, kw_only=True):
    """Job: copy the store, as of now, to `target`. Answered by `Synced`."""

    store: str
    target: str


class RunBundle(Order, tag="order.bundle", frozen=True, kw_only=True):
    """Job: write one session as a self-contained file. Answered by `Bundled`."""

    store: str
    session: str
    path: str


class RunImport(Order, tag="order.import", frozen=True, kw_only=True):
    """Job: check and stage what these files and folders hold, from the `skip`-th on. Answered by `ImportStaged`."""

    store: str
    paths: list[str]
    name: str = ""
    tags: list[str] = field(default_factory=list)
    skip: int = 0


class LandBytes(Order, tag="order.import.bytes", frozen=True, kw_only=True):
    """Store: keep the bytes of a staged file, as garbage until a session needs them. Answered by `Done`."""

    staged: str


class ImportSession(Order, tag="order.import.session", frozen=True, kw_only=True):
    """Store: make the session whose rows are staged; what they name is there already. Answered by `Done`.

    session: its id here. Asking again with the same id and media changes nothing.
    """

    session: str
    staged: str


class StagedImport(Struct, frozen=True, kw_only=True):
    """A file that was checked whole. session: the id that it asks for, empty if it needs a new one.

    known: the store has this media already, as `session`; nothing is staged then. slices: staged bytes, in order, and
    rows: the staged rows of the session; absolute paths. bytes: of its media.
    """

    path: str
    session: str
    name: str
    started_wall_ns: int
    end_ns: int
    bytes: int
    known: bool = False
    slices: list[str] = field(default_factory=list)
    rows: str = ""


class UnfitFile(Struct, frozen=True, kw_only=True):
    """A file that cannot be taken in, and why."""

    path: str
    reason: str


class ImportStaged(Report, tag="report.import", frozen=True, kw_only=True):
    """next: where to go on with the next order; None after the last file."""

    imports: list[StagedImport] = field(default_factory=list)
    refused: list[UnfitFile] = field(default_factory=list)
    next: int | None = None


class SessionRoom(Struct, frozen=True, kw_only=True):
    """Room that a session takes, and what the budget must know to decide about it.

    unique_bytes: of chunks that no other session holds; thinnable_bytes: those of them that would go, at least, if only
    key frames stayed. running: being recorded. buffer: part of the rolling buffer.
    """

    session: str
    name: str
    started_wall_ns: int
    duration_ns: int
    pinned: bool
    running: bool
    buffer: bool
    tier: str
    unique_bytes: int
    shared_bytes: int
    thinnable_bytes: int


class SharedRoom(Struct, frozen=True, kw_only=True):
    """Bytes of all chunks that exactly these sessions hold; they go when the last of them goes."""

    holders: list[str]
    bytes: int


class KeyRoom(Struct, frozen=True, kw_only=True):
    """Room of a track (of whatever session) or of a day (`2026-11-22`). unique: no other of its kind holds it."""

    key: str
    label: str
    unique_bytes: int
    shared_bytes: int
    duration_ns: int


class Surveyed(Report, tag="report.usage", frozen=True, kw_only=True):
    """What takes how much room, at one instant.

    held_bytes: of the file, all pages in use; live_bytes and garbage_bytes: of chunks alone.
    """

    held_bytes: int
    live_bytes: int
    garbage_bytes: int
    sessions: list[SessionRoom]
    tracks: list[KeyRoom]
    days: list[KeyRoom]
    shared: list[SharedRoom]


class RunCompress(Order, tag="order.compress", frozen=True, kw_only=True):
    """Job: encode a session's pictures again as AV1, verify them, and stage what is smaller. Answered by `MediaStaged`.

    staged is empty if nothing is gained.
    """

    store: str
    session: str


class MediaStaged(Report, tag="report.staged", frozen=True, kw_only=True):
    """staged: absolute path of a staged file for a session; new_bytes: of media in it."""

    staged: str
    new_bytes: int
