"""A conversation with the supervisor core."""

import itertools
from typing import TypeVar

from reeld.supervisor import signals
from reeld.supervisor.core import Limits, SupervisorCore
from reeld.supervisor.signals import Command, Role
from reeld_proto.records import WorkerState
from reeld_proto.units import NS_PER_S

C = TypeVar("C", bound=Command)
LIMITS = Limits()


class Talk:
    """Says events to a supervisor core at a clock of its own and keeps every command."""

    def __init__(self) -> None:
        self.core = SupervisorCore(LIMITS)
        self.now_ns = 0
        self.heard: list[Command] = []
        self.said: list[Command] = []
        self.pids = itertools.count(100)
        self.alive: list[str] = []

    def say(self, event: signals.Event) -> list[Command]:
        self.heard = self.core.handle(event)
        self.said += self.heard
        for spawn in self.take(signals.Spawn):
            self.alive.append(spawn.name)
            heard = self.heard
            self.core.handle(signals.WorkerSpawned(name=spawn.name, pid=next(self.pids), now_ns=self.now_ns))
            self.heard = heard
        return self.heard

    def take(self, kind: type[C]) -> list[C]:
        return [command for command in self.heard if isinstance(command, kind)]

    def ready(self, name: str) -> None:
        self.say(signals.WorkerReadied(name=name, now_ns=self.now_ns))

    def exit(self, name: str, reason: str = "killed by SIGKILL") -> None:
        self.alive.remove(name)
        self.say(signals.WorkerExited(name=name, reason=reason, now_ns=self.now_ns))

    def claim(self, role: Role) -> None:
        self.say(signals.RoleClaimed(role=role, now_ns=self.now_ns))

    def release(self, role: Role) -> None:
        self.say(signals.RoleReleased(role=role, now_ns=self.now_ns))

    def record(self, role: Role, *, recording: bool = True) -> None:
        self.say(signals.RecordingChanged(role=role, recording=recording, now_ns=self.now_ns))

    def wait(self, seconds: float, late_ns: int = 0) -> None:
        self.now_ns += int(seconds * NS_PER_S)
        self.say(signals.TimePassed(now_ns=self.now_ns, late_ns=late_ns))

    def names(self) -> dict[str, WorkerState]:
        return {worker.name: worker.state for worker in self.core.workers()}

    def spawned(self) -> list[str]:
        return [spawn.name for spawn in self.take(signals.Spawn)]
