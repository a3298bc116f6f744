"""Changing the picture while it is recorded. Harm guarded against: a person who asks for a grid loses the recording, or
is told that it is there when it is not."""

from typing import Any

import pytest

from reeld.sessions import signals
from reeld.sessions.signals import Service, Step
from reeld_proto.commands import ArrangePictures, ErrorReply, PictureArranged, Sources, StartSession
from reeld_proto.errors import ErrorCode
from reeld_proto.records import Corner, InsetSize, Layout, SessionState, SourceKind
from reeld_proto.workers import ArrangePicture, StartVideo
from tests.daemon.sessions.conversation import BROKEN, PICTURES, TIMEOUT, Conversation


@pytest.fixture
def talk() -> Conversation:
    made = Conversation()
    made.run()
    return made


def ask(talk: Conversation, listed: Sources | None = None, **options: Any) -> int:
    number = talk.ask()
    request = ArrangePictures(**options)
    talk.say(signals.ArrangeAsked(ask=number, request=request, listed=listed, now_ns=talk.now_ns))
    return number


def order(talk: Conversation) -> ArrangePicture:
    (made,) = talk.take(signals.OrderService)
    assert made.step == Step.ARRANGE
    assert isinstance(made.order, ArrangePicture)
    return made.order


def refusal(talk: Conversation) -> ErrorReply:
    reply = talk.reply()
    assert isinstance(reply, ErrorReply)
    return reply


def test_a_layout_is_ordered_and_answered_when_the_worker_shows_it(talk: Conversation) -> None:
    ask(talk, layout=Layout.SIDE_BY_SIDE)
    made = order(talk)
    assert (made.track, made.arrangement.layout) == ("video-1", Layout.SIDE_BY_SIDE)
    assert [source.id for source in made.sources] == ["LEFT", "RIGHT"]
    talk.answered(Service.VIDEO, Step.ARRANGE)
    assert talk.reply() == PictureArranged(
        session="s1", state=SessionState.ACTIVE, layout=Layout.SIDE_BY_SIDE, sources=["LEFT", "RIGHT"]
    )


def test_what_is_not_said_stays_as_it_is(talk: Conversation) -> None:
    ask(talk, layout=Layout.PIP, corner=Corner.TOP_LEFT, inset=InsetSize.LARGE)
    talk.answered(Service.VIDEO, Step.ARRANGE)
    ask(talk, columns=2)
    made = order(talk).arrangement
    assert (made.layout, made.columns, made.corner, made.inset) == (Layout.PIP, 2, Corner.TOP_LEFT, InsetSize.LARGE)


def test_a_worker_that_takes_over_shows_the_present_picture(talk: Conversation) -> None:
    ask(talk, layout=Layout.SIDE_BY_SIDE)
    talk.answered(Service.VIDEO, Step.ARRANGE)
    talk.lost(Service.VIDEO)
    talk.claimed(Service.VIDEO, 2)
    (start,) = talk.take(signals.StartService)
    assert isinstance(start.order, StartVideo)
    assert start.order.tracks[0].arrangement.layout is Layout.SIDE_BY_SIDE


def test_sources_are_added_removed_and_swapped(talk: Conversation) -> None:
    ask(talk, PICTURES, add_test_patterns=["1280x720"], remove=["RIGHT"])
    made = order(talk)
    assert [(source.kind, source.id) for source in made.sources] == [
        (SourceKind.DISPLAY, "LEFT"),
        (SourceKind.TEST, "test-1"),
    ]
    talk.answered(Service.VIDEO, Step.ARRANGE)
    ask(talk, remove=["test-1"])
    assert [source.id for source in order(talk).sources] == ["LEFT"]
    assert order(talk).arrangement.layout is Layout.PASSTHROUGH


def test_one_source_becomes_a_grid_when_another_joins() -> None:
    talk = Conversation()
    talk.start(StartSession(displays=["LEFT"], microphone="none", system_audio="none"))
    talk.claimed(Service.VIDEO)
    talk.stored(Step.CREATE)
    talk.started(Service.VIDEO)
    ask(talk, PICTURES, add_displays=["RIGHT"])
    assert order(talk).arrangement.layout is Layout.GRID


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        ({"layout": Layout.TRACKS}, ErrorCode.INVALID_REQUEST, "tracks of their own"),
        ({"layout": Layout.PASSTHROUGH}, ErrorCode.INVALID_REQUEST, "shows one source, not 2"),
        ({"columns": 9}, ErrorCode.INVALID_REQUEST, "columns is 9"),
        ({"remove": ["LEFT", "RIGHT"]}, ErrorCode.INVALID_REQUEST, "one source at least"),
        ({"remove": ["MIDDLE"]}, ErrorCode.NOT_FOUND, "MIDDLE"),
        ({"add_displays": ["MIDDLE"]}, ErrorCode.NOT_FOUND, "MIDDLE"),
    ],
)
def test_what_cannot_be_shown_is_refused_and_nothing_changes(
    talk: Conversation, options: dict[str, Any], code: ErrorCode, word: str
) -> None:
    ask(talk, PICTURES, **options)
    assert refusal(talk).code == code
    assert word in refusal(talk).message
    assert not talk.take(signals.OrderService)
    ask(talk, layout=Layout.SIDE_BY_SIDE)
    assert [source.id for source in order(talk).sources] == ["LEFT", "RIGHT"]


def test_a_worker_that_refuses_keeps_recording(talk: Conversation) -> None:
    """Harm: a camera that is not there ends the recording of the screens."""
    ask(talk, layout=Layout.SIDE_BY_SIDE)
    talk.answered(Service.VIDEO, Step.ARRANGE, error=BROKEN)
    assert refusal(talk) == BROKEN
    assert not talk.take(signals.Distrust)
    ask(talk, columns=1)
    assert order(talk).arrangement.layout is Layout.GRID


def test_a_worker_that_does_not_answer_is_replaced(talk: Conversation) -> None:
    ask(talk, layout=Layout.SIDE_BY_SIDE)
    talk.answered(Service.VIDEO, Step.ARRANGE, error=TIMEOUT)
    assert talk.take(signals.Distrust)
    assert refusal(talk).code == ErrorCode.TIMEOUT


def test_one_change_at_a_time(talk: Conversation) -> None:
    ask(talk, layout=Layout.SIDE_BY_SIDE)
    ask(talk, columns=1)
    assert refusal(talk).code == ErrorCode.WRONG_STATE


def test_whoever_asked_is_answered_when_the_session_ends_meanwhile(talk: Conversation) -> None:
    """Harm: a client waits until its time-out for an answer that nobody will give."""
    asked = ask(talk, layout=Layout.SIDE_BY_SIDE)
    talk.core.live = None
    talk.answered(Service.VIDEO, Step.ARRANGE)
    (answer,) = talk.take(signals.Answer)
    assert answer.ask == asked
    assert refusal(talk).code == ErrorCode.WRONG_STATE


def test_without_a_session_or_a_picture_it_is_refused_with_the_reason() -> None:
    talk = Conversation()
    ask(talk, layout=Layout.GRID)
    assert refusal(talk).code == ErrorCode.WRONG_STATE
    talk.start(StartSession(displays=["none"], system_audio="none"))
    talk.claimed(Service.AUDIO)
    talk.stored(Step.CREATE)
    talk.started(Service.AUDIO)
    ask(talk, layout=Layout.GRID)
    assert "no picture" in refusal(talk).message


def test_separate_tracks_cannot_be_arranged() -> None:
    talk = Conversation()
    talk.start(StartSession(layout=Layout.TRACKS, microphone="none", system_audio="none"))
    talk.claimed(Service.VIDEO)
    talk.stored(Step.CREATE)
    talk.started(Service.VIDEO)
    ask(talk, layout=Layout.GRID)
    assert "a track of its own" in refusal(talk).message


def test_while_no_worker_has_the_picture_the_next_one_is_told(talk: Conversation) -> None:
    talk.failed(Service.VIDEO)
    ask(talk, layout=Layout.SIDE_BY_SIDE)
    assert isinstance(talk.reply(), PictureArranged)
    assert not talk.take(signals.OrderService)
