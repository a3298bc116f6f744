"""Conversations with the session core. Harm guarded against: an ask that is never answered, a recording that goes on
through a pause, a session that is never finished in the store."""

from typing import Any

import pytest

from reeld.sessions import signals
from reeld.sessions.core import NOTICE_NS
from reeld.sessions.signals import Service, Step
from reeld_proto.commands import ErrorReply, SessionChanged, SessionStarted, SessionStopped, StartSession
from reeld_proto.errors import ErrorCode
from reeld_proto.events import MarkerAdded
from reeld_proto.records import SessionState
from reeld_proto.units import NS_PER_MS, NS_PER_S
from reeld_proto.workers import (
    CreateSession,
    FinishSession,
    PauseTracks,
    RecordClockJump,
    RecordPause,
    StartAudio,
    StartVideo,
)
from tests.daemon.sessions.conversation import (
    BROKEN,
    LOST,
    NO_DISPLAY,
    START_NS,
    WALL_NS,
    Conversation,
    finished,
    surroundings,
)


@pytest.fixture
def talk() -> Conversation:
    return Conversation()


# -- start ----------------------------------------------------------------------------------------------------------


def test_a_start_orders_store_and_both_services_in_one_go(talk: Conversation) -> None:
    talk.start()
    (create,) = talk.take(signals.OrderStore)
    assert isinstance(create.order, CreateSession)
    assert (create.order.session, create.order.name) == ("s1", "Session today")
    assert create.order.started_mono_ns == START_NS + 5 * NS_PER_MS
    assert create.order.started_wall_ns == WALL_NS
    assert [(claim.service, claim.epoch) for claim in talk.take(signals.Claim)] == [("video", 1), ("audio", 1)]
    assert talk.take(signals.KeepSession) == [signals.KeepSession(session="s1")]
    assert talk.core.state == SessionState.STARTING


def test_each_worker_is_told_its_tracks_when_it_is_claimed(talk: Conversation) -> None:
    talk.start()
    talk.claimed(Service.VIDEO)
    (start,) = talk.take(signals.StartService)
    assert isinstance(start.order, StartVideo)
    assert start.order.clock.start_ns == START_NS + 5 * NS_PER_MS
    assert [spec.track for spec in start.order.tracks] == ["video-1"]
    talk.claimed(Service.AUDIO)
    (start,) = talk.take(signals.StartService)
    assert isinstance(start.order, StartAudio)


def test_first_frame_counts_from_the_arrival_of_the_command(talk: Conversation) -> None:
    talk.run()
    reply = talk.reply()
    assert isinstance(reply, SessionStarted)
    assert (reply.session, reply.state, reply.name) == ("s1", SessionState.ACTIVE, "Session today")
    assert reply.first_frame_ms == pytest.approx(25)
    assert talk.states() == [SessionState.STARTING, SessionState.ACTIVE]


def test_the_reply_waits_until_the_session_is_durable(talk: Conversation) -> None:
    talk.start()
    for service in Service:
        talk.claimed(service)
        talk.started(service)
    assert talk.core.state == SessionState.STARTING
    talk.stored(Step.CREATE)
    assert isinstance(talk.reply(), SessionStarted)


def test_a_refused_start_leaves_no_trace(talk: Conversation) -> None:
    talk.start(StartSession(fps=99))
    reply = talk.reply()
    assert isinstance(reply, ErrorReply)
    assert reply.code == ErrorCode.INVALID_REQUEST
    assert talk.core.state == SessionState.IDLE
    assert talk.core.live is None
    assert not talk.take(signals.OrderStore, talk.said)


def test_a_second_start_is_told_the_state_and_changes_nothing(talk: Conversation) -> None:
    talk.start()
    talk.start()
    (answer,) = talk.take(signals.Answer, talk.said)
    assert isinstance(answer.reply, ErrorReply)
    assert answer.reply.code == ErrorCode.WRONG_STATE
    assert "starting" in answer.reply.message
    assert talk.core.state == SessionState.STARTING


def test_sound_alone_starts_without_a_first_frame(talk: Conversation) -> None:
    talk.start(around=surroundings(video=NO_DISPLAY))
    talk.claimed(Service.AUDIO)
    talk.stored(Step.CREATE)
    talk.started(Service.AUDIO)
    reply = talk.reply()
    assert isinstance(reply, SessionStarted)
    assert reply.first_frame_ms is None
    assert reply.state == SessionState.ACTIVE
    assert reply.warnings == ["no picture is recorded: no display"]


@pytest.mark.parametrize("request_", [StartSession(displays=["LEFT"]), StartSession(displays=["all"])])
def test_a_picture_asked_for_by_name_that_fails_fails_the_start(talk: Conversation, request_: StartSession) -> None:
    talk.start(request_)
    talk.stored(Step.CREATE)
    talk.claimed(Service.AUDIO)
    talk.started(Service.AUDIO)
    talk.failed(Service.VIDEO, error=NO_DISPLAY)
    assert talk.reply() == NO_DISPLAY
    assert talk.core.state == SessionState.IDLE
    (finish,) = [order for order in talk.orders(Step.NOTE) if isinstance(order, FinishSession)]
    assert finish.state == SessionState.ERROR
    assert {release.service for release in talk.take(signals.Release)} == set(Service)


def test_when_everything_fails_the_start_fails(talk: Conversation) -> None:
    talk.start()
    talk.stored(Step.CREATE)
    talk.failed(Service.VIDEO)
    talk.failed(Service.AUDIO, error=LOST)
    assert talk.reply() == BROKEN
    assert talk.core.state == SessionState.IDLE


def test_a_session_the_store_cannot_keep_is_not_recorded(talk: Conversation) -> None:
    full = ErrorReply(code=ErrorCode.DISK_FULL, message="no room")
    talk.start()
    talk.stored(Step.CREATE, full)
    for service in Service:
        talk.claimed(service)
        talk.started(service)
    assert talk.reply() == full
    assert talk.core.state == SessionState.IDLE
    assert not any(isinstance(order, FinishSession) for order in talk.orders(Step.NOTE))


# -- pause and resume -----------------------------------------------------------------------------------------------


def test_a_pause_names_an_instant_that_is_still_to_come_to_everybody(talk: Conversation) -> None:
    talk.run()
    talk.later(1000)
    talk.pause()
    orders = talk.take(signals.OrderService)
    assert [order.order for order in orders] == [PauseTracks(at_ns=talk.now_ns + NOTICE_NS)] * 2
    assert {expect.recording for expect in talk.take(signals.ExpectProgress)} == {False}
    (record,) = [command.order for command in talk.take(signals.OrderStore)]
    assert isinstance(record, RecordPause)
    live = talk.core.live
    assert live is not None
    assert record.start_ns == talk.now_ns + NOTICE_NS - live.clock.start_ns
    talk.confirm(Step.PAUSE)
    (answer,) = talk.take(signals.Answer)
    assert isinstance(answer.reply, SessionChanged)
    assert answer.reply.state == SessionState.PAUSED
    assert answer.reply.elapsed_s == pytest.approx(1.08)


def test_session_time_stands_still_in_a_pause(talk: Conversation) -> None:
    talk.run()
    talk.paused()
    before = talk.core.brief(talk.now_ns)
    talk.later(3000)
    after = talk.core.brief(talk.now_ns)
    assert before is not None
    assert before == after


def test_resume_gives_both_ends_of_the_pause_to_the_store(talk: Conversation) -> None:
    talk.run()
    talk.paused()
    talk.later(3000)
    talk.resume()
    record = talk.orders(Step.RESUME)[0]
    assert record.end_ns - record.start_ns == 3000 * NS_PER_MS
    talk.confirm(Step.RESUME)
    assert talk.core.state == SessionState.ACTIVE
    assert {expect.recording for expect in talk.take(signals.ExpectProgress, talk.said[-30:])} >= {True}


def test_pausing_twice_and_resuming_twice_are_errors_that_name_the_state(talk: Conversation) -> None:
    talk.run()
    talk.paused()
    talk.pause()
    reply = talk.reply()
    assert isinstance(reply, ErrorReply)
    assert (reply.code, "paused" in reply.message) == (ErrorCode.WRONG_STATE, True)
    talk.resume()
    talk.confirm(Step.RESUME)
    talk.resume()
    reply = talk.reply()
    assert isinstance(reply, ErrorReply)
    assert "active" in reply.message


# -- markers, clock, stop -------------------------------------------------------------------------------------------


def test_a_marker_is_told_only_when_it_is_durable(talk: Conversation) -> None:
    talk.run()
    talk.later(950)
    talk.say(signals.MarkAsked(ask=talk.ask(), text="hm", now_ns=talk.now_ns))
    (order,) = talk.take(signals.OrderStore)
    assert not talk.take(signals.Publish)
    talk.say(signals.StoreAnswered(step=order.step, mark=order.mark, ask=order.ask, now_ns=talk.now_ns, error=None))
    reply = talk.reply()
    assert isinstance(reply, SessionChanged)
    assert reply.marker_at_s == pytest.approx(1.0)
    assert talk.take(signals.Publish) == [signals.Publish(event=MarkerAdded(session="s1", at_s=1.0, text="hm"))]


def test_a_marker_the_store_refused_is_an_error(talk: Conversation) -> None:
    talk.run()
    talk.say(signals.MarkAsked(ask=talk.ask(), text="hm", now_ns=talk.now_ns))
    (order,) = talk.take(signals.OrderStore)
    talk.say(signals.StoreAnswered(step=order.step, mark=order.mark, ask=order.ask, now_ns=0, error=LOST))
    assert talk.reply() == LOST
    assert not talk.take(signals.Publish)


def test_the_civil_clock_is_recorded_when_it_jumps_and_only_then(talk: Conversation) -> None:
    talk.run()
    offset_ns = WALL_NS - (START_NS + 5 * NS_PER_MS)
    talk.later(1000)
    talk.say(signals.ClockRead(wall_ns=talk.now_ns + offset_ns + NS_PER_S // 4, now_ns=talk.now_ns))
    assert not talk.heard
    talk.say(signals.ClockRead(wall_ns=talk.now_ns + offset_ns + 3600 * NS_PER_S, now_ns=talk.now_ns))
    (jump,) = [command.order for command in talk.take(signals.OrderStore)]
    assert isinstance(jump, RecordClockJump)
    assert jump.wall_ns == talk.now_ns + offset_ns + 3600 * NS_PER_S
    talk.later(1000)
    talk.say(signals.ClockRead(wall_ns=talk.now_ns + offset_ns + 3600 * NS_PER_S, now_ns=talk.now_ns))
    assert not talk.heard


def stop_and_read(talk: Conversation) -> Any:
    talk.stop()
    for service in Service:
        talk.answered(service, Step.STOP)
    talk.stored(Step.FINISH)
    talk.say(signals.SessionRead(session=finished("s1"), now_ns=talk.now_ns))
    return talk.reply()


def test_a_stop_drains_both_then_finishes_then_answers(talk: Conversation) -> None:
    talk.run()
    talk.later(2000)
    reply = stop_and_read(talk)
    assert isinstance(reply, SessionStopped)
    assert reply.state == SessionState.COMPLETED
    (finish,) = talk.orders(Step.FINISH)
    assert finish.end_ns == 2050 * NS_PER_MS
    assert talk.states()[-3:] == [SessionState.ENDING, SessionState.PERSISTING, SessionState.COMPLETED]
    assert talk.core.state == SessionState.IDLE
    assert talk.core.brief(talk.now_ns) is None
    assert talk.take(signals.KeepSession) == [signals.KeepSession(session=None)]


def test_a_stop_in_a_pause_ends_where_the_pause_began(talk: Conversation) -> None:
    talk.run()
    talk.paused()
    talk.later(5000)
    stop_and_read(talk)
    (finish,) = talk.orders(Step.FINISH)
    assert finish.end_ns == (1050 + 30) * NS_PER_MS


def test_a_worker_lost_while_it_drains_does_not_hold_the_stop_up(talk: Conversation) -> None:
    talk.run()
    talk.stop()
    talk.lost(Service.VIDEO)
    assert not talk.take(signals.Claim)
    talk.answered(Service.AUDIO, Step.STOP)
    assert talk.core.state == SessionState.PERSISTING


def test_stop_without_a_session_and_stop_twice_are_errors(talk: Conversation) -> None:
    talk.stop()
    reply = talk.reply()
    assert isinstance(reply, ErrorReply)
    assert (reply.code, "idle" in reply.message) == (ErrorCode.WRONG_STATE, True)
    talk.run()
    talk.stop()
    talk.stop()
    reply = talk.reply()
    assert isinstance(reply, ErrorReply)
    assert "ending" in reply.message


def test_a_session_that_cannot_be_finished_or_read_says_so(talk: Conversation) -> None:
    talk.run()
    talk.stop()
    for service in Service:
        talk.answered(service, Step.STOP)
    talk.stored(Step.FINISH, LOST)
    assert talk.reply() == LOST
    assert talk.core.state == SessionState.IDLE
    talk.run()
    talk.stop()
    for service in Service:
        talk.answered(service, Step.STOP)
    talk.stored(Step.FINISH)
    talk.say(signals.SessionRead(session=BROKEN, now_ns=talk.now_ns))
    assert talk.reply() == BROKEN
    assert talk.core.state == SessionState.IDLE


def test_the_next_session_starts_afresh(talk: Conversation) -> None:
    talk.run()
    stop_and_read(talk)
    talk.say(signals.RetryDue(service=Service.VIDEO, session="s1", now_ns=talk.now_ns))
    assert not talk.heard
    talk.run()
    assert isinstance(talk.reply(), SessionStarted)


def test_without_a_store_the_session_ends_in_error_and_everybody_is_answered(talk: Conversation) -> None:
    talk.run()
    talk.pause()
    talk.say(signals.StoreGivenUp(reason="disk", now_ns=talk.now_ns))
    reply = talk.reply()
    assert isinstance(reply, ErrorReply)
    assert reply.code == ErrorCode.WORKER_LOST
    assert talk.core.state == SessionState.IDLE
    assert {release.service for release in talk.take(signals.Release)} == set(Service)
