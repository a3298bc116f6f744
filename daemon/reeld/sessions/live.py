"""What is known of the session being recorded: its plan, its clock, its services. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum

from reeld.runtime.clock import SessionClock
from reeld.sessions.signals import Service, Step
from reeld.sessions.validation import Plan
from reeld_proto.commands import ErrorReply
from reeld_proto.units import seconds
from reeld_proto.workers import AnyOrder, CreateSession, StartAudio, StartVideo


class ServiceState(StrEnum):
    """States of one service of a session.

    lost: without a worker, until the pause ends. claiming: a worker is being found. initializing: it has its order.
    """

    LOST = "lost"
    CLAIMING = "claiming"
    INITIALIZING = "initializing"
    ACTIVE = "active"
    STOPPED = "stopped"
    ERROR = "error"


@dataclass
class ServiceStatus:
    """One service: where it is, and how many workers have served it."""

    named: bool
    state: ServiceState = ServiceState.CLAIMING
    epoch: int = 1
    error: ErrorReply | None = None

    @property
    def takes_orders(self) -> bool:
        """Whether a worker has its start order, so that later orders reach it after that one."""
        return self.state in {ServiceState.INITIALIZING, ServiceState.ACTIVE}


@dataclass
class Live:
    """The session from the moment its plan stands until it is durable.

    waiting: whose answers the present step still needs. ask: who waits for that step. buffer: it is part of the
    rolling buffer.
    """

    id: str
    plan: Plan
    clock: SessionClock
    wall_offset_ns: int
    arrived_ns: int
    ask: int
    services: dict[Service, ServiceStatus]
    waiting: set[Service | Step] = field(default_factory=set)
    first_ns: int | None = None
    warnings: list[str] = field(default_factory=list)
    ended_ns: int = 0
    changed_ns: int = 0
    store_error: ErrorReply | None = None
    buffer: bool = False

    @classmethod
    def begin(
        cls, plan: Plan, *, session: str, now_ns: int, wall_ns: int, arrived_ns: int, ask: int, buffer: bool = False
    ) -> "Live":
        """A session that starts at monotonic `now_ns`."""
        services = {}
        if plan.video:
            services[Service.VIDEO] = ServiceStatus(named=plan.video_named)
        if plan.audio:
            services[Service.AUDIO] = ServiceStatus(named=plan.audio_named)
        return cls(
            id=session,
            plan=plan,
            clock=SessionClock(now_ns),
            wall_offset_ns=wall_ns - now_ns,
            arrived_ns=arrived_ns,
            ask=ask,
            services=services,
            waiting={Step.CREATE, *services},
            warnings=list(plan.warnings),
            buffer=buffer,
        )

    def elapsed_s(self, at_ns: int) -> float:
        """Recorded seconds at monotonic `at_ns`, pauses taken out."""
        return seconds(max(0, self.clock.media_ns(at_ns)))

    def offset_ns(self, at_ns: int) -> int:
        """Nanoseconds from the start to monotonic `at_ns` on the clock, pauses included."""
        return at_ns - self.clock.start_ns

    def create_order(self) -> CreateSession:
        """What the store is told first."""
        return CreateSession(
            session=self.id,
            name=self.plan.name,
            tags=self.plan.tags,
            started_wall_ns=self.clock.start_ns + self.wall_offset_ns,
            started_mono_ns=self.clock.start_ns,
            tracks=self.plan.records(),
            warnings=list(self.warnings),
            buffer=self.buffer,
            sound=self.plan.sound.graph if self.plan.audio else None,
        )

    def start_order(self, service: Service) -> AnyOrder:
        """What the service's worker is told first, with the clock as it is now."""
        epoch, clock = self.services[service].epoch, self.clock.data()
        if service == Service.VIDEO:
            plan = self.plan
            return StartVideo(
                session=self.id,
                epoch=epoch,
                clock=clock,
                tracks=plan.video,
                fps=plan.fps,
                quality=plan.quality,
                pointer=plan.pointer,
                codec=plan.codec,
                encoder=plan.encoder,
                snapshots=plan.snapshots,
            )
        sound = self.plan.sound
        return StartAudio(
            session=self.id, epoch=epoch, clock=clock, tracks=sound.tracks, graph=sound.graph, devices=sound.devices
        )

    def failed(self) -> dict[Service, ErrorReply]:
        """Services that do not record, with the reason."""
        return {service: status.error for service, status in self.services.items() if status.error is not None}
