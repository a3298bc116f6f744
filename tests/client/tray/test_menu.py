"""Which entries can be chosen."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld_client.tray.menu import Action, Entry, menu
from reeld_client.tray.model import TrayModel
from reeld_proto.commands import Snapshot
from reeld_proto.errors import DeviceTrouble
from reeld_proto.records import SessionState
from tests.client.tray.test_model import model, trouble
from tests.proto.messages import structs

ALWAYS = {Action.OPEN_FOLDER, Action.QUIT}
CONNECTED = ALWAYS | {Action.PLAY_LAST, Action.STORAGE}


def can(one: TrayModel) -> set[Action]:
    """What can be chosen."""
    return {entry.action for entry in menu(one, 10.0) if entry.can_be_chosen and entry.action is not None}


@pytest.mark.parametrize(
    ("state", "more"),
    [
        (None, {Action.START}),
        (SessionState.STARTING, set()),
        (SessionState.ACTIVE, {Action.PAUSE, Action.STOP, Action.MARK}),
        (SessionState.PARTIAL, {Action.PAUSE, Action.STOP, Action.MARK}),
        (SessionState.PAUSING, set()),
        (SessionState.PAUSED, {Action.RESUME, Action.STOP, Action.MARK}),
        (SessionState.PERSISTING, set()),
    ],
)
def test_only_what_the_state_allows_can_be_chosen(state: SessionState | None, more: set[Action]) -> None:
    assert can(model(state)) == CONNECTED | {Action.PRIVATE_ON} | more


def test_without_a_daemon_it_can_be_started() -> None:
    assert can(TrayModel()) == ALWAYS | {Action.START_DAEMON}
    assert Action.START_DAEMON not in can(model())


def test_private_mode_can_be_left_and_no_recording_be_started_in_it() -> None:
    one = model(private=True)
    assert can(one) == CONNECTED | {Action.PRIVATE_OFF}
    assert [entry.checked for entry in menu(one, 10.0) if entry.checked is not None] == [True]


def test_the_first_lines_say_how_it_is_and_what_is_wrong() -> None:
    one = model(SessionState.ACTIVE)
    one.see(trouble(DeviceTrouble.LOST), 10.0)
    assert menu(one, 10.0)[:2] == [Entry("Recording 1:05, 2.30 MB"), Entry("! mic: unplugged")]
    assert not any(entry.can_be_chosen for entry in menu(one, 10.0)[:2])


def test_quitting_says_that_the_recording_goes_on() -> None:
    assert menu(model(), 10.0)[-1].label == "Quit"
    assert menu(model(SessionState.PAUSED), 10.0)[-1].label == "Quit (recording goes on)"


@settings(max_examples=25)
@given(structs(Snapshot), st.floats(0, 1e6))
def test_nothing_that_the_daemon_must_refuse_is_offered(snapshot: Snapshot, now_s: float) -> None:
    one = TrayModel()
    one.see(snapshot, now_s)
    offered = can(one)
    assert offered >= CONNECTED
    assert len(offered & {Action.START, Action.PAUSE, Action.RESUME}) <= 1
    assert (Action.STOP in offered) == bool(offered & {Action.PAUSE, Action.RESUME})
    labels = [entry.label for entry in menu(one, now_s)]
    assert all("\n" not in label for label in labels)
