"""The shell around pystray, with a backend that has menus and no desktop."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from reeld_client.tray import native
from reeld_client.tray.menu import Action, Entry, menu
from reeld_client.tray.model import Face, Notice, TrayModel
from reeld_client.tray.native import NativeScreen
from reeld_proto.records import SessionState
from tests.client.tray.stand_ins import StandIns
from tests.client.tray.test_model import model


class StillTray:
    """A `Tray` whose model changes only when a test says so."""

    def __init__(self) -> None:
        self.model = TrayModel()
        self.chosen: list[Action] = []

    def face(self) -> Face:
        return self.model.face(10.0)

    def tooltip(self) -> str:
        return self.model.tooltip(10.0)

    def entries(self) -> list[Entry]:
        return menu(self.model, 10.0)

    def choose(self, action: Action) -> None:
        self.chosen.append(action)


@pytest.fixture
def pystray(monkeypatch: pytest.MonkeyPatch) -> Any:
    """pystray with its own Menu and Icon, but for the parts that every backend brings."""
    monkeypatch.setenv("PYSTRAY_BACKEND", "dummy")
    for name in [name for name in sys.modules if name.split(".")[0] == "pystray"]:
        monkeypatch.delitem(sys.modules, name)
    import pystray as module  # noqa: PLC0415 - it looks for a desktop when imported

    class Icon(module.Icon):  # type: ignore[misc]
        """Notes what a backend would draw."""

        menus = 0

        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.notified: list[tuple[str, str]] = []
            super().__init__(*arguments, **options)

        def _show(self) -> None: ...
        def _hide(self) -> None: ...
        def _update_title(self) -> None: ...
        def _update_icon(self) -> None:
            self._icon_valid = True

        def _update_menu(self) -> None:
            self.menus += 1

        def _notify(self, message: str, title: str) -> None:
            self.notified.append((title, message))

        def _run(self) -> None:
            self._mark_ready()
            self._setup_thread.join()

        def _stop(self) -> None: ...

    assert isinstance(module, ModuleType)
    return SimpleNamespace(Icon=Icon, Menu=module.Menu, MenuItem=module.MenuItem)


@pytest.fixture
def shown(pystray: Any) -> tuple[StillTray, NativeScreen, Any]:
    """A tray on a screen that runs."""
    tray = StillTray()
    screen = NativeScreen(tray, pystray)  # type: ignore[arg-type]
    screen.run()
    return tray, screen, screen._icon


def test_the_menu_is_the_one_of_the_model(shown: tuple[StillTray, NativeScreen, Any]) -> None:
    tray, _, icon = shown
    tray.model = model(SessionState.ACTIVE)
    items = {item.text: item for item in icon.menu if item.text}
    assert "Recording 1:05, 2.30 MB" in items
    assert items["Stop"].enabled
    assert not items["Resume"].enabled
    assert items["Private mode"].checked is False
    assert items["Stop"].checked is None
    items["Stop"](icon)
    assert tray.chosen == [Action.STOP]


def test_icon_and_tooltip_follow_the_state(shown: tuple[StillTray, NativeScreen, Any]) -> None:
    tray, screen, icon = shown
    before = icon.icon.tobytes()
    tray.model = model(private=True)
    screen.refresh()
    assert icon.icon.tobytes() != before
    assert icon.title == "Private: nothing is recorded"


def test_an_open_menu_is_not_replaced_for_the_time_alone(
    shown: tuple[StillTray, NativeScreen, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tray, screen, icon = shown
    tray.model = model(SessionState.ACTIVE)
    screen.refresh()
    made = icon.menus
    monkeypatch.setattr(StillTray, "entries", lambda tray: menu(tray.model, 11.0))
    screen.refresh()
    assert icon.menus == made
    monkeypatch.setattr(native, "_TIME_EVERY_S", 0.0)
    screen.refresh()
    assert icon.menus == made + 1
    tray.model = model(SessionState.PAUSED)
    monkeypatch.setattr(native, "_TIME_EVERY_S", 60.0)
    screen.refresh()
    assert icon.menus == made + 2


def test_trouble_is_a_notification_of_the_desktop(
    shown: tuple[StillTray, NativeScreen, Any], stand_ins: StandIns
) -> None:
    _, screen, icon = shown
    stand_ins.make("notify-send", status=1)
    screen.tell(Notice("title", "text"))
    assert icon.notified == [("title", "text")]


def test_a_desktop_without_notifications_does_not_end_the_tray(
    shown: tuple[StillTray, NativeScreen, Any], stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AppIndicator's backend of pystray raises then, when it notifies and again when it leaves."""
    _, screen, icon = shown
    stand_ins.make("notify-send", status=1)

    def raises(*_: Any) -> None:
        raise LookupError("org.freedesktop.Notifications was not provided")

    monkeypatch.setattr(icon, "_notify", raises)
    screen.tell(Notice("title", "text"))

    def leaves() -> None:
        icon._mark_ready()
        raises()

    monkeypatch.setattr(icon, "_run", leaves)
    with pytest.raises(LookupError):
        screen.run()
    screen.stop()
    screen.run()


def test_a_tray_stopped_before_it_runs_does_not_stay(pystray: Any) -> None:
    screen = NativeScreen(StillTray(), pystray)  # type: ignore[arg-type]
    screen.stop()
    screen.run()
    assert not screen._icon._running
