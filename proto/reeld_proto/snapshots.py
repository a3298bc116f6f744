"""Snapshots: stills of a picture, taken when it changed enough.

A snapshot is on view from the instant at which it was taken until the next one of its track.
"""

from msgspec import field

from reeld_proto.base import Command, Name, Reply, Text
from reeld_proto.records import Record


class SnapshotInfo(Record, frozen=True, kw_only=True, gc=False):
    """One snapshot. at_s: when it was taken, or where a cut lets it begin, in playback seconds.

    bytes: of the picture file. hash: perceptual (block means, 256 bits) in hex; of pictures that look alike few bits
    differ. duplicate_of: `at_s` of the snapshot of this track that was stored instead, since this one looked the same.
    format: `png` or `webp`. file: where it was written, if it was asked for.
    """

    at_s: float
    width: int
    height: int
    bytes: int
    hash: str
    duplicate_of: float | None
    track: str
    format: str
    file: str | None = None


class ListSnapshots(Command, tag="sessions.snapshots", frozen=True, kw_only=True):
    """Describe the snapshots of a session, in order of time. Answered by `SnapshotList`.

    folder: absolute; the pictures are written into it, each stored one once, named by its time.
    """

    session: Name
    folder: Text | None = None


class SnapshotList(Reply, tag="sessions.snapshots.reply", frozen=True, kw_only=True):
    """Answer to `ListSnapshots`."""

    snapshots: list[SnapshotInfo] = field(default_factory=list)
