"""The tray follows a daemon that comes and goes, over real sockets, on a screen that only notes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reeld_client.tray import app
from reeld_client.tray.app import Tray
from reeld_client.tray.menu import Action
from reeld_client.tray.model import Face, Notice
from reeld_proto import commands as c
from reeld_proto.events import SessionStateChanged, TroubleReported
from reeld_proto.records import SessionState
from tests.client.fake_reeld import SESSION, FakeReeld, Server, serving
from tests.support.wait import until


class NotingScreen:
    """A `Screen` that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Notice] = []
        self.refreshed = 0
        self._over = threading.Event()

    def run(self) -> None:
        assert self._over.wait(30)

    def refresh(self) -> None:
        self.refreshed += 1

    def tell(self, notice: Notice) -> None:
        self.told.append(notice)

    def stop(self) -> None:
        self._over.set()


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RETRY_S", "LOOK_IDLE_S", "LOOK_RECORDING_S", "_LISTEN_S"):
        monkeypatch.setattr(app, name, 0.02)


@contextmanager
def running(runtime: Path) -> Iterator[tuple[Tray, NotingScreen]]:
    """A tray at `runtime`, ended as by its menu."""
    tray, screen = Tray(runtime), NotingScreen()
    thread = threading.Thread(target=tray.run, args=(screen,))
    thread.start()
    try:
        yield tray, screen
    finally:
        tray.choose(Action.QUIT)
        thread.join(10)
    assert not thread.is_alive()


def shows(tray: Tray, face: Face) -> Callable[[], bool]:
    """Whether the tray shows this."""
    return lambda: tray.face() is face


def test_the_daemon_may_come_go_and_come_again(runtime: Path, fake: FakeReeld) -> None:
    with running(runtime) as (tray, screen):
        until(lambda: screen.refreshed > 1)
        assert tray.face() is Face.NO_DAEMON
        fake.state = SessionState.ACTIVE
        with serving(fake, runtime):
            until(shows(tray, Face.RECORDING))
        until(shows(tray, Face.NO_DAEMON))
        assert [notice.title for notice in screen.told] == ["Not recording"]
        fake.state = SessionState.PAUSED
        with serving(fake, runtime):
            until(shows(tray, Face.PAUSED))


def test_what_is_chosen_is_done_and_seen_at_once(
    runtime: Path, fake: FakeReeld, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "LOOK_IDLE_S", 60.0)
    monkeypatch.setattr(app, "LOOK_RECORDING_S", 60.0)
    with running(runtime) as (tray, screen):
        until(shows(tray, Face.IDLE))
        for action, face in (
            (Action.START, Face.RECORDING),
            (Action.PAUSE, Face.PAUSED),
            (Action.PRIVATE_ON, Face.PRIVATE),
            (Action.PRIVATE_OFF, Face.PAUSED),
            (Action.STOP, Face.IDLE),
        ):
            tray.choose(action)
            until(shows(tray, face), what=f"{face} after {action}")
        tray.choose(Action.RESUME)
        until(lambda: screen.told)
    assert screen.told[0].title == "Could not go on"


def test_private_mode_switched_elsewhere_is_seen(runtime: Path, fake: FakeReeld, server: Server) -> None:
    """No event tells of it."""
    with running(runtime) as (tray, _):
        until(shows(tray, Face.IDLE))
        fake.private = True
        until(shows(tray, Face.PRIVATE))


def test_trouble_is_told_and_shown(runtime: Path, fake: FakeReeld, server: Server) -> None:
    fake.state = SessionState.ACTIVE
    with running(runtime) as (tray, screen):
        until(shows(tray, Face.RECORDING))
        until(lambda: {b"session", b"worker"} <= set(server.topics))
        server.publish(TroubleReported(worker="audio-1", code="device-lost", message="unplugged", track="mic"))
        until(shows(tray, Face.ATTENTION))
        until(lambda: [notice.text for notice in screen.told] == ["mic: unplugged"])
        assert any(entry.label == "! mic: unplugged" for entry in tray.entries())
        fake.state = None
        server.publish(SessionStateChanged(session=SESSION, name="n", state=SessionState.COMPLETED, elapsed_s=1.0))
        until(shows(tray, Face.IDLE))
        assert "Not recording" in tray.tooltip()


def test_the_daemon_counts_nothing_for_a_tray_that_idles(runtime: Path, server: Server) -> None:
    """It samples every process twice a second while anybody subscribes to `stats`."""
    with running(runtime) as (tray, _):
        until(shows(tray, Face.IDLE))
        until(lambda: server.topics)
        assert not any(topic == b"" or b"stats".startswith(topic) for topic in server.topics)


def test_a_daemon_that_hangs_in_a_stop_does_not_hold_the_tray(runtime: Path, fake: FakeReeld) -> None:
    fake.state = SessionState.ACTIVE
    fake.answers["session_stop"] = lambda _command: None
    with serving(fake, runtime), running(runtime) as (tray, _):
        until(shows(tray, Face.RECORDING))
        tray.choose(Action.STOP)
        until(lambda: fake.of(c.StopSession))
