"""Changing the sound while it is recorded. Harm guarded against: a mute that is forgotten when a worker is replaced, a
change that somebody is told of and that nobody can render later, or one that ends the recording."""

from typing import Any

import pytest

from reeld.config import Config
from reeld.sessions import signals
from reeld.sessions.signals import Service, Step
from reeld.sessions.sounds import usual_graph
from reeld_proto.commands import ErrorReply, SoundAdjusted, Sources, StartSession
from reeld_proto.errors import ErrorCode
from reeld_proto.records import SessionState
from reeld_proto.sound_graph import CompressorNode, SoundChange, SoundCodec, SoundGraph, TrackNode
from reeld_proto.workers import (
    AdjustTracks,
    CreateSession,
    EditGraph,
    RecordAutomation,
    RecordGraph,
    StartAudio,
)
from tests.daemon.sessions.conversation import BROKEN, LOST, SOUNDS, START_NS, TIMEOUT, Conversation

MUTE = [SoundChange(node="mic-volume", setting="muted", value=True)]
QUIET = [SoundChange(node="mic-volume", setting="gain_db", value=-6.0)]


@pytest.fixture
def talk() -> Conversation:
    made = Conversation()
    made.run()
    return made


def adjust(talk: Conversation, changes: list[SoundChange]) -> int:
    ask = talk.ask()
    talk.say(signals.AdjustAsked(ask=ask, changes=changes, now_ns=talk.now_ns))
    return ask


def edit(talk: Conversation, graph: SoundGraph, listed: Sources | ErrorReply | None = SOUNDS) -> int:
    ask = talk.ask()
    talk.say(signals.EditAsked(ask=ask, graph=graph, listed=listed, now_ns=talk.now_ns))
    return ask


def order(talk: Conversation) -> Any:
    (made,) = talk.take(signals.OrderService)
    assert (made.service, made.step) == (Service.AUDIO, Step.STEER)
    return made.order


def obeyed(talk: Conversation, ask: int, error: ErrorReply | None = None, epoch: int = 1) -> None:
    event = signals.ServiceAnswered(
        service=Service.AUDIO, epoch=epoch, step=Step.STEER, error=error, ask=ask, now_ns=talk.now_ns
    )
    talk.say(event)


def kept(talk: Conversation, ask: int, error: ErrorReply | None = None) -> None:
    talk.say(signals.StoreAnswered(step=Step.STEER, error=error, ask=ask, now_ns=talk.now_ns))


def record(talk: Conversation) -> Any:
    (made,) = talk.take(signals.OrderStore)
    assert made.step == Step.STEER
    return made.order


def graph_now(talk: Conversation) -> SoundGraph:
    """What a worker that takes over is given."""
    talk.lost(Service.AUDIO)
    live = talk.core.live
    assert live is not None
    talk.claimed(Service.AUDIO, live.services[Service.AUDIO].epoch)
    (start,) = talk.take(signals.StartService)
    assert isinstance(start.order, StartAudio)
    return start.order.graph


def value(graph: SoundGraph, setting: str, node: str = "mic-volume") -> Any:
    return getattr(next(each for each in graph.nodes if each.name == node), setting)


def wide() -> SoundGraph:
    """Another graph with the same tracks."""
    nodes = [node for node in usual_graph().nodes if node.name != "mic"]
    squeezed = CompressorNode(name="squeeze", inputs=["mic-voice"])
    return SoundGraph(nodes=[*nodes, squeezed, TrackNode(name="mic", inputs=["squeeze"], codec=SoundCodec.OPUS)])


def test_the_worker_and_the_store_are_given_the_graph_at_the_start(talk: Conversation) -> None:
    orders = [c.order for c in talk.said if isinstance(c, signals.StartService | signals.OrderStore)]
    (start,) = (order for order in orders if isinstance(order, StartAudio))
    (create,) = (order for order in orders if isinstance(order, CreateSession))
    assert start.graph == create.sound == usual_graph()
    assert start.devices == {"mic-in": "virtual_mic", "system-in": "speakers.monitor"}
    silent = Conversation()
    silent.start(StartSession(microphone="none", system_audio="none"))
    (bare,) = silent.orders(Step.CREATE)
    assert bare.sound is None


def test_a_change_holds_from_the_arrival_of_its_command_on_and_is_answered_when_it_is_durable(
    talk: Conversation,
) -> None:
    talk.later(1000)
    ask = adjust(talk, MUTE)
    assert order(talk) == AdjustTracks(at_ns=talk.now_ns, changes=MUTE)
    asked_ns = talk.now_ns
    talk.later(40)
    obeyed(talk, ask)
    media_ns = asked_ns - START_NS - 5_000_000
    assert record(talk) == RecordAutomation(session="s1", media_ns=media_ns, changes=MUTE)
    assert not talk.take(signals.Answer)
    kept(talk, ask)
    assert talk.reply() == SoundAdjusted(session="s1", state=SessionState.ACTIVE, at_s=media_ns / 1e9, changes=MUTE)


def test_a_worker_that_takes_over_begins_with_the_change(talk: Conversation) -> None:
    """Harm: the voice that was muted is recorded again."""
    adjust(talk, MUTE)
    assert value(graph_now(talk), "muted") is True


def test_several_changes_may_be_under_way_and_each_is_answered(talk: Conversation) -> None:
    """Harm: a slider that is moved is refused at every other step."""
    first, second = adjust(talk, MUTE), adjust(talk, QUIET)
    obeyed(talk, first)
    assert record(talk).changes == MUTE
    obeyed(talk, second)
    kept(talk, second)
    assert isinstance(talk.reply(), SoundAdjusted)
    kept(talk, first)
    assert isinstance(talk.reply(), SoundAdjusted)
    graph = graph_now(talk)
    assert (value(graph, "muted"), value(graph, "gain_db")) == (True, -6.0)


def test_a_change_that_cannot_be_is_refused_and_nothing_is_ordered(talk: Conversation) -> None:
    adjust(talk, [SoundChange(node="mic-volume", setting="gain_db", value=99.0)])
    reply = talk.reply()
    assert isinstance(reply, ErrorReply)
    assert reply.code == ErrorCode.INVALID_REQUEST
    assert not talk.take(signals.OrderService)
    assert graph_now(talk) == usual_graph()


def test_a_worker_that_refuses_goes_on_and_the_plan_is_what_it_records(talk: Conversation) -> None:
    first, second = adjust(talk, MUTE), adjust(talk, QUIET)
    obeyed(talk, first, BROKEN)
    assert talk.reply() == BROKEN
    assert not talk.take(signals.Distrust)
    assert not talk.take(signals.OrderStore)
    obeyed(talk, second)
    graph = graph_now(talk)
    assert (value(graph, "muted"), value(graph, "gain_db")) == (False, -6.0)


@pytest.mark.parametrize(("error", "distrusted"), [(TIMEOUT, 1), (LOST, 1)])
def test_a_worker_that_does_not_mute_in_time_is_replaced_by_one_that_does(
    talk: Conversation, error: ErrorReply, distrusted: int
) -> None:
    ask = adjust(talk, MUTE)
    obeyed(talk, ask, error)
    assert len(talk.take(signals.Distrust)) == distrusted
    assert record(talk).changes == MUTE
    assert value(graph_now(talk), "muted") is True


def test_the_answer_of_a_worker_already_replaced_ends_nobody(talk: Conversation) -> None:
    ask = adjust(talk, MUTE)
    talk.lost(Service.AUDIO)
    obeyed(talk, ask, LOST)
    assert not talk.take(signals.Distrust)
    assert record(talk).changes == MUTE


def test_without_a_worker_a_change_waits_for_the_next_one_and_is_kept(talk: Conversation) -> None:
    talk.lost(Service.AUDIO)
    ask = adjust(talk, MUTE)
    assert not talk.take(signals.OrderService)
    assert record(talk).changes == MUTE
    kept(talk, ask)
    assert isinstance(talk.reply(), SoundAdjusted)
    talk.claimed(Service.AUDIO, 2)
    (start,) = talk.take(signals.StartService)
    assert isinstance(start.order, StartAudio)
    assert value(start.order.graph, "muted") is True


def test_what_the_store_did_not_keep_is_an_error(talk: Conversation) -> None:
    ask = adjust(talk, MUTE)
    obeyed(talk, ask)
    kept(talk, ask, BROKEN)
    assert talk.reply() == BROKEN


def test_in_a_pause_a_change_holds_from_where_the_pause_lies(talk: Conversation) -> None:
    talk.paused()
    talk.later(1000)
    obeyed(talk, adjust(talk, MUTE))
    first_ns = record(talk).media_ns
    talk.later(5000)
    obeyed(talk, adjust(talk, QUIET))
    assert record(talk).media_ns == first_ns


def test_nothing_can_be_changed_where_no_sound_is_recorded() -> None:
    talk = Conversation()
    adjust(talk, MUTE)
    idle = talk.reply()
    assert isinstance(idle, ErrorReply)
    assert (idle.code, idle.remedy) == (ErrorCode.WRONG_STATE, "Start a session first.")
    talk.start(StartSession(microphone="none", system_audio="none"))
    talk.claimed(Service.VIDEO)
    talk.stored(Step.CREATE)
    talk.started(Service.VIDEO)
    for number in range(2):
        _ = edit(talk, wide()) if number else adjust(talk, MUTE)
        reply = talk.reply()
        assert isinstance(reply, ErrorReply)
        assert "no sound is being recorded" in reply.message


# -- another graph ----------------------------------------------------------------------------------------------------


def test_another_graph_is_ordered_with_its_devices_and_kept(talk: Conversation) -> None:
    talk.later(1000)
    ask = edit(talk, wide())
    assert order(talk) == EditGraph(
        at_ns=talk.now_ns, graph=wide(), devices={"mic-in": "virtual_mic", "system-in": "speakers.monitor"}
    )
    obeyed(talk, ask)
    made = record(talk)
    assert isinstance(made, RecordGraph)
    assert made.graph == wide()
    kept(talk, ask)
    reply = talk.reply()
    assert isinstance(reply, SoundAdjusted)
    assert reply.changes == []
    assert graph_now(talk) == wide()


def test_a_worker_that_refuses_another_graph_keeps_the_one_it_has(talk: Conversation) -> None:
    adjust(talk, QUIET)
    ask = edit(talk, wide())
    obeyed(talk, ask, BROKEN)
    assert talk.reply() == BROKEN
    graph = graph_now(talk)
    assert "squeeze" not in {node.name for node in graph.nodes}
    assert value(graph, "gain_db") == -6.0


def test_while_the_graph_is_being_changed_nothing_else_is(talk: Conversation) -> None:
    ask = edit(talk, wide())
    for number in range(2):
        _ = edit(talk, usual_graph()) if number else adjust(talk, MUTE)
        reply = talk.reply()
        assert isinstance(reply, ErrorReply)
        assert reply.code == ErrorCode.WRONG_STATE
    obeyed(talk, ask)
    kept(talk, ask)
    adjust(talk, [SoundChange(node="squeeze", setting="ratio", value=2.0)])
    assert order(talk).changes[0].node == "squeeze"


def test_another_graph_that_makes_no_sense_is_refused_with_every_fault(talk: Conversation) -> None:
    edit(talk, SoundGraph(nodes=[TrackNode(name="other", inputs=["nothing"])]))
    reply = talk.reply()
    assert isinstance(reply, ErrorReply)
    assert len(reply.faults) > 3
    assert graph_now(talk) == usual_graph()


def test_a_change_may_still_be_on_its_way_when_the_session_ends(talk: Conversation) -> None:
    ask = adjust(talk, MUTE)
    talk.stop()
    obeyed(talk, ask)
    assert record(talk).changes == MUTE
    talk.confirm(Step.STOP)
    talk.stored(Step.FINISH)
    kept(talk, ask)
    assert isinstance(talk.reply(), SoundAdjusted)


def test_a_configured_graph_is_what_is_changed() -> None:
    talk = Conversation(Config(audio=wide()))
    talk.run()
    adjust(talk, [SoundChange(node="squeeze", setting="threshold_db", value=-30.0)])
    assert value(graph_now(talk), "threshold_db", "squeeze") == -30.0
