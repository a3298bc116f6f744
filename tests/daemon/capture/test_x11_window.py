import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest

from reeld.capture.api import Pixels, Size
from reeld.capture.waiting import wait_changed
from reeld.capture.x11_wanted import WantedWindow
from reeld.capture.x11_window import X11WindowSource
from reeld.capture.x11_wire import XConnection
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.units import NS_PER_MS, NS_PER_S
from tests.daemon.capture.canvas import BLUE, GREEN, RED, WHITE, Canvas
from tests.daemon.capture.program import Program, noise
from tests.support.desk import Monitor, VirtualDesk, desk_environment

pytestmark = pytest.mark.usefixtures("at_x_desk", "no_leaks")


@pytest.fixture
def wake() -> Iterator[int]:
    ends = os.pipe()
    yield ends[0]
    for end in ends:
        os.close(end)


class Viewer:
    """A source of a window, open from the start, and the picture that its grabs have made."""

    def __init__(self, window_id: str, wake: int) -> None:
        self.wanted = WantedWindow(window_id)
        self.source = X11WindowSource(self.wanted)
        self._wake = wake
        self.full_grabs = 0
        self.picture: Pixels = np.zeros((0, 0, 4), np.uint8)
        self.source.open()

    def __enter__(self) -> "Viewer":
        self.grab(full=True)
        return self

    def __exit__(self, *exc: object) -> None:
        self.source.close()

    def grab(self, *, full: bool = False) -> int:
        """Grab once; the pixels that came."""
        before = self.source.size
        grab = self.source.grab(full=full)
        size = self.source.size
        if full or size != before:
            assert [tuple(band.rect) for band in grab.bands] == [(0, 0, *size)]
            self.picture = np.zeros((size.height, size.width, 4), np.uint8)
        for band in grab.bands:
            rect = band.rect
            assert rect.x % 2 == rect.y % 2 == 0
            self.picture[rect.y : rect.bottom, rect.x : rect.right] = band.pixels
        return sum(band.rect.area for band in grab.bands)

    def follow(self) -> int:
        """Grab until nothing changes any more; the pixels that came."""
        came = 0
        while wait_changed(self.source, time.monotonic_ns() + 5 * NS_PER_MS, self._wake):
            came += self.grab()
        return came

    def shows(self, picture: Pixels) -> bool:
        return np.array_equal(self.picture[:, :, :3], picture[:, :, :3])


def test_a_covered_window_is_recorded_as_it_is(wake: int) -> None:
    """Harm: a notification, or a window with secrets over it, is recorded instead of the window that was chosen."""
    with Program(300, 200, 201, 151) as program, Viewer(program.id, wake) as viewer, Canvas(250, 150, 200, 100, RED):
        program.paint(noise(201, 151))
        viewer.follow()
        assert viewer.shows(noise(201, 151))
        assert viewer.source.size == Size(201, 151)


def test_what_lay_over_the_window_when_it_was_opened_is_not_seen(wake: int) -> None:
    """Harm: the server fills new pixels from the screen; the secret that lies over the window is in the first frame."""
    with Program(300, 200, 200, 150, background=None) as program:
        program.paint(noise(200, 150))
        with Canvas(250, 150, 150, 100, RED):
            program.exposed()
            with Viewer(program.id, wake) as viewer:
                expected = noise(200, 150)
                expected[:50, :100] = 0
                assert viewer.shows(expected)
                program.settle()
                assert program.exposed()
                program.paint(noise(200, 150))
                viewer.follow()
                assert viewer.shows(noise(200, 150))


def test_a_moved_window_is_followed(wake: int) -> None:
    """Harm: the picture shows the desktop where the window was, or all of the window is read ever after."""
    with Program(300, 200, 200, 150) as program, Viewer(program.id, wake) as viewer:
        program.paint(noise(200, 150))
        viewer.follow()
        program.configure(x=700, y=500)
        viewer.follow()
        assert viewer.shows(noise(200, 150))
        program.fill(WHITE, 10, 10, 20, 20)
        assert 0 < viewer.follow() < 200 * 150
        expected = noise(200, 150)
        expected[10:30, 10:30] = 255
        assert viewer.shows(expected)


@pytest.mark.parametrize(("x", "y"), [(-100, -70), (3800, 1000), (-5000, 300)])
def test_a_window_off_the_screen_is_complete(x: int, y: int, wake: int) -> None:
    """Harm: a window dragged over the edge is an error, or ends at the screen."""
    with Program(x, y, 200, 150) as program, Viewer(program.id, wake) as viewer:
        program.paint(noise(200, 150))
        viewer.follow()
        assert viewer.shows(noise(200, 150))


def test_every_new_size_is_a_full_picture(wake: int) -> None:
    """Harm: after a resize the old pixmap is read: the picture is frozen or cut; odd sizes break the chroma."""
    with Program(300, 200, 200, 150) as program, Viewer(program.id, wake) as viewer:
        for width, height in ((301, 97), (61, 300), (1, 1), (640, 480), (333, 333)):
            program.configure(width=width, height=height)
            program.paint(noise(width, height))
            viewer.follow()
            assert viewer.source.size == Size(width, height)
            assert viewer.shows(noise(width, height))


def test_a_size_that_was_changed_and_changed_back_is_not_a_frozen_picture(wake: int) -> None:
    """Harm: the server has made new pixels twice, the recorder looks at the first ones forever."""
    with Program(300, 200, 200, 150) as program, Viewer(program.id, wake) as viewer:
        program.configure(width=210)
        program.configure(width=200)
        program.paint(noise(200, 150))
        viewer.follow()
        assert viewer.shows(noise(200, 150))


def test_a_border_is_not_part_of_the_picture(wake: int) -> None:
    """Harm: the picture is shifted by the border's width."""
    with Program(300, 200, 200, 150, border=3) as program, Viewer(program.id, wake) as viewer:
        program.paint(noise(200, 150))
        viewer.follow()
        assert viewer.source.size == Size(200, 150)
        assert viewer.shows(noise(200, 150))
        program.configure(border_width=0)
        program.paint(noise(200, 150, 2))
        viewer.follow()
        assert viewer.shows(noise(200, 150, 2))


def test_a_minimised_window_keeps_its_last_picture_and_goes_on_afterwards(wake: int) -> None:
    """Harm: minimising ends the recording, blackens it, or freezes it for good."""
    with Program(300, 200, 200, 150) as program, Viewer(program.id, wake) as viewer:
        program.paint(noise(200, 150))
        viewer.follow()
        program.show(False)
        assert viewer.follow() == 0
        viewer.grab(full=True)
        assert viewer.shows(noise(200, 150))
        program.configure(width=250)
        viewer.follow()
        program.show(True)
        program.paint(noise(250, 150, 2))
        viewer.follow()
        assert viewer.shows(noise(250, 150, 2))


def test_a_window_that_is_minimised_at_the_start_is_black_until_it_is_shown(wake: int) -> None:
    """Harm: a worker that is started again while the window is minimised cannot record at all."""
    with Program(300, 200, 200, 150, mapped=False) as program, Viewer(program.id, wake) as viewer:
        assert viewer.source.size == Size(200, 150)
        assert not viewer.picture.any()
        program.show(True)
        program.paint(noise(200, 150))
        viewer.follow()
        assert viewer.shows(noise(200, 150))


def test_colours_of_a_window_with_alpha_are_kept(wake: int) -> None:
    """Harm: a terminal with a translucent background cannot be recorded."""
    with Program(300, 200, 200, 150, alpha=True) as program, Viewer(program.id, wake) as viewer:
        picture = noise(200, 150)
        picture[:, :, 3] = 128
        program.paint(picture)
        viewer.follow()
        assert viewer.shows(picture)


def test_in_a_window_managers_frame_the_programs_own_pixels_are_recorded(wake: int) -> None:
    """Harm: the title bar is recorded, or the frame is and the window is not followed when it gets one."""
    with Program(300, 200, 200, 150) as program, Viewer(program.id, wake) as viewer:
        frame = program.frame(500, 300, 20)
        program.paint(noise(200, 150))
        viewer.follow()
        assert viewer.shows(noise(200, 150))
        program.move_frame(frame, 50, 60)
        viewer.follow()
        assert viewer.wanted.is_at(frame)
        assert not viewer.wanted.is_at(program.window)
        assert not viewer.wanted.is_at(0)
        assert viewer.source._view[:2] == (70, 80)


def test_a_closed_window_is_lost_and_its_successor_is_found(wake: int) -> None:
    """Harm: a closed window is recorded as a still picture for hours; or its program is opened again and missed."""
    with Program(300, 200, 200, 150) as program, Viewer(program.id, wake) as viewer:
        program.retitle("other.txt - Editor")
        viewer.follow()
        program.close()
        with pytest.raises(RequestRejected, match=f"the window {program.id} is closed") as caught:
            viewer.follow()
        assert caught.value.code == ErrorCode.DEVICE_FAILED
        with pytest.raises(RequestRejected, match="closed"):
            viewer.source.open()
        with Program(100, 100, 161, 121, title="third.txt - Editor", connection=program.connection) as again:
            viewer.source.open()
            assert again.id != program.id
            again.paint(noise(161, 121))
            viewer.grab(full=True)
            assert viewer.shows(noise(161, 121))


def test_a_window_that_was_there_all_the_time_is_no_successor(wake: int) -> None:
    """Harm: closing the recorded browser window begins to record the private one beside it."""
    with Program(300, 200, 200, 150) as program, Viewer(program.id, wake) as viewer, Program(600, 200, 100, 100):
        program.close()
        with pytest.raises(RequestRejected):
            viewer.follow()
        with pytest.raises(RequestRejected, match="closed"):
            viewer.source.open()


def test_the_id_of_a_closed_window_given_to_another_program_is_not_it(wake: int) -> None:
    """Harm: servers give ids again: the next program that starts is recorded, whatever it is."""
    with Program(300, 200, 200, 150) as program:
        viewer = Viewer(program.id, wake)
    with pytest.raises(RequestRejected):
        viewer.follow()
    for app, title in (("Ledger", "notes.txt - Editor"), ("Editor", "private")):
        with ExitStack() as stack:
            # The lowest free place of the server's is given next, sometimes that of an earlier test's connection.
            while stack.enter_context(Program(300, 200, 200, 150, app=app, title=title)).id != program.id:
                pass
            with pytest.raises(RequestRejected, match="closed"):
                viewer.source.open()
    viewer.source.close()


def test_a_worker_that_starts_again_finds_the_window_by_its_id_whatever_its_title_is_now(wake: int) -> None:
    """Harm: after a restart of the worker the window is lost because its title has changed since the start."""
    with Program(300, 200, 200, 150, title="new.txt - Editor") as program:
        source = X11WindowSource(WantedWindow(program.id, app="Editor", title="old"))
        source.open()
        source.close()


def test_closing_between_the_signal_and_the_grab_is_a_loss_too(wake: int) -> None:
    """Harm: the recorder ends with an error of ours."""
    with Program(300, 200, 200, 150) as program, Viewer(program.id, wake) as viewer:
        viewer.follow()
        program.configure(x=10)
        assert viewer.source.changed_ns()
        program.close()
        with pytest.raises(RequestRejected, match="closed"):
            viewer.source.grab(full=False)


@pytest.mark.parametrize("window_id", ["0x7ffffff", "nonsense", "root"])
def test_what_is_no_window_is_refused(window_id: str) -> None:
    """Harm: a wrong id records the whole desktop or something else."""
    if window_id == "root":
        connection = XConnection()
        window_id = hex(connection.root)
        connection.close()
    with pytest.raises(RequestRejected) as caught:
        X11WindowSource(WantedWindow(window_id)).open()
    assert caught.value.code == ErrorCode.DEVICE_FAILED
    assert window_id in str(caught.value)


def test_without_the_extension_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Harm: on a server without Composite the window's place on the screen is recorded as if it were the window."""
    has_extension = XConnection.has_extension
    monkeypatch.setattr(XConnection, "has_extension", lambda c, name: name != "Composite" and has_extension(c, name))
    with Program(300, 200, 200, 150) as program, pytest.raises(RequestRejected, match="lacks Composite") as caught:
        X11WindowSource(WantedWindow(program.id)).open()
    assert "region" in caught.value.remedy


def test_a_server_that_dies_is_an_error_and_not_a_hang(wake: int) -> None:
    """Harm: the recorder waits forever for a window of a desktop that is gone."""
    desk = VirtualDesk(monitors=(Monitor("ONLY", 0, 0, 640, 480),))
    with desk, desk_environment(desk):
        program = Program(30, 20, 200, 150)
        source = X11WindowSource(WantedWindow(program.id))
        source.open()
        source.grab(full=True)
    program.connection.disconnect()
    with pytest.raises(RequestRejected) as caught:
        wait_changed(source, time.monotonic_ns() + 5 * NS_PER_S, wake)
    assert caught.value.code == ErrorCode.DEVICE_FAILED
    source.close()


def test_a_flood_of_changes_elsewhere_costs_nothing(wake: int) -> None:
    """Harm: the recorder of a still window wakes up for everything that happens on the desktop."""
    with Program(300, 200, 200, 150) as program, Viewer(program.id, wake) as viewer:
        viewer.follow()
        with Canvas(1000, 200, 300, 300, GREEN) as canvas:
            for colour in (RED, GREEN, BLUE) * 5:
                canvas.fill(colour)
            assert wait_changed(viewer.source, time.monotonic_ns() + 20 * NS_PER_MS, wake) is None


def test_whatever_is_done_to_the_window_meanwhile_the_end_is_exact(wake: int) -> None:
    """Harm: a resize between looking the size up and reading the pixels is an error, or leaves a wrong picture."""
    rng = random.Random(7)
    with Program(300, 200, 200, 150) as program, Viewer(program.id, wake) as viewer:

        def storm() -> None:
            for _ in range(300):
                match rng.choice(("move", "size", "size", "hide", "border", "paint")):
                    case "move":
                        program.configure(x=rng.randrange(-300, 3800), y=rng.randrange(-200, 1000))
                    case "size":
                        program.configure(width=rng.randrange(1, 400), height=rng.randrange(1, 400))
                    case "hide":
                        program.show(False)
                        program.show(True)
                    case "border":
                        program.configure(border_width=rng.randrange(4))
                    case "paint":
                        program.fill(rng.randrange(0xFFFFFF), 0, 0, 100, 100)

        thread = threading.Thread(target=storm)
        thread.start()
        while thread.is_alive():
            viewer.follow()
        thread.join()
        viewer.follow()
        width, height = viewer.source.size
        program.paint(noise(width, height))
        viewer.follow()
        assert viewer.shows(noise(width, height))
