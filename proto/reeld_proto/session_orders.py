"""Orders about the session that is being recorded: the daemon to the store worker."""

from msgspec import Struct, field

from reeld_proto.base import Order
from reeld_proto.records import SessionState, TrackKind
from reeld_proto.sound_graph import SoundGraph


class TrackRecord(Struct, frozen=True, kw_only=True):
    """A track as the store first hears of it."""

    id: str
    kind: TrackKind
    codec: str
    label: str
    source: str


class CreateSession(Order, tag="order.session.create", frozen=True, kw_only=True):
    """Store: a session begins. Durable when answered by `Done`. Asking again with the same id changes nothing.

    buffer: it is part of the rolling buffer. sound: the graph that its sounds run through.
    """

    session: str
    name: str
    tags: list[str]
    started_wall_ns: int
    started_mono_ns: int
    tracks: list[TrackRecord]
    warnings: list[str] = field(default_factory=list)
    buffer: bool = False
    sound: SoundGraph | None = None


class RecordPause(Order, tag="order.session.pause", frozen=True, kw_only=True):
    """Store: the session is paused since `start_ns`, and, when `end_ns` is given, until then (session-relative clock).

    Both count nanoseconds from the session's start with pauses included. Durable when answered by `Done`.
    """

    session: str
    start_ns: int
    end_ns: int | None


class RecordMarker(Order, tag="order.session.marker", frozen=True, kw_only=True):
    """Store: put a note at `media_ns`. Durable when answered by `Done`."""

    session: str
    media_ns: int
    text: str


class RecordState(Order, tag="order.session.state", frozen=True, kw_only=True):
    """Store: the session is now in this state (active, paused, partial). Durable when answered by `Done`."""

    session: str
    state: SessionState
    warning: str = ""


class RecordClockJump(Order, tag="order.session.clock", frozen=True, kw_only=True):
    """Store: at `media_ns` the civil clock read `wall_ns` after a jump. Durable when answered by `Done`."""

    session: str
    media_ns: int
    wall_ns: int


class FinishSession(Order, tag="order.session.finish", frozen=True, kw_only=True):
    """Store: the session ended at `end_ns` (media). Every hole becomes a gap. Durable when answered by `Done`."""

    session: str
    end_ns: int
    state: SessionState
