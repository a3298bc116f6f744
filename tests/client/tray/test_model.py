"""What the tray believes after what it was told."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from reeld_client.tray.model import QUIET_S, RUNNING, TEXT_MAX, TROUBLE_S, Face, TrayModel
from reeld_proto.commands import Snapshot, Status
from reeld_proto.errors import DeviceTrouble, ErrorCode
from reeld_proto.events import AnyEvent, PrivateModeChanged, SessionStateChanged, TroubleReported, WorkerStateChanged
from reeld_proto.records import DaemonInfo, SessionBrief, SessionState, WorkerInfo, WorkerState
from tests.client.fake_reeld import SESSION, STATS
from tests.proto.messages import messages, structs


def snapshot(state: SessionState | None = None, *, private: bool = False, worker: str = "running") -> Snapshot:
    """What a daemon in this state says; the session is 65 s long."""
    session = None if state is None else SessionBrief(id=SESSION, name="stand-up", state=state, elapsed_s=65.0)
    status = Status(
        daemon=DaemonInfo(pid=7, version="0.1.0", uptime_s=1.0),
        workers=[WorkerInfo(name="capture-1", pid=11, state=WorkerState(worker))],
        session=session,
        private=private,
    )
    return Snapshot(event_seq=3, status=status, stats=replace(STATS, session=session))


def model(state: SessionState | None = None, *, private: bool = False) -> TrayModel:
    """A model that has just seen this, at 10 s."""
    made = TrayModel()
    made.see(snapshot(state, private=private), 10.0)
    return made


def changed(state: SessionState, reason: str = "", elapsed_s: float = 65.0) -> SessionStateChanged:
    """The session entered `state`."""
    return SessionStateChanged(session=SESSION, name="stand-up", state=state, elapsed_s=elapsed_s, reason=reason)


def trouble(code: str, track: str = "mic", message: str = "unplugged") -> TroubleReported:
    """A trouble with a track."""
    return TroubleReported(worker="audio-1", code=code, message=message, track=track)


@pytest.mark.parametrize("state", [None, SessionState.ACTIVE])
def test_private_mode_that_somebody_else_switched_shows_at_once(state: SessionState | None) -> None:
    """Harm: an icon that says that a screen is recorded, or is not, when the contrary is so."""
    tray = model(state)
    before = tray.face(10.0)
    tray.see(PrivateModeChanged(private=True), 11.0)
    assert tray.face(11.0) is Face.PRIVATE
    tray.see(PrivateModeChanged(private=False), 12.0)
    assert tray.face(12.0) is before


@pytest.mark.parametrize(
    ("state", "face"),
    [
        (None, Face.IDLE),
        (SessionState.STARTING, Face.IDLE),
        (SessionState.ACTIVE, Face.RECORDING),
        (SessionState.PARTIAL, Face.ATTENTION),
        (SessionState.ENDING, Face.RECORDING),
        (SessionState.PAUSING, Face.RECORDING),
        (SessionState.PAUSED, Face.PAUSED),
        (SessionState.RESUMING, Face.RECORDING),
        (SessionState.COMPLETED, Face.IDLE),
    ],
)
def test_every_state_has_its_face(state: SessionState | None, face: Face) -> None:
    assert model(state).face(10.0) is face


def test_before_a_daemon_was_heard_none_is_shown() -> None:
    assert TrayModel().face(0.0) is Face.NO_DAEMON
    assert TrayModel().headline(0.0) == "reeld is not running"


def test_private_mode_is_never_hidden_by_anything_else() -> None:
    one = model(SessionState.ACTIVE, private=True)
    one.see(trouble(DeviceTrouble.LOST), 11.0)
    assert one.face(11.0) is Face.PRIVATE
    assert "nothing is recorded" in one.headline(11.0)
    assert "unplugged" in one.tooltip(11.0)


def test_time_goes_on_between_snapshots_only_while_recording() -> None:
    assert model(SessionState.ACTIVE).headline(70.0) == "Recording 2:05, 2.30 MB"
    assert model(SessionState.PAUSED).headline(70.0) == "Paused 1:05, 2.30 MB"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (SessionState.VALIDATING, "Starting\N{HORIZONTAL ELLIPSIS}"),
        (SessionState.PARTIAL, "Recording 1:05, 2.30 MB"),
        (SessionState.PAUSING, "Pausing 1:05, 2.30 MB"),
        (SessionState.RESUMING, "Resuming 1:05, 2.30 MB"),
        (SessionState.PERSISTING, "Finishing 1:05, 2.30 MB"),
    ],
)
def test_words_say_what_is_under_way(state: SessionState, words: str) -> None:
    assert model(state).headline(10.0) == words


def test_the_size_of_another_session_is_not_shown() -> None:
    one = model(SessionState.ACTIVE)
    other = SessionStateChanged(session="other", name="o", state=SessionState.ACTIVE, elapsed_s=0.0)
    one.see(other, 11.0)
    assert one.headline(11.0) == "Recording 0:00"


def test_a_lost_device_is_told_once_and_shown_until_it_is_back() -> None:
    one = model(SessionState.ACTIVE)
    (notice,) = one.see(trouble(DeviceTrouble.LOST), 11.0)
    assert notice.text == "mic: unplugged"
    assert one.see(trouble(DeviceTrouble.LOST), 12.0) == []
    assert one.face(11.0 + 10 * TROUBLE_S) is Face.ATTENTION
    one.see(trouble(DeviceTrouble.BACK, track="system"), 13.0)
    assert one.face(13.0) is Face.ATTENTION, "another device is back"
    one.see(trouble(DeviceTrouble.BACK), 14.0)
    assert one.face(14.0) is Face.RECORDING


def test_a_lost_device_is_forgotten_with_its_session() -> None:
    one = model(SessionState.ACTIVE)
    one.see(trouble(DeviceTrouble.LOST), 11.0)
    one.see(changed(SessionState.COMPLETED), 12.0)
    assert one.face(12.0) is Face.IDLE


def test_trouble_with_the_disk_is_told_again_but_not_every_second() -> None:
    one = model(SessionState.ACTIVE)
    assert len(one.see(trouble(ErrorCode.DISK_FULL, "", "1 GB left"), 10.0)) == 1
    assert one.see(trouble(ErrorCode.DISK_FULL, "", "1 GB left"), 10.0 + QUIET_S / 2) == []
    assert len(one.see(trouble(ErrorCode.DISK_FULL, "", "0.9 GB left"), 10.0 + 2 * QUIET_S)) == 1
    assert one.troubles(10.0 + 2 * QUIET_S) == ["audio-1: 0.9 GB left"]
    assert one.troubles(11.0 + 2 * QUIET_S + TROUBLE_S) == []


def test_a_worker_that_ends_is_told_once_and_without_its_name_twice() -> None:
    one = model(SessionState.ACTIVE)
    one.see(WorkerStateChanged(name="audio-1", pid=3, state=WorkerState.FAILED, reason="killed"), 11.0)
    lost = TroubleReported(worker="audio-1", code=ErrorCode.WORKER_LOST, message="audio-1: killed by SIGKILL")
    assert [notice.text for notice in one.see(lost, 11.0)] == ["audio-1: killed by SIGKILL"]
    assert one.troubles(11.0) == ["audio-1: killed by SIGKILL"]


def test_a_worker_that_was_given_up_is_shown_until_it_works_again() -> None:
    one = model()
    one.see(snapshot(worker="failed"), 12.0)
    assert one.troubles(12.0) == ["capture-1 failed and was given up"]
    one.see(TroubleReported(worker="capture-1", code=ErrorCode.WORKER_LOST, message="too many restarts"), 12.0)
    assert one.troubles(12.0) == ["capture-1: too many restarts"], "once is enough"
    one.see(snapshot(), 13.0)
    assert one.face(13.0 + TROUBLE_S) is Face.IDLE


def test_a_partial_recording_is_told_with_its_reason() -> None:
    one = model(SessionState.ACTIVE)
    (notice,) = one.see(changed(SessionState.PARTIAL, "no sound"), 11.0)
    assert (notice.title, notice.text) == ("Only a part is recorded", "no sound")
    assert one.see(changed(SessionState.PARTIAL, "no sound"), 12.0) == []
    assert one.face(12.0) is Face.ATTENTION
    one.see(changed(SessionState.ACTIVE), 13.0)
    assert one.face(13.0) is Face.RECORDING


def test_a_snapshot_that_overtakes_the_event_does_not_silence_it() -> None:
    one = model(SessionState.PARTIAL)
    assert len(one.see(changed(SessionState.PARTIAL, "no sound"), 11.0)) == 1


def test_troubles_of_one_track_are_all_shown() -> None:
    one = model(SessionState.ACTIVE)
    one.see(trouble(DeviceTrouble.LOST), 11.0)
    one.see(trouble(ErrorCode.DISK_SLOW, message="the disk is slow"), 11.0)
    assert one.troubles(11.0) == ["mic: unplugged", "mic: the disk is slow"]


@pytest.mark.parametrize("state", [SessionState.ERROR, SessionState.INTERRUPTED])
def test_a_recording_that_ended_badly_is_told(state: SessionState) -> None:
    (notice,) = model(SessionState.ACTIVE).see(changed(state, "disk full"), 11.0)
    assert notice.text == "disk full"


def test_a_recording_that_a_person_stopped_makes_no_noise() -> None:
    one = model(SessionState.ACTIVE)
    assert one.see(changed(SessionState.COMPLETED), 11.0) == []
    assert one.session is None
    assert one.see(changed(SessionState.COMPLETED, "the daemon is stopping"), 11.0)


def test_a_daemon_that_goes_is_told_only_when_it_was_recording() -> None:
    assert model().lose() == []
    one = model(SessionState.ACTIVE)
    one.see(trouble(DeviceTrouble.LOST), 11.0)
    assert one.lose()[0].title == "Not recording"
    assert one == TrayModel(_elapsed_at_s=10.0), "nothing of what was known still holds"
    assert one.lose() == []


def test_names_and_messages_of_others_cannot_break_the_lines() -> None:
    one = model()
    one.see(SessionStateChanged(session="s", name="a\nb\x1b[2J", state=SessionState.ACTIVE, elapsed_s=0.0), 10.0)
    one.see(trouble("x", message="long" * TEXT_MAX), 10.0)
    lines = one.tooltip(10.0).splitlines()
    assert len(lines) == 3
    assert all(line.isprintable() and len(line) <= TEXT_MAX + 10 for line in lines)


@settings(max_examples=50)
@given(st.lists(st.one_of(messages(AnyEvent), structs(Snapshot), st.none()), max_size=12), st.floats(0, 1e6))
def test_whatever_comes_there_is_something_to_show(items: list[AnyEvent | Snapshot | None], now_s: float) -> None:
    one = TrayModel()
    for item in items:
        notices = one.lose() if item is None else one.see(item, now_s)
        assert all(notice.title for notice in notices)
        assert isinstance(one.face(now_s), Face)
        assert one.headline(now_s)
        assert "\n" not in one.headline(now_s)
        assert (one.face(now_s) is Face.NO_DAEMON) == (item is None)
        if one.face(now_s) is Face.RECORDING and one.session is not None and one.session.state in RUNNING:
            assert not one.is_private
