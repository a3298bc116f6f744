"""What the tray knows of a daemon, built from snapshots and events. Pure: told the time, asks nobody.

Times are seconds of one monotonic clock.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from reeld_client.cli.human import clock, printable, size
from reeld_proto.commands import Snapshot
from reeld_proto.errors import DeviceTrouble
from reeld_proto.events import AnyEvent, PrivateModeChanged, SessionStateChanged, TroubleReported
from reeld_proto.records import SessionBrief, SessionState, WorkerState
from reeld_proto.stats import Stats

TROUBLE_S = 120.0
"""How long a trouble is shown of which nobody will say that it is over."""
QUIET_S = 60.0
"""A trouble that is told again within this time is shown, but no second notification is made."""
TEXT_MAX = 120
"""Longest text of others in a menu or tooltip, in characters."""

RUNNING = frozenset({SessionState.ACTIVE, SessionState.PARTIAL})
OVER = frozenset({SessionState.COMPLETED, SessionState.ERROR, SessionState.INTERRUPTED, SessionState.IDLE})
_BEGINNING = frozenset({SessionState.VALIDATING, SessionState.CHECKING_PERMISSIONS, SessionState.STARTING})
_WORDS = {
    SessionState.ACTIVE: "Recording",
    SessionState.PARTIAL: "Recording",
    SessionState.PAUSING: "Pausing",
    SessionState.PAUSED: "Paused",
    SessionState.RESUMING: "Resuming",
}
_LASTING = frozenset({DeviceTrouble.LOST, DeviceTrouble.SILENT, DeviceTrouble.MUTE})
"""Troubles that hold until `DeviceTrouble.BACK`, or until the session is over."""


class Face(StrEnum):
    """What the icon shows; where several hold, the last of them."""

    IDLE = "idle"
    RECORDING = "recording"
    PAUSED = "paused"
    ATTENTION = "attention"
    PRIVATE = "private"
    NO_DAEMON = "no-daemon"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should be told now."""

    title: str
    text: str


@dataclass(slots=True)
class _Trouble:
    text: str
    at_s: float
    lasts: bool


@dataclass(slots=True)
class TrayModel:
    """What is known. `see` and `lose` change it and return what should be told; the rest asks it."""

    is_connected: bool = False
    is_private: bool = False
    session: SessionBrief | None = None
    stats: Stats | None = None
    _elapsed_at_s: float = 0.0
    _partial_told: bool = False
    _failed: list[str] = field(default_factory=list)
    _troubles: dict[tuple[str, str], _Trouble] = field(default_factory=dict)

    def see(self, item: Snapshot | AnyEvent, now_s: float) -> list[Notice]:
        """Take over a snapshot or an event."""
        self.is_connected = True
        if isinstance(item, Snapshot):
            self._see_snapshot(item, now_s)
        elif isinstance(item, SessionStateChanged):
            return self._see_session(item, now_s)
        elif isinstance(item, TroubleReported):
            return self._see_trouble(item, now_s)
        elif isinstance(item, PrivateModeChanged):
            self.is_private = item.private
        return []

    def lose(self) -> list[Notice]:
        """The daemon went away: nothing of what was known still holds."""
        was_recording = self.session is not None
        self.is_connected = self.is_private = self._partial_told = False
        self.session = self.stats = None
        self._failed.clear()
        self._troubles.clear()
        return [Notice("Not recording", "reeld went away while a session was recorded.")] if was_recording else []

    def _see_snapshot(self, snapshot: Snapshot, now_s: float) -> None:
        self.is_private = snapshot.status.private
        self.stats = snapshot.stats
        # A worker that ends unexpectedly is told as a trouble, too; here are those that were given up.
        workers = snapshot.status.workers
        self._failed = [_short(worker.name) for worker in workers if worker.state is WorkerState.FAILED]
        self._enter(snapshot.status.session, now_s)

    def _enter(self, session: SessionBrief | None, now_s: float) -> None:
        if session is not None and session.state in OVER:
            session = None
        if session is None or self.session is None or session.id != self.session.id:
            self._troubles = {key: one for key, one in self._troubles.items() if not one.lasts}
        self.session = session
        self._elapsed_at_s = now_s

    def _see_session(self, event: SessionStateChanged, now_s: float) -> list[Notice]:
        brief = SessionBrief(id=event.session, name=event.name, state=event.state, elapsed_s=event.elapsed_s)
        self._enter(brief, now_s)
        name, reason = _short(event.name) or "the session", _short(event.reason)
        was_told, self._partial_told = self._partial_told, event.state is SessionState.PARTIAL
        if event.state is SessionState.PARTIAL and not was_told:
            return [Notice("Only a part is recorded", reason or f"A track of {name} is missing.")]
        if event.state in {SessionState.ERROR, SessionState.INTERRUPTED}:
            return [
                Notice("The recording failed" if event.state is SessionState.ERROR else "Interrupted", reason or name)
            ]
        if event.state is SessionState.COMPLETED and reason:
            return [Notice(f"Stopped {name}", reason)]
        return []

    def _see_trouble(self, event: TroubleReported, now_s: float) -> list[Notice]:
        who = event.track or event.worker
        if event.code == DeviceTrouble.BACK:
            for code in _LASTING:
                self._troubles.pop((code, who), None)
            return []
        text = _short(event.message if event.message.startswith(who) else f"{who}: {event.message}")
        key = (event.code, who)
        known = self._troubles.pop(key, None)
        self._troubles[key] = _Trouble(text, now_s, event.code in _LASTING)
        if known is not None and now_s - known.at_s < QUIET_S:
            return []
        return [Notice("Trouble with the recording" if self.session else "Trouble", text)]

    def troubles(self, now_s: float) -> list[str]:
        """What is wrong at this moment, newest last; empty without a daemon."""
        shown = {key: one for key, one in self._troubles.items() if one.lasts or now_s - one.at_s < TROUBLE_S}
        told_of = {who for _, who in shown}
        failed = [f"{name} failed and was given up" for name in self._failed if name not in told_of]
        partial = self.session is not None and self.session.state is SessionState.PARTIAL
        told = failed + [one.text for one in shown.values()]
        return ["a track is missing"] if partial and not told else told

    def face(self, now_s: float) -> Face:
        """What the icon shows."""
        if not self.is_connected:
            return Face.NO_DAEMON
        if self.is_private:
            return Face.PRIVATE
        if self.troubles(now_s):
            return Face.ATTENTION
        if self.session is None or self.session.state in _BEGINNING:
            return Face.IDLE
        # Until a pause has begun, and as soon as it is being ended, something may be recorded.
        return Face.PAUSED if self.session.state is SessionState.PAUSED else Face.RECORDING

    def headline(self, now_s: float) -> str:
        """State, recorded time and size: `Recording 12:34, 45.1 MB`."""
        if not self.is_connected:
            return "reeld is not running"
        if self.session is None:
            return "Private: nothing is recorded" if self.is_private else "Not recording"
        state = self.session.state
        if state in _BEGINNING:
            return "Starting\N{HORIZONTAL ELLIPSIS}"
        figures = clock(self.elapsed_s(now_s)) + (f", {size(self.size_bytes)}" if self.size_bytes else "")
        private = "Private, nothing is recorded" if self.is_private else ""
        return f"{private or _WORDS.get(state, 'Finishing')} {figures}"

    def tooltip(self, now_s: float) -> str:
        """A few lines: the headline, the session's name, what is wrong."""
        name = [_short(self.session.name)] if self.session is not None and self.session.name else []
        return "\n".join([self.headline(now_s), *name, *self.troubles(now_s)])

    def elapsed_s(self, now_s: float) -> float:
        """Recorded time of the session by now; 0.0 without one."""
        if self.session is None:
            return 0.0
        since_s = max(0.0, now_s - self._elapsed_at_s) if self.session.state in RUNNING else 0.0
        return self.session.elapsed_s + since_s

    @property
    def size_bytes(self) -> int:
        """What the session takes so far, as of the last snapshot."""
        if self.stats is None or self.session is None or self.stats.session is None:
            return 0
        return sum(track.bytes for track in self.stats.tracks) if self.stats.session.id == self.session.id else 0


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "\N{HORIZONTAL ELLIPSIS}"
