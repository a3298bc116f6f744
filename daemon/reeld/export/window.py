"""What is asked for, checked against what is there: tracks in their order in the file, and the range of time."""

from collections.abc import Sequence
from dataclasses import dataclass

from reeld.store.api import SessionOutline, TrackOutline
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import TrackKind
from reeld_proto.units import NS_PER_S, seconds

_SLACK_NS = 1_000_000
"""Seconds that people type are rounded; a millisecond beyond the end is the end."""

_AUDIO_ORDER = ("mix", "mic", "system")


@dataclass(frozen=True, slots=True)
class Window:
    """A range of a session's media time, in nanoseconds."""

    from_ns: int
    to_ns: int

    @property
    def length_ns(self) -> int:
        """Nanoseconds from start to end."""
        return self.to_ns - self.from_ns


def window_of(outline: SessionOutline, from_s: float | None, to_s: float | None) -> Window:
    """The range asked for. Raises RequestRejected: NOT_FOUND for an empty session, INVALID_REQUEST for a bad range."""
    end_ns = outline.end_ns
    if end_ns <= 0:
        raise RequestRejected(f"nothing was recorded in session {outline.id}", code=ErrorCode.NOT_FOUND)
    from_ns = 0 if from_s is None else round(from_s * NS_PER_S)
    to_ns = end_ns if to_s is None else round(to_s * NS_PER_S)
    faults = []
    if not 0 <= from_ns < end_ns:
        faults.append(f"the range begins at {seconds(from_ns)} s, outside the session")
    if to_ns > end_ns + _SLACK_NS:
        faults.append(f"the range ends at {seconds(to_ns)} s, after the session")
    if to_ns <= from_ns:
        faults.append(f"the range ends at {seconds(to_ns)} s, not after its start at {seconds(from_ns)} s")
    if faults:
        raise RequestRejected(
            f"session {outline.id} lasts from 0 to {seconds(end_ns)} s: {'; '.join(faults)}",
            remedy=f"Choose --from and --to between 0 and {seconds(end_ns)}.",
            faults=tuple(faults),
        )
    return Window(from_ns, min(to_ns, end_ns))


def choose_tracks(outline: SessionOutline, wanted: Sequence[str]) -> list[TrackOutline]:
    """The tracks asked for, pictures first, then the mix, the microphone, the system's sound, the rest.

    None means all but snapshots, which are no film.
    Raises RequestRejected: NOT_FOUND for a name that is not a track of the session, INVALID_REQUEST for snapshots.
    """
    names = [track.id for track in outline.tracks]
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise RequestRejected(
            f"session {outline.id} has no track {', '.join(unknown)}",
            code=ErrorCode.NOT_FOUND,
            remedy=f"Its tracks are {', '.join(names) or 'none'}.",
        )
    stills = [track.id for track in outline.tracks if track.kind is TrackKind.SNAPSHOT]
    if refused := [name for name in wanted if name in stills]:
        raise RequestRejected(
            f"{', '.join(refused)} holds snapshots, which no MP4 file can",
            remedy="`reelctl snapshots ID -o FOLDER` writes them as pictures.",
        )
    chosen = wanted or [name for name in names if name not in stills]
    return sorted((track for track in outline.tracks if track.id in chosen), key=_place)


def _place(track: TrackOutline) -> tuple[int, int]:
    if track.kind is TrackKind.VIDEO:
        return (0, 0)
    return (1, _AUDIO_ORDER.index(track.id) if track.id in _AUDIO_ORDER else len(_AUDIO_ORDER))
