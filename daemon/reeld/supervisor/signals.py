"""What happens to workers (events, past tense) and what the supervisor wants done about it (commands, imperative)."""

from dataclasses import dataclass
from enum import StrEnum

from reeld_proto.records import WorkerState
from reeld_proto.stats import TrackStats


class Role(StrEnum):
    """What a worker is for. One store; capture and audio each with a warm standby."""

    STORE = "store"
    CAPTURE = "capture"
    AUDIO = "audio"


POOLED = (Role.CAPTURE, Role.AUDIO)
"""Roles that keep a warm standby, because loading their libraries takes longer than a start may take."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened at monotonic `now_ns`."""

    now_ns: int


@dataclass(frozen=True, kw_only=True)
class Began(Event):
    """The daemon runs and its sockets are bound."""


@dataclass(frozen=True, kw_only=True)
class WorkerSpawned(Event):
    """The process that `Spawn` asked for exists."""

    name: str
    pid: int


@dataclass(frozen=True, kw_only=True)
class WorkerReadied(Event):
    """A worker has loaded everything and takes orders."""

    name: str


@dataclass(frozen=True, kw_only=True)
class WorkerExited(Event):
    """A worker's process is gone (or could not be started)."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ProgressArrived(Event):
    """A worker reported its counters."""

    name: str
    tracks: tuple[TrackStats, ...]


@dataclass(frozen=True, kw_only=True)
class RoleEvent(Event):
    """Something about one role."""

    role: Role


@dataclass(frozen=True, kw_only=True)
class RoleNeeded(RoleEvent):
    """Somebody wants to ask a worker of this role something. A failed role gets a fresh restart budget."""


@dataclass(frozen=True, kw_only=True)
class RoleClaimed(RoleEvent):
    """A session needs this role served. A failed role gets a fresh restart budget."""


@dataclass(frozen=True, kw_only=True)
class RoleReleased(RoleEvent):
    """The session needs this role no longer; the worker that served it leaves, its budget is whole again."""


@dataclass(frozen=True, kw_only=True)
class RoleRetired(RoleEvent):
    """As `RoleReleased`, but the worker still has orders to carry out; it is asked to leave by its name afterwards."""


@dataclass(frozen=True, kw_only=True)
class RecordingChanged(RoleEvent):
    """The worker serving this role must now show progress, or need not (paused, stopping)."""

    recording: bool


@dataclass(frozen=True, kw_only=True)
class LiveSessionChanged(Event):
    """A store that starts from now on must not take this session for one left over by a crash."""

    session: str | None


@dataclass(frozen=True, kw_only=True)
class WorkerDistrusted(RoleEvent):
    """The worker serving this role did not answer in time."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class TimePassed(Event):
    """A deadline of `next_deadline_ns` has come. late_ns: how long ago, because the daemon itself was held up."""

    late_ns: int = 0


@dataclass(frozen=True, kw_only=True)
class StopAsked(Event):
    """The daemon ends."""


class Command:
    """Something the shell shall do."""


@dataclass(frozen=True, kw_only=True)
class Spawn(Command):
    """Start a process for `role` under this name; `gently` when it is a spare and another one serves."""

    name: str
    role: Role
    gently: bool
    live_session: str | None


@dataclass(frozen=True, kw_only=True)
class Hurry(Command):
    """The worker was started gently, and now a recording waits for it."""

    name: str


@dataclass(frozen=True, kw_only=True)
class AskToLeave(Command):
    """Send the worker ShutDown. It is killed if it has not left in time."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Kill(Command):
    """End the worker's process at once."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Serve(Command):
    """From now on this worker serves the role: orders for the role go to it."""

    role: Role
    name: str


@dataclass(frozen=True, kw_only=True)
class ReportLost(Command):
    """Whoever uses the role learns that the worker serving it is gone. A replacement is on its way."""

    role: Role
    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ReportFailed(Command):
    """Whoever uses the role learns that it is given up until somebody claims it again."""

    role: Role
    reason: str


@dataclass(frozen=True, kw_only=True)
class Announce(Command):
    """Tell the audience about a worker's state. name: the public one."""

    name: str
    pid: int
    state: WorkerState
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Finish(Command):
    """Every worker has left after `StopAsked`."""
