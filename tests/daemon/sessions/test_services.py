"""Workers of a live session, lost and found. Harm guarded against: a recording that stops although a worker stands
by, and a worker that records what it must not."""

import pytest

from reeld.sessions import signals
from reeld.sessions.live import ServiceState
from reeld.sessions.signals import Service, Step
from reeld_proto.commands import SessionStarted
from reeld_proto.records import SessionState
from reeld_proto.workers import StartVideo
from tests.daemon.sessions.conversation import LOST, NO_DISPLAY, TIMEOUT, Conversation


@pytest.fixture
def talk() -> Conversation:
    return Conversation()


def test_a_lost_worker_is_replaced_at_once_with_the_next_epoch(talk: Conversation) -> None:
    talk.run()
    talk.lost(Service.VIDEO)
    assert talk.take(signals.Claim) == [signals.Claim(service=Service.VIDEO, epoch=2)]
    talk.claimed(Service.VIDEO, 2)
    (start,) = talk.take(signals.StartService)
    assert start.order.epoch == 2  # type: ignore[union-attr]
    talk.started(Service.VIDEO, 2)
    assert talk.core.state == SessionState.ACTIVE
    assert talk.take(signals.ExpectProgress) == [signals.ExpectProgress(service=Service.VIDEO, recording=True)]


def test_an_answer_of_the_worker_that_was_lost_changes_nothing(talk: Conversation) -> None:
    talk.run()
    talk.lost(Service.VIDEO)
    talk.started(Service.VIDEO, 1)
    talk.failed(Service.VIDEO, 1)
    talk.claimed(Service.VIDEO, 1)
    assert not talk.heard
    live = talk.core.live
    assert live is not None
    assert live.services[Service.VIDEO].state == ServiceState.CLAIMING


def test_a_service_given_up_makes_the_session_partial_and_the_store_is_told(talk: Conversation) -> None:
    talk.run()
    talk.say(signals.ServiceGivenUp(service=Service.AUDIO, reason="killed", now_ns=talk.now_ns))
    assert talk.core.state == SessionState.PARTIAL
    (note,) = talk.orders(Step.NOTE)
    assert (note.state, "killed" in note.warning) == (SessionState.PARTIAL, True)
    # Not yet again at once: its workers die faster than they record.
    (retry,) = talk.take(signals.RetryLater)
    assert retry.after_s >= 30


def test_a_restart_that_fails_is_tried_again_and_told_once(talk: Conversation) -> None:
    talk.run()
    talk.lost(Service.VIDEO)
    talk.claimed(Service.VIDEO, 2)
    talk.failed(Service.VIDEO, 2, NO_DISPLAY)
    assert talk.core.state == SessionState.PARTIAL
    live = talk.core.live
    assert live is not None
    for _ in range(3):
        talk.say(signals.RetryDue(service=Service.VIDEO, session="s1", now_ns=talk.now_ns))
        (claim,) = talk.take(signals.Claim)
        talk.claimed(Service.VIDEO, claim.epoch)
        talk.failed(Service.VIDEO, claim.epoch, NO_DISPLAY)
        assert talk.take(signals.RetryLater)
    assert live.warnings.count("video failed: no display") == 1


def test_a_start_that_times_out_gets_its_worker_killed(talk: Conversation) -> None:
    talk.run()
    talk.lost(Service.VIDEO)
    talk.claimed(Service.VIDEO, 2)
    talk.failed(Service.VIDEO, 2, TIMEOUT)
    assert talk.take(signals.Distrust)
    talk.lost(Service.VIDEO)
    assert not talk.take(signals.Claim), "the retry will claim a fresh one"


def test_a_worker_lost_while_starting_is_replaced_before_the_reply(talk: Conversation) -> None:
    talk.start()
    talk.stored(Step.CREATE)
    talk.claimed(Service.AUDIO)
    talk.started(Service.AUDIO)
    talk.claimed(Service.VIDEO)
    talk.lost(Service.VIDEO)
    (claim,) = talk.take(signals.Claim)
    assert claim.epoch == 2
    talk.failed(Service.VIDEO, epoch=1, error=LOST)
    assert talk.core.state == SessionState.STARTING
    talk.claimed(Service.VIDEO, 2)
    talk.started(Service.VIDEO, 2)
    reply = talk.reply()
    assert isinstance(reply, SessionStarted)
    assert reply.state == SessionState.ACTIVE


def test_sound_that_fails_makes_the_session_partial_and_is_tried_again(talk: Conversation) -> None:
    talk.start()
    talk.stored(Step.CREATE)
    talk.claimed(Service.VIDEO)
    talk.started(Service.VIDEO)
    talk.failed(Service.AUDIO)
    reply = talk.reply()
    assert isinstance(reply, SessionStarted)
    assert reply.state == SessionState.PARTIAL
    assert reply.warnings == ["no audio is recorded: it fell apart"]
    (retry,) = talk.take(signals.RetryLater, talk.said)
    talk.later(retry.after_s * 1000)
    talk.say(signals.RetryDue(service=Service.AUDIO, session="s1", now_ns=talk.now_ns))
    (claim,) = talk.take(signals.Claim)
    talk.claimed(Service.AUDIO, claim.epoch)
    talk.started(Service.AUDIO, claim.epoch)
    assert talk.core.state == SessionState.ACTIVE


def test_a_worker_that_does_not_pause_is_killed_because_it_may_go_on_recording(talk: Conversation) -> None:
    talk.run()
    talk.pause()
    talk.answered(Service.VIDEO, Step.PAUSE, error=TIMEOUT)
    assert talk.take(signals.Distrust) == [signals.Distrust(service=Service.VIDEO, reason="no answer")]
    talk.answered(Service.AUDIO, Step.PAUSE)
    talk.stored(Step.PAUSE)
    assert talk.core.state == SessionState.PAUSED


def test_a_worker_lost_in_a_pause_is_replaced_when_the_pause_ends(talk: Conversation) -> None:
    """Harm: a worker that starts during a pause captures what nobody wanted captured."""
    talk.run()
    talk.paused()
    talk.lost(Service.VIDEO)
    assert not talk.take(signals.Claim)
    talk.later(500)
    talk.resume()
    (claim,) = talk.take(signals.Claim)
    talk.answered(Service.AUDIO, Step.RESUME)
    talk.stored(Step.RESUME)
    assert talk.core.state == SessionState.ACTIVE
    talk.claimed(Service.VIDEO, claim.epoch)
    (start,) = talk.take(signals.StartService)
    assert isinstance(start.order, StartVideo)
    assert len(start.order.clock.pauses) == 1
    assert start.order.clock.paused_since_ns is None


def test_a_pause_that_overtakes_a_restart_keeps_the_new_worker_from_recording(talk: Conversation) -> None:
    talk.run()
    talk.lost(Service.VIDEO)
    talk.pause()
    assert {order.service for order in talk.take(signals.OrderService)} == {Service.AUDIO}
    talk.claimed(Service.VIDEO, 2)
    assert not talk.take(signals.StartService)
    talk.answered(Service.AUDIO, Step.PAUSE)
    talk.stored(Step.PAUSE)
    talk.resume()
    assert talk.take(signals.Claim)
