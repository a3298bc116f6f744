"""The supervisor core whatever happens in whatever order. Harm guarded against: a role that is claimed and not served,
a store that leaves before those who drain into it.

`REELD_EXAMPLES=5000` tries as many conversations; without it a hundred and fifty.
"""

import os

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reeld.supervisor import signals
from reeld.supervisor.signals import POOLED, Role
from reeld_proto.records import WorkerState
from reeld_proto.units import NS_PER_S
from tests.daemon.supervisor.conversation import Talk

EXAMPLES = int(os.environ.get("REELD_EXAMPLES", "150"))


class AnyOrder(RuleBasedStateMachine):
    """Processes come and go, sessions begin and end, in any order; what must always hold is checked."""

    @initialize()
    def begin(self) -> None:
        self.talk = Talk()
        self.serving: dict[Role, str | None] = dict.fromkeys(Role)
        self.claimed: set[Role] = {Role.STORE}
        self.stopping = False
        self.finished = 0
        self.say(signals.Began(now_ns=0))

    def say(self, event: signals.Event) -> None:
        if isinstance(event, signals.WorkerExited):
            self.talk.alive.remove(event.name)
        for command in self.talk.say(event):
            match command:
                case signals.Spawn(name=name):
                    assert not self.stopping
                    assert self.talk.alive.count(name) == 1
                case signals.Serve(role=role, name=name):
                    assert name in self.talk.alive
                    assert role in self.claimed
                    self.serving[role] = name
                case signals.ReportLost(role=role) | signals.ReportFailed(role=role):
                    self.serving[role] = None
                    if isinstance(command, signals.ReportFailed) and role in POOLED:
                        self.claimed.discard(role)
                case signals.AskToLeave(name=name):
                    if name.startswith("store"):
                        others = [other for other in self.talk.alive if not other.startswith("store")]
                        assert not others, "the store must leave last"
                case signals.Finish():
                    self.finished += 1

    @rule(data=st.data())
    def a_worker_becomes_ready(self, data: st.DataObject) -> None:
        if self.talk.alive:
            name = data.draw(st.sampled_from(self.talk.alive))
            self.say(signals.WorkerReadied(name=name, now_ns=self.talk.now_ns))

    @rule(data=st.data())
    def a_worker_dies(self, data: st.DataObject) -> None:
        if self.talk.alive:
            name = data.draw(st.sampled_from(self.talk.alive))
            if self.serving[Role(name.split("-")[0])] == name:
                self.serving[Role(name.split("-")[0])] = None
            self.say(signals.WorkerExited(name=name, reason="killed", now_ns=self.talk.now_ns))

    @rule(role=st.sampled_from(POOLED))
    def claim(self, role: Role) -> None:
        if not self.stopping:
            self.claimed.add(role)
        self.say(signals.RoleClaimed(role=role, now_ns=self.talk.now_ns))

    @rule(role=st.sampled_from(POOLED))
    def release(self, role: Role) -> None:
        self.claimed.discard(role)
        self.serving[role] = None
        self.say(signals.RoleReleased(role=role, now_ns=self.talk.now_ns))

    @rule(role=st.sampled_from(Role), recording=st.booleans())
    def record(self, role: Role, recording: bool) -> None:
        self.say(signals.RecordingChanged(role=role, recording=recording, now_ns=self.talk.now_ns))

    @rule(role=st.sampled_from(Role))
    def distrust(self, role: Role) -> None:
        self.say(signals.WorkerDistrusted(role=role, reason="mute", now_ns=self.talk.now_ns))

    @rule()
    def the_next_deadline_comes(self) -> None:
        deadline_ns = self.talk.core.next_deadline_ns()
        if deadline_ns is not None:
            self.talk.now_ns = max(self.talk.now_ns, deadline_ns)
            self.say(signals.TimePassed(now_ns=self.talk.now_ns))

    @rule(seconds=st.floats(0, 30))
    def time_passes(self, seconds: float) -> None:
        self.talk.now_ns += int(seconds * NS_PER_S)

    @precondition(lambda self: not self.stopping)
    @rule(sure=st.sampled_from([False, False, False, True]))
    def stop(self, sure: bool) -> None:
        if sure:
            self.say(signals.StopAsked(now_ns=self.talk.now_ns))
            self.stopping = True

    @invariant()
    def at_most_one_spare_beside_the_one_that_serves(self) -> None:
        if hasattr(self, "talk") and not self.stopping:
            for role in Role:
                members = [
                    worker
                    for worker in self.talk.core.workers()
                    if worker.name.startswith(role)
                    and worker.pid
                    and worker.state not in {WorkerState.STOPPING, WorkerState.FAILED}
                ]
                assert len(members) <= (2 if role in POOLED else 1), members

    def teardown(self) -> None:
        if not hasattr(self, "talk"):
            return
        if not self.stopping:
            # A claimed role is always served in the end, unless it is given up.
            for _ in range(10):
                for name in list(self.talk.alive):
                    self.say(signals.WorkerReadied(name=name, now_ns=self.talk.now_ns))
                self.the_next_deadline_comes()
            for role in self.claimed:
                assert self.serving[role] or self.talk.core.has_failed(role), role
            self.say(signals.StopAsked(now_ns=self.talk.now_ns))
            self.stopping = True
        while self.talk.alive:
            self.say(signals.WorkerExited(name=self.talk.alive[0], reason="left", now_ns=self.talk.now_ns))
        assert self.finished == 1
        assert self.talk.core.workers() == [] or all(worker.pid == 0 for worker in self.talk.core.workers())


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None)
