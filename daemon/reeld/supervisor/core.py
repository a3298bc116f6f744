"""The supervisor's decisions, without processes or sockets: events in, commands out.

DESIGN: each role has at most one worker that serves it and, for capture and audio, one warm standby. A claim lasts
until the role is released, retired or given up: the standby takes over when it is claimed and again when the serving
worker dies, so neither waits for imports. Restarts come out of a budget per role; when it is spent the role is failed
until somebody claims it again. Deadlines instead of a ticking clock: an idle daemon sleeps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from reeld.supervisor import signals
from reeld.supervisor.budget import RestartBudget
from reeld.supervisor.heartbeat import Heartbeat
from reeld.supervisor.signals import POOLED, Command, Role
from reeld_proto.records import WorkerInfo, WorkerState
from reeld_proto.stats import TrackStats
from reeld_proto.units import NS_PER_S


@dataclass(frozen=True)
class Limits:
    """Times the supervisor lives by, nanoseconds.

    ready: from spawn to the ready message (imports on a loaded machine). stall: progress at the latest.
    leave: from ShutDown to the kill. retire: the same for a worker that drains first.
    standby_delay: keeps the spawn of a new standby away from first frames.
    late: above it the daemon itself was held up, and silence of the workers proves nothing.
    """

    ready_ns: int = 20 * NS_PER_S
    stall_ns: int = 5 * NS_PER_S
    leave_ns: int = 3 * NS_PER_S
    retire_ns: int = 15 * NS_PER_S
    standby_delay_ns: int = NS_PER_S // 2
    late_ns: int = NS_PER_S


@dataclass
class Member:
    """One worker process. deadline_ns: when it is killed unless it became ready, or left."""

    name: str
    role: Role
    label: str
    state: WorkerState
    heartbeat: Heartbeat
    pid: int = 0
    deadline_ns: int | None = None
    reason: str = ""


@dataclass
class _Post:
    """A role: who serves it, who could."""

    role: Role
    budget: RestartBudget = field(default_factory=RestartBudget)
    serving: str | None = None
    wanted: bool = False
    failed: bool = False
    spawn_at_ns: int | None = None
    count: int = 0


class SupervisorCore:
    """State of all workers. Pure; one owner."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._members: dict[str, Member] = {}
        self._posts = {role: _Post(role) for role in Role}
        # The store is always wanted: it serves from the moment it is ready.
        self._posts[Role.STORE].wanted = True
        self._live_session: str | None = None
        self._stopping = False
        self._finished = False
        self._commands: list[Command] = []

    # -- what others may look at ------------------------------------------------------------------------------------

    def workers(self) -> list[WorkerInfo]:
        """Every worker process under its public name, and every failed role."""
        found = [WorkerInfo(name=m.label, pid=m.pid, state=m.state) for m in self._members.values()]
        failed = [
            WorkerInfo(name=post.role, pid=0, state=WorkerState.FAILED) for post in self._posts.values() if post.failed
        ]
        return found + failed

    def member(self, name: str) -> Member | None:
        """The worker whose process has this name."""
        return self._members.get(name)

    def reachable(self, role: Role) -> str | None:
        """A worker of this role that takes orders: the standby first, so that a recording one is not disturbed."""
        ready = [m for m in self._of(role) if m.state in (WorkerState.READY, WorkerState.RUNNING)]
        ready.sort(key=lambda m: m.state == WorkerState.RUNNING)
        return ready[0].name if ready else None

    def restarts(self, role: Role) -> int:
        """How often this role was restarted since the daemon began."""
        return self._posts[role].budget.total

    def has_failed(self, role: Role) -> bool:
        """Whether this role is given up."""
        return self._posts[role].failed

    def next_deadline_ns(self) -> int | None:
        """When the shell shall say `TimePassed`, unless another event comes first."""
        times = [m.deadline_ns for m in self._members.values()]
        times += [m.heartbeat.deadline_ns() for m in self._members.values() if m.state == WorkerState.RUNNING]
        times += [post.spawn_at_ns for post in self._posts.values()]
        return min((at_ns for at_ns in times if at_ns is not None), default=None)

    # -- events -----------------------------------------------------------------------------------------------------

    def handle(self, event: signals.Event) -> list[Command]:
        """What shall be done, in this order, about `event`."""
        self._commands = []
        now = event.now_ns
        match event:
            case signals.WorkerSpawned(name=name, pid=pid):
                self._spawned(name, pid)
            case signals.WorkerReadied(name=name):
                self._readied(name, now)
            case signals.WorkerExited(name=name, reason=reason):
                self._exited(name, reason, now)
            case signals.ProgressArrived(name=name, tracks=tracks):
                if name in self._members:
                    self._progressed(self._members[name], tracks, now)
            case signals.LiveSessionChanged(session=session):
                self._live_session_changed(session)
            case signals.TimePassed(late_ns=late):
                self._time_passed(now, late)
            case signals.RoleEvent(role=role):
                self._role_event(self._posts[role], event)
            case _:
                self._life_event(event)
        return self._commands

    def _live_session_changed(self, session: str | None) -> None:
        store = self._posts[Role.STORE]
        if session is None and store.serving is not None:
            # It kept a session to its end, as a release shows for the other roles.
            store.budget.refill()
            self._members[store.serving].heartbeat.stop()
        self._live_session = session

    def _progressed(self, member: Member, tracks: Sequence[TrackStats], now_ns: int) -> None:
        member.heartbeat.note(tracks, now_ns)
        if member.role == Role.STORE and self._live_session is not None:
            # It has no tracks of its own, and while the disk is slow nothing advances; but it goes on reporting.
            member.heartbeat.start(now_ns)

    def _life_event(self, event: signals.Event) -> None:
        match event:
            case signals.Began(now_ns=now):
                for role in Role:
                    self._spawn(self._posts[role], now)
            case signals.StopAsked(now_ns=now):
                self._stopping = True
                self._advance_stop(now)

    def _role_event(self, post: _Post, event: signals.RoleEvent) -> None:
        match event:
            case signals.RoleNeeded(now_ns=now):
                self._needed(post, now)
            case signals.RoleClaimed(now_ns=now):
                self._claimed(post, now)
            case signals.RoleReleased(now_ns=now):
                self._released(post, now, retire=False)
            case signals.RoleRetired(now_ns=now):
                self._released(post, now, retire=True)
            case signals.RecordingChanged(recording=recording, now_ns=now):
                self._recording_changed(post.role, recording=recording, now_ns=now)
            case signals.WorkerDistrusted(reason=reason):
                self._distrusted(post.role, reason)

    def _spawned(self, name: str, pid: int) -> None:
        member = self._members.get(name)
        if member is not None:
            member.pid = pid
            self._announce(member)

    def _readied(self, name: str, now_ns: int) -> None:
        member = self._members.get(name)
        if member is None or member.state != WorkerState.STARTING:
            return
        member.deadline_ns = None
        member.state = WorkerState.READY
        post = self._posts[member.role]
        if post.wanted and post.serving is None:
            self._activate(post, member, now_ns)
        else:
            self._announce(member)

    def _exited(self, name: str, reason: str, now_ns: int) -> None:
        member = self._members.pop(name, None)
        if member is None:
            return
        post = self._posts[member.role]
        expected = member.state == WorkerState.STOPPING
        reason = member.reason or reason
        member.state = WorkerState.STOPPING if expected else WorkerState.FAILED
        self._announce(member, reason)
        served = post.serving == name
        if served:
            post.serving = None
        if self._stopping:
            self._advance_stop(now_ns)
        if self._stopping or expected:
            return
        if not post.budget.spend(now_ns):
            self._give_up(post, reason)
            return
        if served:
            self._do(signals.ReportLost(role=post.role, name=member.label, reason=reason))
        self._replace(post, now_ns)

    def _give_up(self, post: _Post, reason: str) -> None:
        post.failed = True
        post.wanted = post.role == Role.STORE
        post.spawn_at_ns = None
        self._do(
            signals.Announce(name=post.role, pid=0, state=WorkerState.FAILED, reason=reason),
            signals.ReportFailed(role=post.role, reason=reason),
        )

    def _replace(self, post: _Post, now_ns: int) -> None:
        coming = [m for m in self._of(post.role) if m.name != post.serving]
        if coming:
            if post.serving is None:
                self._hasten(post, coming, now_ns)
            return
        if post.wanted and post.serving is None:
            self._spawn(post, now_ns)
            return
        delay_ns = post.budget.backoff_ns(now_ns)
        if post.serving is not None:
            delay_ns = max(delay_ns, self._limits.standby_delay_ns)
        if delay_ns == 0:
            self._spawn(post, now_ns)
        else:
            post.spawn_at_ns = now_ns + delay_ns

    def _hasten(self, post: _Post, coming: Sequence[Member], now_ns: int) -> None:
        ready = next((m for m in coming if m.state == WorkerState.READY), None)
        if ready is None:
            self._do(*(signals.Hurry(name=m.name) for m in coming))
        elif post.wanted:
            self._activate(post, ready, now_ns)

    def _claimed(self, post: _Post, now_ns: int) -> None:
        if self._stopping:
            return
        post.wanted = True
        self._revive(post)
        if post.serving is not None:
            self._do(signals.Serve(role=post.role, name=post.serving))
            return
        coming = self._of(post.role)
        if coming:
            self._hasten(post, coming, now_ns)
        else:
            self._spawn(post, now_ns)

    def _needed(self, post: _Post, now_ns: int) -> None:
        self._revive(post)
        if not self._stopping and not self._of(post.role):
            self._spawn(post, now_ns)

    @staticmethod
    def _revive(post: _Post) -> None:
        if post.failed:
            post.failed = False
            post.budget.refill()

    def _activate(self, post: _Post, member: Member, now_ns: int) -> None:
        post.serving = member.name
        member.label = member.label.replace("-standby", "")
        member.state = WorkerState.RUNNING
        self._do(signals.Serve(role=post.role, name=member.name))
        self._announce(member)
        if post.role in POOLED:
            post.spawn_at_ns = now_ns + self._limits.standby_delay_ns

    def _released(self, post: _Post, now_ns: int, *, retire: bool) -> None:
        if post.role not in POOLED:
            return
        post.wanted = False
        post.budget.refill()
        if post.serving is not None:
            if retire:
                self._retire(self._members[post.serving], now_ns)
            else:
                self._dismiss(self._members[post.serving], now_ns)
            post.serving = None
        if not post.failed and not self._stopping and not self._standby_coming(post.role):
            self._spawn(post, now_ns)

    def _recording_changed(self, role: Role, *, recording: bool, now_ns: int) -> None:
        serving = self._posts[role].serving
        if serving is None:
            return
        heartbeat = self._members[serving].heartbeat
        if recording:
            heartbeat.start(now_ns)
        else:
            heartbeat.stop()

    def _distrusted(self, role: Role, reason: str) -> None:
        serving = self._posts[role].serving
        if serving is not None:
            self._kill(self._members[serving], reason)

    # -- time -------------------------------------------------------------------------------------------------------

    def _time_passed(self, now_ns: int, late_ns: int) -> None:
        if late_ns > self._limits.late_ns:
            for member in self._members.values():
                if member.heartbeat.running:
                    member.heartbeat.start(now_ns)
        for member in list(self._members.values()):
            if member.deadline_ns is not None and now_ns >= member.deadline_ns:
                late_for = "did not leave" if member.state == WorkerState.STOPPING else "did not become ready"
                self._kill(member, f"{late_for} in time")
                continue
            stalled = member.heartbeat.stalled(now_ns) if member.state == WorkerState.RUNNING else None
            if stalled is not None:
                what = f"track {stalled}" if stalled else "worker"
                self._kill(member, f"{what} made no progress for {self._limits.stall_ns / NS_PER_S:g} s")
        for post in self._posts.values():
            if post.spawn_at_ns is not None and now_ns >= post.spawn_at_ns:
                post.spawn_at_ns = None
                if not self._standby_coming(post.role):
                    self._spawn(post, now_ns)

    # -- stop -------------------------------------------------------------------------------------------------------

    def _advance_stop(self, now_ns: int) -> None:
        for post in self._posts.values():
            post.spawn_at_ns = None
        producers = [m for m in self._members.values() if m.role != Role.STORE]
        # The store leaves last: the others may still be draining into it.
        for member in producers or list(self._members.values()):
            if member.state != WorkerState.STOPPING:
                self._dismiss(member, now_ns)
        if not self._members and not self._finished:
            self._finished = True
            self._do(signals.Finish())

    # -- helpers ----------------------------------------------------------------------------------------------------

    def _of(self, role: Role) -> list[Member]:
        return [m for m in self._members.values() if m.role == role and m.state != WorkerState.STOPPING]

    def _standby_coming(self, role: Role) -> bool:
        serving = self._posts[role].serving
        return any(m.name != serving for m in self._of(role))

    def _spawn(self, post: _Post, now_ns: int) -> None:
        post.spawn_at_ns = None
        post.count += 1
        pooled = post.role in POOLED
        name = f"{post.role}-standby-{post.count}" if pooled else f"{post.role}-{post.count}"
        self._members[name] = Member(
            name=name,
            role=post.role,
            label=name,
            state=WorkerState.STARTING,
            heartbeat=Heartbeat(self._limits.stall_ns),
            deadline_ns=now_ns + self._limits.ready_ns,
        )
        gently = post.serving is not None
        self._do(signals.Spawn(name=name, role=post.role, gently=gently, live_session=self._live_session))

    def _dismiss(self, member: Member, now_ns: int) -> None:
        member.state = WorkerState.STOPPING
        member.heartbeat.stop()
        member.deadline_ns = now_ns + self._limits.leave_ns
        self._do(signals.AskToLeave(name=member.name))
        self._announce(member)

    def _retire(self, member: Member, now_ns: int) -> None:
        member.state = WorkerState.STOPPING
        member.heartbeat.stop()
        member.deadline_ns = now_ns + self._limits.retire_ns
        self._announce(member)

    def _kill(self, member: Member, reason: str) -> None:
        member.deadline_ns = None
        member.heartbeat.stop()
        member.reason = member.reason or reason
        self._do(signals.Kill(name=member.name))

    def _announce(self, member: Member, reason: str = "") -> None:
        self._do(signals.Announce(name=member.label, pid=member.pid, state=member.state, reason=reason))

    def _do(self, *commands: Command) -> None:
        self._commands.extend(commands)
