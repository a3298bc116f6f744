"""Conversations with the supervisor core. Harm guarded against: a recording without a worker, a store that leaves
before those who drain into it, a worker that is never noticed to hang."""

import pytest

from reeld.supervisor import signals
from reeld.supervisor.budget import RESTARTS_MAX
from reeld.supervisor.signals import Role
from reeld_proto.records import WorkerState
from reeld_proto.stats import TrackStats
from reeld_proto.units import NS_PER_S
from tests.daemon.supervisor.conversation import LIMITS, Talk


@pytest.fixture
def talk() -> Talk:
    """Everything up and warm."""
    talk = Talk()
    talk.say(signals.Began(now_ns=0))
    for name in list(talk.alive):
        talk.ready(name)
    return talk


# -- beginning ------------------------------------------------------------------------------------------------------


def test_the_store_is_started_first_and_serves_when_ready() -> None:
    talk = Talk()
    talk.say(signals.Began(now_ns=0))
    assert talk.spawned() == ["store-1", "capture-standby-1", "audio-standby-1"]
    talk.ready("store-1")
    assert talk.take(signals.Serve) == [signals.Serve(role=Role.STORE, name="store-1")]


def test_spares_say_in_their_names_that_they_are_spares(talk: Talk) -> None:
    assert talk.names() == {
        "store-1": WorkerState.RUNNING,
        "capture-standby-1": WorkerState.READY,
        "audio-standby-1": WorkerState.READY,
    }
    talk.claim(Role.CAPTURE)
    assert talk.names()["capture-1"] == WorkerState.RUNNING


def test_a_worker_that_does_not_become_ready_is_killed_and_replaced() -> None:
    talk = Talk()
    talk.say(signals.Began(now_ns=0))
    talk.ready("store-1")
    talk.ready("audio-standby-1")
    talk.wait(LIMITS.ready_ns / NS_PER_S)
    assert talk.take(signals.Kill) == [signals.Kill(name="capture-standby-1")]
    talk.exit("capture-standby-1")
    assert talk.spawned() == ["capture-standby-2"]


# -- serving --------------------------------------------------------------------------------------------------------


def test_a_claim_is_served_by_the_standby_at_once_and_a_new_one_follows_later(talk: Talk) -> None:
    """Harm: imports that run beside the first frames of a recording."""
    talk.claim(Role.CAPTURE)
    assert talk.take(signals.Serve) == [signals.Serve(role=Role.CAPTURE, name="capture-standby-1")]
    assert not talk.spawned()
    talk.wait(LIMITS.standby_delay_ns / NS_PER_S - 0.1)
    assert not talk.spawned()
    talk.wait(0.1)
    (spawn,) = talk.take(signals.Spawn)
    assert (spawn.name, spawn.gently) == ("capture-standby-2", True)


def test_a_retired_worker_drains_while_the_standby_serves_and_is_killed_only_if_it_stays(talk: Talk) -> None:
    """Harm: a person's start that waits for the end of the rolling buffer, or cuts it short."""
    talk.claim(Role.CAPTURE)
    talk.record(Role.CAPTURE)
    talk.wait(1)
    talk.ready("capture-standby-2")
    talk.say(signals.RoleRetired(role=Role.CAPTURE, now_ns=talk.now_ns))
    assert not talk.take(signals.AskToLeave)
    assert talk.names()["capture-1"] == WorkerState.STOPPING
    talk.claim(Role.CAPTURE)
    assert talk.take(signals.Serve) == [signals.Serve(role=Role.CAPTURE, name="capture-standby-2")]
    talk.wait(LIMITS.leave_ns / NS_PER_S + 1)
    assert not talk.take(signals.Kill)
    assert talk.spawned() == ["capture-standby-3"]
    talk.wait(LIMITS.retire_ns / NS_PER_S)
    assert signals.Kill(name="capture-standby-1") in talk.take(signals.Kill)
    talk.exit("capture-standby-1")
    assert not talk.take(signals.ReportLost)
    assert talk.names()["capture-2"] == WorkerState.RUNNING


def test_a_role_that_nobody_serves_can_be_retired(talk: Talk) -> None:
    talk.say(signals.RoleRetired(role=Role.AUDIO, now_ns=talk.now_ns))
    assert not talk.heard
    talk.claim(Role.AUDIO)
    assert talk.take(signals.Serve) == [signals.Serve(role=Role.AUDIO, name="audio-standby-1")]


def test_claiming_what_is_served_names_the_same_worker(talk: Talk) -> None:
    talk.claim(Role.CAPTURE)
    talk.claim(Role.CAPTURE)
    assert talk.take(signals.Serve) == [signals.Serve(role=Role.CAPTURE, name="capture-standby-1")]


def test_a_claim_waits_for_a_worker_that_is_starting() -> None:
    talk = Talk()
    talk.say(signals.Began(now_ns=0))
    talk.claim(Role.AUDIO)
    assert not talk.take(signals.Serve)
    talk.ready("audio-standby-1")
    assert talk.take(signals.Serve) == [signals.Serve(role=Role.AUDIO, name="audio-standby-1")]


def test_a_killed_worker_is_replaced_by_the_standby(talk: Talk) -> None:
    talk.claim(Role.CAPTURE)
    talk.wait(2)
    talk.ready("capture-standby-2")
    talk.exit("capture-standby-1")
    assert talk.take(signals.ReportLost) == [
        signals.ReportLost(role=Role.CAPTURE, name="capture-1", reason="killed by SIGKILL")
    ]
    talk.claim(Role.CAPTURE)
    assert talk.take(signals.Serve) == [signals.Serve(role=Role.CAPTURE, name="capture-standby-2")]
    talk.wait(2)
    assert talk.spawned() == ["capture-standby-3"]


def test_a_claim_outlives_the_worker_that_served_it(talk: Talk) -> None:
    """Harm: a role that is claimed and has a warm worker, and yet nobody serves it until somebody claims it again."""
    talk.claim(Role.AUDIO)
    talk.wait(1)
    talk.ready("audio-standby-2")
    talk.exit("audio-standby-1")
    lost, serve = (c for c in talk.heard if isinstance(c, signals.ReportLost | signals.Serve))
    assert isinstance(lost, signals.ReportLost), "whoever hears of the loss last forgets who serves now"
    assert serve == signals.Serve(role=Role.AUDIO, name="audio-standby-2")
    assert talk.names() == {
        "store-1": WorkerState.RUNNING,
        "capture-standby-1": WorkerState.READY,
        "audio-2": WorkerState.RUNNING,
    }
    talk.wait(1)
    assert talk.spawned() == ["audio-standby-3"]


def test_a_standby_does_not_take_over_a_role_that_was_released(talk: Talk) -> None:
    talk.claim(Role.AUDIO)
    talk.wait(1)
    talk.ready("audio-standby-2")
    talk.release(Role.AUDIO)
    talk.exit("audio-standby-1")
    assert not talk.take(signals.Serve)
    assert talk.names()["audio-standby-2"] == WorkerState.READY


def test_a_worker_killed_before_its_standby_came_is_replaced_at_once(talk: Talk) -> None:
    talk.claim(Role.CAPTURE)
    talk.exit("capture-standby-1")
    assert talk.spawned() == ["capture-standby-2"]
    talk.claim(Role.CAPTURE)
    talk.ready("capture-standby-2")
    assert talk.take(signals.Serve)


def test_a_standby_that_was_started_gently_hurries_when_the_recording_waits_for_it(talk: Talk) -> None:
    """Harm: seconds of a recording lost because its replacement politely gives way to everybody."""
    talk.claim(Role.CAPTURE)
    talk.wait(2)
    assert not talk.take(signals.Hurry)
    talk.exit("capture-standby-1")
    assert talk.take(signals.Hurry) == [signals.Hurry(name="capture-standby-2")]


def test_a_standby_that_was_started_gently_hurries_when_the_next_session_waits_for_it(talk: Talk) -> None:
    """Harm: a session begun right after another one starts behind everybody who wants the core."""
    talk.claim(Role.CAPTURE)
    talk.wait(2)
    talk.release(Role.CAPTURE)
    talk.claim(Role.CAPTURE)
    assert talk.take(signals.Hurry) == [signals.Hurry(name="capture-standby-2")]


def test_a_standby_that_dies_beside_a_recording_comes_back_later(talk: Talk) -> None:
    talk.claim(Role.CAPTURE)
    talk.wait(2)
    talk.exit("capture-standby-2")
    assert not talk.take(signals.ReportLost)
    assert not talk.spawned()
    talk.wait(2)
    assert talk.spawned() == ["capture-standby-3"]


def test_after_a_session_its_worker_leaves_and_the_standby_stays(talk: Talk) -> None:
    talk.claim(Role.CAPTURE)
    talk.wait(2)
    talk.ready("capture-standby-2")
    talk.release(Role.CAPTURE)
    assert talk.take(signals.AskToLeave) == [signals.AskToLeave(name="capture-standby-1")]
    assert not talk.spawned()
    talk.exit("capture-standby-1", "exited with status 0")
    assert not talk.spawned()
    talk.claim(Role.CAPTURE)
    assert talk.take(signals.Serve) == [signals.Serve(role=Role.CAPTURE, name="capture-standby-2")]


def test_after_a_session_shorter_than_the_delay_a_standby_is_spawned_at_once(talk: Talk) -> None:
    talk.claim(Role.CAPTURE)
    talk.release(Role.CAPTURE)
    (spawn,) = talk.take(signals.Spawn)
    assert not spawn.gently
    talk.wait(5)
    assert not talk.spawned()


def test_questions_go_to_the_standby_and_not_to_a_worker_that_records(talk: Talk) -> None:
    talk.claim(Role.CAPTURE)
    assert talk.core.reachable(Role.CAPTURE) == "capture-standby-1"
    talk.wait(2)
    talk.ready("capture-standby-2")
    assert talk.core.reachable(Role.CAPTURE) == "capture-standby-2"


def test_a_store_that_dies_is_replaced_at_once_and_told_what_lives(talk: Talk) -> None:
    """Harm: a store that takes the running session for one a crash left behind, and closes it."""
    talk.say(signals.LiveSessionChanged(session="s1", now_ns=0))
    talk.exit("store-1")
    (spawn,) = talk.take(signals.Spawn)
    assert (spawn.name, spawn.live_session) == ("store-2", "s1")
    talk.ready("store-2")
    assert talk.take(signals.Serve) == [signals.Serve(role=Role.STORE, name="store-2")]


# -- budget ---------------------------------------------------------------------------------------------------------


def exhaust(talk: Talk, role: Role) -> None:
    for _ in range(RESTARTS_MAX + 1):
        name = next(name for name in talk.alive if name.startswith(role))
        talk.exit(name)
        if talk.core.has_failed(role):
            return
        if not any(name.startswith(role) for name in talk.alive):
            talk.wait(5)
    raise AssertionError("never given up")


def test_a_role_that_keeps_dying_is_given_up_and_everybody_told(talk: Talk) -> None:
    talk.claim(Role.AUDIO)
    exhaust(talk, Role.AUDIO)
    assert talk.take(signals.ReportFailed)
    assert not talk.take(signals.ReportLost), "a lost worker would be claimed again, and never given up"
    assert talk.names()["audio"] == WorkerState.FAILED
    talk.wait(100)
    assert not talk.spawned()


def test_a_role_given_up_gets_another_chance_when_somebody_claims_it(talk: Talk) -> None:
    exhaust(talk, Role.AUDIO)
    talk.claim(Role.AUDIO)
    assert len(talk.spawned()) == 1
    talk.ready(talk.spawned()[0])
    assert talk.take(signals.Serve)
    assert "audio" not in talk.names()


def test_a_role_given_up_gets_another_chance_when_somebody_asks_it_something(talk: Talk) -> None:
    exhaust(talk, Role.AUDIO)
    talk.say(signals.RoleNeeded(role=Role.AUDIO, now_ns=talk.now_ns))
    assert len(talk.spawned()) == 1


def test_a_session_served_to_its_end_makes_the_budget_whole(talk: Talk) -> None:
    for _ in range(2 * RESTARTS_MAX):
        talk.claim(Role.CAPTURE)
        serving = talk.take(signals.Serve)
        if not serving:
            starting = next(name for name in talk.alive if name.startswith("capture"))
            talk.ready(starting)
            serving = talk.take(signals.Serve)
        talk.exit(serving[0].name)
        assert not talk.core.has_failed(Role.CAPTURE)
        talk.release(Role.CAPTURE)


def test_a_store_that_kept_a_session_to_its_end_has_its_whole_budget_again(talk: Talk) -> None:
    for number in range(1, 2 * RESTARTS_MAX):
        talk.say(signals.LiveSessionChanged(session="s", now_ns=talk.now_ns))
        talk.exit(f"store-{number}")
        talk.ready(f"store-{number + 1}")
        talk.say(signals.LiveSessionChanged(session=None, now_ns=talk.now_ns))
    assert not talk.core.has_failed(Role.STORE)


# -- progress -------------------------------------------------------------------------------------------------------


def test_a_worker_without_progress_is_killed_and_its_loss_says_why(talk: Talk) -> None:
    talk.claim(Role.CAPTURE)
    talk.record(Role.CAPTURE)
    for _ in range(4):
        talk.wait(1)
        frozen = (TrackStats(id="video-1", frames=7),)
        talk.say(signals.ProgressArrived(name="capture-standby-1", tracks=frozen, now_ns=talk.now_ns))
    assert not talk.take(signals.Kill)
    talk.wait(2)
    assert talk.take(signals.Kill) == [signals.Kill(name="capture-standby-1")]
    talk.exit("capture-standby-1")
    (lost,) = talk.take(signals.ReportLost)
    assert lost.reason == "track video-1 made no progress for 5 s"


def test_no_progress_is_expected_in_a_pause(talk: Talk) -> None:
    talk.claim(Role.CAPTURE)
    talk.record(Role.CAPTURE)
    talk.record(Role.CAPTURE, recording=False)
    talk.wait(100)
    assert not talk.take(signals.Kill)


def test_silence_proves_nothing_when_the_daemon_itself_was_held_up(talk: Talk) -> None:
    """Harm: after a suspended process or a stuck disk every healthy worker is killed at once."""
    talk.claim(Role.CAPTURE)
    talk.record(Role.CAPTURE)
    talk.wait(60, late_ns=55 * NS_PER_S)
    assert not talk.take(signals.Kill)
    talk.wait(5)
    assert talk.take(signals.Kill)


def beat(talk: Talk) -> None:
    talk.say(signals.ProgressArrived(name="store-1", tracks=(), now_ns=talk.now_ns))


def test_a_store_that_reports_may_wait_for_its_disk_but_one_that_is_silent_is_killed(talk: Talk) -> None:
    talk.say(signals.LiveSessionChanged(session="s1", now_ns=talk.now_ns))
    for _ in range(20):
        beat(talk)
        talk.wait(1)
    assert not talk.take(signals.Kill)
    talk.wait(5)
    assert talk.take(signals.Kill) == [signals.Kill(name="store-1")]


def test_nothing_is_expected_of_a_store_without_a_session(talk: Talk) -> None:
    beat(talk)
    talk.wait(60)
    talk.say(signals.LiveSessionChanged(session="s1", now_ns=talk.now_ns))
    beat(talk)
    talk.say(signals.LiveSessionChanged(session=None, now_ns=talk.now_ns))
    talk.wait(60)
    assert not talk.take(signals.Kill)


def test_a_distrusted_worker_is_killed(talk: Talk) -> None:
    talk.claim(Role.CAPTURE)
    talk.say(signals.WorkerDistrusted(role=Role.CAPTURE, reason="no answer", now_ns=0))
    assert talk.take(signals.Kill) == [signals.Kill(name="capture-standby-1")]
    talk.exit("capture-standby-1")
    assert talk.take(signals.ReportLost)[0].reason == "no answer"


# -- stop -----------------------------------------------------------------------------------------------------------


def test_the_store_is_asked_to_leave_only_when_everybody_else_has_left(talk: Talk) -> None:
    talk.say(signals.StopAsked(now_ns=0))
    assert {command.name for command in talk.take(signals.AskToLeave)} == {"capture-standby-1", "audio-standby-1"}
    talk.exit("capture-standby-1")
    assert not talk.take(signals.AskToLeave)
    talk.exit("audio-standby-1")
    assert talk.take(signals.AskToLeave) == [signals.AskToLeave(name="store-1")]
    assert not talk.take(signals.Finish)
    talk.exit("store-1")
    assert talk.take(signals.Finish)


def test_a_worker_that_does_not_leave_is_killed(talk: Talk) -> None:
    talk.say(signals.StopAsked(now_ns=0))
    talk.wait(LIMITS.leave_ns / NS_PER_S)
    assert {command.name for command in talk.take(signals.Kill)} == {"capture-standby-1", "audio-standby-1"}


def test_nothing_is_started_while_stopping(talk: Talk) -> None:
    talk.claim(Role.CAPTURE)
    talk.say(signals.StopAsked(now_ns=0))
    talk.claim(Role.AUDIO)
    talk.say(signals.RoleNeeded(role=Role.AUDIO, now_ns=0))
    talk.exit("store-1")
    talk.wait(3)
    assert not any(isinstance(command, signals.Spawn) for command in talk.said[-10:])
