"""A session core in conversation: what the tests of the core say to it, and what it asked for in return."""

from collections.abc import Iterable
from typing import Any, TypeVar

from reeld.config import Config
from reeld.sessions import signals
from reeld.sessions.core import SessionCore
from reeld.sessions.signals import Command, Service, Step
from reeld.sessions.validation import Surroundings
from reeld_proto.commands import ErrorReply, Reply, Sources, StartSession
from reeld_proto.errors import ErrorCode
from reeld_proto.events import AnyEvent
from reeld_proto.records import AudioSource, DisplaySource, SessionInfo, SessionState
from reeld_proto.units import NS_PER_MS
from reeld_proto.workers import TracksStarted

C = TypeVar("C", bound=Command)

LEFT = DisplaySource(id="LEFT", name="LEFT", x=0, y=0, width=1920, height=1080, primary=True)
RIGHT = DisplaySource(id="RIGHT", name="RIGHT", x=1920, y=0, width=1920, height=1080, primary=False)
MIC = AudioSource(id="virtual_mic", name="Microphone", default=True)
SPEAKERS = AudioSource(id="speakers.monitor", name="Speakers", default=True)
PICTURES = Sources(displays=[LEFT, RIGHT])
SOUNDS = Sources(microphones=[MIC], system_audio=[SPEAKERS])
NO_DISPLAY = ErrorReply(code=ErrorCode.NO_DISPLAY, message="no display", remedy="Set DISPLAY.")
NO_AUDIO = ErrorReply(code=ErrorCode.NO_AUDIO, message="no sound server", remedy="Start PulseAudio.")
TIMEOUT = ErrorReply(code=ErrorCode.TIMEOUT, message="no answer")
LOST = ErrorReply(code=ErrorCode.WORKER_LOST, message="ended")
BROKEN = ErrorReply(code=ErrorCode.DEVICE_FAILED, message="it fell apart")

START_NS = 1_000_000_000_000
WALL_NS = 1_800_000_000_000_000_000


def surroundings(
    video: Sources | ErrorReply = PICTURES, audio: Sources | ErrorReply = SOUNDS, free_bytes: int = 10**12
) -> Surroundings:
    return Surroundings(video=video, audio=audio, free_bytes=free_bytes, default_name="Session today")


def finished(session: str) -> SessionInfo:
    return SessionInfo(session=session, name="", state=SessionState.COMPLETED, started_at="", duration_s=1.0, bytes=0)


class Conversation:
    """Says events to a core at a clock of its own and keeps every command."""

    def __init__(self, config: Config | None = None) -> None:
        self.core = SessionCore(config or Config())
        self.now_ns = START_NS
        self.said: list[Command] = []
        self.heard: list[Command] = []
        self._asks = 0

    def say(self, event: signals.Event) -> list[Command]:
        self.heard = self.core.handle(event)
        self.said += self.heard
        return self.heard

    def later(self, ms: float) -> None:
        self.now_ns += int(ms * NS_PER_MS)

    def take(self, kind: type[C], commands: Iterable[Command] | None = None) -> list[C]:
        return [command for command in (self.heard if commands is None else commands) if isinstance(command, kind)]

    def reply(self) -> Reply:
        (answer,) = self.take(signals.Answer)
        return answer.reply

    def orders(self, step: Step) -> list[Any]:
        """Everything ordered so far in this step, of services and store."""
        found: list[Any] = [c for c in self.said if isinstance(c, (signals.OrderService, signals.OrderStore))]
        return [command.order for command in found if command.step == step]

    def events(self) -> list[AnyEvent]:
        return [command.event for command in self.said if isinstance(command, signals.Publish)]

    def states(self) -> list[SessionState]:
        return [state for event in self.events() if (state := getattr(event, "state", None)) is not None]

    # -- what may be said -------------------------------------------------------------------------------------------

    def ask(self) -> int:
        self._asks += 1
        return self._asks

    def start(self, request: StartSession | None = None, around: Surroundings | None = None) -> None:
        """Up to the claims of the workers, or to the refusal."""
        self.say(signals.StartAsked(ask=self.ask(), request=request or StartSession(), now_ns=self.now_ns))
        self.later(5)
        self.survey(around or surroundings())

    def survey(self, around: Surroundings) -> None:
        self.say(signals.Surveyed(surroundings=around, session="s1", wall_ns=WALL_NS, now_ns=self.now_ns))

    def claimed(self, service: Service, epoch: int = 1) -> None:
        self.say(signals.WorkerClaimed(service=service, epoch=epoch, now_ns=self.now_ns))

    def started(self, service: Service, epoch: int = 1) -> None:
        report = TracksStarted(first_ns=self.now_ns if service == Service.VIDEO else None)
        self.say(signals.ServiceStarted(service=service, epoch=epoch, report=report, now_ns=self.now_ns))

    def failed(self, service: Service, epoch: int = 1, error: ErrorReply = BROKEN) -> None:
        self.say(signals.ServiceFailed(service=service, epoch=epoch, error=error, now_ns=self.now_ns))

    def answered(self, service: Service, step: Step, epoch: int = 1, error: ErrorReply | None = None) -> None:
        self.say(signals.ServiceAnswered(service=service, epoch=epoch, step=step, error=error, now_ns=self.now_ns))

    def stored(self, step: Step, error: ErrorReply | None = None) -> None:
        self.say(signals.StoreAnswered(step=step, error=error, now_ns=self.now_ns))

    def lost(self, service: Service) -> None:
        self.say(signals.WorkerLost(service=service, reason="killed by SIGKILL", now_ns=self.now_ns))

    def pause(self) -> None:
        self.say(signals.PauseAsked(ask=self.ask(), now_ns=self.now_ns))

    def resume(self) -> None:
        self.say(signals.ResumeAsked(ask=self.ask(), now_ns=self.now_ns))

    def stop(self) -> None:
        self.say(signals.StopAsked(ask=self.ask(), now_ns=self.now_ns))

    def run(self) -> None:
        """A session with picture and sound, recording."""
        self.start()
        for service in Service:
            self.claimed(service)
        self.stored(Step.CREATE)
        self.later(20)
        self.started(Service.VIDEO)
        self.later(30)
        self.started(Service.AUDIO)
        assert self.core.state == SessionState.ACTIVE

    def paused(self) -> None:
        """The running session, paused."""
        self.later(1000)
        self.pause()
        self.confirm(Step.PAUSE)
        assert self.core.state == SessionState.PAUSED

    def confirm(self, step: Step, epoch: int = 1) -> None:
        """Everybody has done what the step asked."""
        for service in Service:
            self.answered(service, step, epoch)
        self.stored(step)
