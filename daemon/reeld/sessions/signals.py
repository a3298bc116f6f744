"""What happens to a session (events, past tense) and what its core wants done about it (commands, imperative)."""

from dataclasses import dataclass
from enum import StrEnum

from reeld.sessions.validation import Surroundings
from reeld_proto import events as public
from reeld_proto.commands import ArrangePictures, ErrorReply, Reply, Sources, StartSession
from reeld_proto.records import SessionInfo
from reeld_proto.sound_graph import SoundChange, SoundGraph
from reeld_proto.workers import AnyOrder, TracksStarted


class Service(StrEnum):
    """What a session records."""

    VIDEO = "video"
    AUDIO = "audio"


class Step(StrEnum):
    """Which order an answer belongs to."""

    CREATE = "create"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    FINISH = "finish"
    MARK = "mark"
    ARRANGE = "arrange"
    STEER = "steer"
    NOTE = "note"
    """Records that nobody waits for: a state, a jump of the civil clock."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened at monotonic `now_ns`. Ask: an opaque number that the answer carries back."""

    now_ns: int


@dataclass(frozen=True, kw_only=True)
class StartAsked(Event):
    """A client wants a session. now_ns: when its command arrived."""

    ask: int
    request: StartSession


@dataclass(frozen=True, kw_only=True)
class Surveyed(Event):
    """What can be recorded is known. session: the id that a session starting now gets; wall_ns: the civil time."""

    surroundings: Surroundings
    session: str
    wall_ns: int


@dataclass(frozen=True, kw_only=True)
class PauseAsked(Event):
    """A client wants a pause."""

    ask: int


@dataclass(frozen=True, kw_only=True)
class ResumeAsked(Event):
    """A client wants the pause to end."""

    ask: int


@dataclass(frozen=True, kw_only=True)
class MarkAsked(Event):
    """A client puts a note at this instant."""

    ask: int
    text: str


@dataclass(frozen=True, kw_only=True)
class ArrangeAsked(Event):
    """A client wants the picture otherwise. listed: what could be added, None if nothing is to be."""

    ask: int
    request: ArrangePictures
    listed: Sources | ErrorReply | None


@dataclass(frozen=True, kw_only=True)
class AdjustAsked(Event):
    """A client wants other settings in the graph of sounds, from the instant of the event on."""

    ask: int
    changes: list[SoundChange]


@dataclass(frozen=True, kw_only=True)
class EditAsked(Event):
    """A client wants another graph of sounds. listed: the devices there are, None if it has none."""

    ask: int
    graph: SoundGraph
    listed: Sources | ErrorReply | None


@dataclass(frozen=True, kw_only=True)
class StopAsked(Event):
    """A client, or the daemon's own end, wants the session to end."""

    ask: int
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class WorkerClaimed(Event):
    """A worker serves the service's role and waits for its order."""

    service: Service
    epoch: int


@dataclass(frozen=True, kw_only=True)
class ServiceStarted(Event):
    """A worker records. epoch: of the order it answers."""

    service: Service
    epoch: int
    report: TracksStarted


@dataclass(frozen=True, kw_only=True)
class ServiceFailed(Event):
    """A worker could not start recording."""

    service: Service
    epoch: int
    error: ErrorReply


@dataclass(frozen=True, kw_only=True)
class ServiceAnswered(Event):
    """A worker paused, resumed or stopped (error: None), or did not. ask: for whom, where several may wait."""

    service: Service
    epoch: int
    step: Step
    error: ErrorReply | None = None
    ask: int = 0


@dataclass(frozen=True, kw_only=True)
class StoreAnswered(Event):
    """The store made something durable (error: None), or did not. mark: which marker."""

    step: Step
    error: ErrorReply | None = None
    mark: public.MarkerAdded | None = None
    ask: int = 0


@dataclass(frozen=True, kw_only=True)
class SessionRead(Event):
    """What the store holds of the finished session, or why it could not be read."""

    session: SessionInfo | ErrorReply


@dataclass(frozen=True, kw_only=True)
class WorkerLost(Event):
    """The worker of a service is gone; another can be had."""

    service: Service
    reason: str


@dataclass(frozen=True, kw_only=True)
class ServiceGivenUp(Event):
    """The supervisor will not restart this service's workers again."""

    service: Service
    reason: str


@dataclass(frozen=True, kw_only=True)
class StoreGivenUp(Event):
    """The supervisor will not restart the store again: nothing can be kept."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class RetryDue(Event):
    """A service that failed may be tried again."""

    service: Service
    session: str


@dataclass(frozen=True, kw_only=True)
class ClockRead(Event):
    """The civil clock reads wall_ns now."""

    wall_ns: int


class Command:
    """Something the shell shall do."""


@dataclass(frozen=True, kw_only=True)
class Survey(Command):
    """Find out what the request could record; `Surveyed` follows."""

    request: StartSession


@dataclass(frozen=True, kw_only=True)
class Claim(Command):
    """Have the service's role served; `WorkerClaimed` or `ServiceFailed` follows."""

    service: Service
    epoch: int


@dataclass(frozen=True, kw_only=True)
class StartService(Command):
    """Give the claimed worker this order; `ServiceStarted` or `ServiceFailed` follows."""

    service: Service
    epoch: int
    order: AnyOrder


@dataclass(frozen=True, kw_only=True)
class OrderService(Command):
    """Give the serving worker this order; `ServiceAnswered` follows, with the same step and ask."""

    service: Service
    epoch: int
    step: Step
    order: AnyOrder
    ask: int = 0


@dataclass(frozen=True, kw_only=True)
class OrderStore(Command):
    """Give the store this order; `StoreAnswered` follows with the same step, mark and ask."""

    step: Step
    order: AnyOrder
    mark: public.MarkerAdded | None = None
    ask: int = 0


@dataclass(frozen=True, kw_only=True)
class ReadSession(Command):
    """Read the session from the store; `SessionRead` follows."""

    session: str


@dataclass(frozen=True, kw_only=True)
class Release(Command):
    """The service's worker may leave."""

    service: Service


@dataclass(frozen=True, kw_only=True)
class Distrust(Command):
    """The service's worker did not answer in time."""

    service: Service
    reason: str


@dataclass(frozen=True, kw_only=True)
class ExpectProgress(Command):
    """Whether the service's worker must show progress from now on."""

    service: Service
    recording: bool


@dataclass(frozen=True, kw_only=True)
class KeepSession(Command):
    """The session a restarted store must keep open; None: none."""

    session: str | None


@dataclass(frozen=True, kw_only=True)
class RetryLater(Command):
    """Say `RetryDue` after `after_s`, unless the session has ended."""

    service: Service
    session: str
    after_s: float


@dataclass(frozen=True, kw_only=True)
class Answer(Command):
    """Answer whoever asked."""

    ask: int
    reply: Reply


@dataclass(frozen=True, kw_only=True)
class Publish(Command):
    """Tell the audience."""

    event: public.AnyEvent
