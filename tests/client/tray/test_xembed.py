"""The tray on a real screen: a tray host that others wrote, clicks as a person's, a daemon with fake workers.

REELD_TRAY_SHOTS=FOLDER keeps a picture of the screen in each state, to be looked at.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageGrab

from reeld_client import Client
from reeld_client.tray.doing import MARK, film_path
from reeld_client.tray.icons import TILE, icon
from reeld_client.tray.menu import Action, menu
from reeld_client.tray.model import Face, TrayModel
from reeld_client.tray.popup import Popup
from reeld_proto.records import SessionState
from tests.client.tray.stand_ins import StandIns
from tests.support.desk import Monitor, VirtualDesk
from tests.support.fake_house import FakeHouse
from tests.support.wait import until

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="XEMBED is a protocol of X11")
TRAYER = ("trayer", "--edge", "bottom", "--align", "right", "--widthtype", "request", "--height", "24")
MENU = "reel-tray menu"


class Person:
    """Sits at the desk: sees the icon, clicks."""

    def __init__(self, desk: VirtualDesk, house: FakeHouse) -> None:
        self.desk = desk
        self.house = house

    def start_tray(self) -> None:
        """Start `reel-tray`."""
        command = (sys.executable, "-m", "reeld_client.tray.main", "--runtime", str(self.house.runtime))
        self.program = self.desk.spawn(*command, stderr=subprocess.PIPE)

    def windows(self, name: str) -> list[str]:
        """Visible windows whose WM_NAME or class is this."""
        words = ["xdotool", "search", "--onlyvisible", "--all", "--classname" if name == "reel-tray" else "--name"]
        done = subprocess.run([*words, f"^{name}$"], env=self.desk.env, capture_output=True, text=True, check=False)
        return done.stdout.split()

    def icon_box(self) -> tuple[int, int, int, int] | None:
        """Left, top, right, bottom of the icon on the screen; None while there is none."""
        found = self.windows("reel-tray")
        if not found:
            return None
        told = self.desk.run("xdotool", "getwindowgeometry", "--shell", found[0])
        x, y, width, height = (
            int(re.findall(rf"^{key}=(-?\d+)", told, re.M)[0]) for key in ("X", "Y", "WIDTH", "HEIGHT")
        )
        return x, y, x + width, y + height

    def sees(self, face: Face) -> Callable[[], bool]:
        """Whether the icon on the screen is this one, to the pixel."""

        def look() -> bool:
            box = self.icon_box()
            if box is None:
                return False
            size = (box[2] - box[0], box[3] - box[1])
            wanted = Image.new("RGB", size, TILE[:3])
            edge = min(size)
            wanted.paste(icon(face, edge, rounded=False), ((size[0] - edge) // 2, (size[1] - edge) // 2))
            return self.screen().crop(box).tobytes() == wanted.tobytes()

        return look

    def screen(self) -> Image.Image:
        """What is on the screen, without the pointer."""
        return ImageGrab.grab(xdisplay=self.desk.display).convert("RGB")

    def keep(self, name: str) -> None:
        """Keep the screen for people, where they asked for it."""
        folder = os.environ.get("REELD_TRAY_SHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.screen().save(Path(folder) / f"{name}.png")

    def point_at_icon(self, *then: str) -> None:
        """Move the pointer there; then: more for xdotool."""
        box = until(self.icon_box, what="an icon")
        assert box is not None
        self.desk.run("xdotool", "mousemove", str(box[0] + 5), str(box[1] + 5), *then)

    def open_menu(self, button: int = 1) -> str:
        """Click on the icon; the window of the menu."""
        self.point_at_icon("click", str(button))
        return until(lambda: self.windows(MENU), what="a menu")[0]

    def choose(self, action: Action) -> None:
        """Open the menu and click on this entry; it can be chosen once the tray knows what we know."""
        window = self.open_menu()
        known = TrayModel()
        if self.house.daemon is not None:
            with Client(self.house.runtime) as client:
                known.see(client.snapshot(), 0.0)
        popup = Popup(menu(known, 0.0))
        row = next(row for row, entry in enumerate(popup.entries) if entry.action is action)
        assert popup.entries[row].can_be_chosen, f"{action} is not offered"
        at = ("mousemove", "--window", window, "60", str(popup.top(row) + 13))
        self.desk.run("xdotool", *at, "click", "1")
        until(lambda: not self.windows(MENU), what="the menu closed")


@pytest.fixture
def person(stand_ins: StandIns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    """A small desk, a daemon, and programs of the desktop that note what they are asked."""
    for name in ("xdg-open", "notify-send", "systemctl"):
        stand_ins.make(name)
    monkeypatch.setenv("XDG_VIDEOS_DIR", str(tmp_path / "films"))
    monkeypatch.delenv("REELD_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    with VirtualDesk(monitors=(Monitor("LEFT", 0, 0, 640, 480),)) as desk, FakeHouse(REAL_WORKERS="store") as house:
        house.runtime = desk.runtime_dir / "reeld"  # where the service's would be
        yield Person(desk, house)


def session_state(person: Person) -> SessionState | None:
    """What the daemon itself says."""
    session = person.house.status().session
    return None if session is None else session.state


def test_every_entry_does_what_it_says(person: Person, stand_ins: StandIns, tmp_path: Path) -> None:
    person.house.start()
    person.desk.spawn(*TRAYER)
    person.start_tray()
    until(person.sees(Face.IDLE), what="the idle icon")
    person.keep("idle")

    person.choose(Action.START)
    until(person.sees(Face.RECORDING), what="the recording icon")
    assert session_state(person) is SessionState.ACTIVE
    person.open_menu(button=3)
    person.keep("recording-menu")
    person.desk.run("xdotool", "key", "Escape")
    until(lambda: not person.windows(MENU), what="Escape closes the menu")

    person.choose(Action.MARK)
    person.choose(Action.PAUSE)
    until(person.sees(Face.PAUSED), what="the paused icon")
    assert session_state(person) is SessionState.PAUSED
    person.open_menu()
    person.keep("paused-menu")
    person.desk.run("xdotool", "mousemove", "5", "5", "click", "1")
    until(lambda: not person.windows(MENU), what="a click elsewhere closes the menu")

    person.choose(Action.RESUME)
    until(person.sees(Face.RECORDING))
    person.choose(Action.PRIVATE_ON)
    until(person.sees(Face.PRIVATE), what="the private icon")
    assert person.house.status().private
    person.open_menu()
    person.keep("private-menu")
    person.desk.run("xdotool", "key", "Escape")
    until(lambda: not person.windows(MENU))
    person.choose(Action.PRIVATE_OFF)
    until(person.sees(Face.RECORDING))
    person.choose(Action.STOP)
    until(person.sees(Face.IDLE))
    assert session_state(person) is None
    with Client(person.house.runtime) as client:
        (session,) = client.sessions()
    assert [marker.text for marker in session.markers] == [MARK]

    person.choose(Action.PLAY_LAST)
    until(lambda: stand_ins.said("xdg-open") == [str(film_path(tmp_path / "films" / "reeld", session))])
    person.choose(Action.OPEN_FOLDER)
    until(lambda: stand_ins.said("xdg-open") == [str(tmp_path / "films" / "reeld")])
    person.choose(Action.STORAGE)
    until(lambda: "free on this disk" in " ".join(stand_ins.said("notify-send")))
    person.choose(Action.QUIT)
    assert person.program.wait(15) == 0
    assert person.house.status().daemon.pid


def test_daemon_and_tray_host_may_come_and_go(person: Person, stand_ins: StandIns) -> None:
    person.start_tray()
    assert person.program.stderr is not None
    assert b"no tray (yet)" in person.program.stderr.readline()
    host = person.desk.spawn(*TRAYER)
    until(person.sees(Face.NO_DAEMON), what="the icon without a daemon")
    person.point_at_icon()
    until(lambda: person.windows("reel-tray tip"), what="the state in words")
    person.keep("no-daemon-tip")
    person.choose(Action.START_DAEMON)
    until(lambda: stand_ins.said("systemctl") == ["--user", "start", "reeld"])
    person.open_menu()
    assert not person.windows("reel-tray tip"), "it would cover the menu"
    person.keep("no-daemon-menu")
    person.desk.run("xdotool", "key", "Escape")
    host.terminate()
    host.wait()
    until(lambda: not person.windows("reel-tray"), what="no icon without a tray")
    person.desk.spawn(*TRAYER)
    until(person.sees(Face.NO_DAEMON), what="the icon in another tray")

    stand_ins.make("notify-send", status=1)
    person.house.start()
    until(person.sees(Face.IDLE), what="the icon of a daemon that came")
    person.choose(Action.START)
    until(person.sees(Face.RECORDING))
    person.house.kill("audio-1")
    until(person.sees(Face.ATTENTION), what="the icon of trouble")
    until(lambda: person.windows("reel-tray notice"), what="a notice, where the desktop has none")
    person.keep("attention")
    person.desk.run("xdotool", "mousemove", "300", "300")
    person.open_menu()
    person.keep("attention-menu")
    person.desk.run("xdotool", "key", "Up", "Return")
    assert person.program.wait(15) == 0, "the last entry quits"


def test_the_tray_leaves_with_the_desktop(person: Person) -> None:
    """A session's programs that stay behind would be in the next one twice."""
    person.desk.spawn(*TRAYER)
    person.start_tray()
    until(person.sees(Face.NO_DAEMON))
    person.desk.kill_display()
    assert person.program.wait(15) == 6
    assert person.program.stderr is not None
    assert b"the X server went away" in person.program.stderr.read()
