import os
import time
from collections.abc import Iterator

import numpy as np
import pytest

from reeld.capture.api import FrameSource, Pixels, Rect
from reeld.capture.waiting import wait_changed
from reeld.capture.x11 import X11Source
from reeld.capture.x11_cursor import trimmed
from reeld.capture.x11_place import FixedPlace
from reeld.capture.x11_pointer import PointerOverlay
from reeld.capture.x11_wanted import WantedWindow
from reeld.capture.x11_window import X11WindowSource
from reeld.capture.x11_wire import XConnection
from reeld_proto.units import NS_PER_MS
from tests.daemon.capture.canvas import GREEN, RED, Canvas
from tests.daemon.capture.pointing import Hand
from tests.daemon.capture.program import Program, noise
from tests.daemon.capture.test_x11_cursor import laid_over

VIEW = Rect(401, 301, 321, 201)
OUTSIDE = (1500, 900)
CROSSHAIR, WATCH = 34, 150

pytestmark = pytest.mark.usefixtures("at_x_desk", "no_leaks")


@pytest.fixture
def hand() -> Iterator[Hand]:
    with Hand() as opened:
        opened.move(*OUTSIDE)
        yield opened
        opened.move(*OUTSIDE)


@pytest.fixture
def program() -> Iterator[Program]:
    """A window that is exactly the recorded part of the desktop."""
    with Program(*VIEW) as opened:
        opened.paint(noise(VIEW.width, VIEW.height))
        yield opened


class Viewer:
    """An open source and the picture that its grabs have made."""

    def __init__(self, source: FrameSource) -> None:
        self.source = source
        self.grabs = 0

    def __enter__(self) -> "Viewer":
        self._wake = os.pipe()
        self.source.open()
        self.picture = self.source.grab(full=True).bands[0].pixels.copy()
        self.follow()
        return self

    def __exit__(self, *exc: object) -> None:
        self.source.close()
        for end in self._wake:
            os.close(end)

    def follow(self, still_ms: int = 5) -> int:
        """Grab until nothing changes for so long (once, where every instant may be a change); the pixels that came."""
        came = 0
        while wait_changed(self.source, time.monotonic_ns() + still_ms * NS_PER_MS, self._wake[0]):
            self.grabs += 1
            for band in self.source.grab(full=False).bands:
                rect = band.rect
                self.picture[rect.y : rect.bottom, rect.x : rect.right] = band.pixels
                came += rect.area
            if not self.source.filenos():
                break
        return came

    def shows(self, expected: Pixels) -> bool:
        return np.array_equal(self.picture[:, :, :3], expected[:, :, :3])


@pytest.fixture(params=["damage", "compare", "window"])
def viewer(request: pytest.FixtureRequest, hand: Hand, program: Program) -> Iterator[Viewer]:
    """A source of each kind that shows the program's window; the pointer is elsewhere."""
    source: FrameSource
    if request.param == "window":
        source = window_source(program)
    else:
        source = X11Source(FixedPlace(VIEW), overlays=[PointerOverlay()], use_damage=request.param == "damage")
    with Viewer(source) as opened:
        program.paint(noise(VIEW.width, VIEW.height))
        opened.follow()
        yield opened


@pytest.fixture
def region(hand: Hand, program: Program) -> Iterator[Viewer]:
    """The region of the desktop in which the program's window lies."""
    with Viewer(X11Source(FixedPlace(VIEW), overlays=[PointerOverlay()])) as opened:
        yield opened


def window_source(program: Program) -> X11WindowSource:
    wanted = WantedWindow(program.id)
    return X11WindowSource(wanted, overlays=[PointerOverlay(wanted.is_at)])


def with_pointer(hand: Hand, x: int, y: int, picture: Pixels | None = None) -> Pixels:
    """What must be seen with the hot spot at x, y of the desktop: by the server's own picture and the definition."""
    cursor = trimmed(*hand.image())
    at = cursor.rect(x - VIEW.x, y - VIEW.y)
    assert at is not None
    return laid_over(noise(VIEW.width, VIEW.height) if picture is None else picture, cursor, at)


def test_it_is_drawn_where_it_points_and_leaves_nothing_behind(viewer: Viewer, hand: Hand) -> None:
    """Harm: the pointer is beside what it clicks, or leaves a trail of old pointers."""
    assert viewer.shows(noise(VIEW.width, VIEW.height))
    for x, y in ((500, 400), (501, 403), (VIEW.x, VIEW.y), (VIEW.right - 1, VIEW.bottom - 1), (640, 333)):
        hand.move(x, y)
        viewer.follow()
        assert viewer.shows(with_pointer(hand, x, y))
    hand.move(*OUTSIDE)
    viewer.follow()
    assert viewer.shows(noise(VIEW.width, VIEW.height))


def test_what_is_drawn_beneath_a_still_pointer_does_not_wipe_it_out(
    viewer: Viewer, hand: Hand, program: Program
) -> None:
    """Harm: the pointer vanishes, in parts or as a whole, while text scrolls below it, or is laid over itself."""
    hand.move(500, 400)
    viewer.follow()
    picture = noise(VIEW.width, VIEW.height)
    for x, y, width, height in ((0, 95, 321, 5), (98, 0, 2, 201), (90, 90, 20, 20), (0, 0, 321, 201)):
        program.fill(RED, x, y, width, height)
        picture[y : y + height, x : x + width, :3] = (0, 0, 255)
        viewer.follow()
        assert viewer.shows(with_pointer(hand, 500, 400, picture))


def test_a_new_shape_is_drawn_at_once(viewer: Viewer, hand: Hand, program: Program) -> None:
    """Harm: the hand over a link, or the bar over text, is seen only after the next motion."""
    hand.move(500, 400)
    viewer.follow()
    for glyph in (CROSSHAIR, WATCH):
        before = viewer.picture.copy()
        hand.shape(program.window, glyph)
        viewer.follow()
        assert not viewer.shows(before)
        assert viewer.shows(with_pointer(hand, 500, 400))
    hand.empty_shape(program.window)
    viewer.follow()
    assert viewer.shows(noise(VIEW.width, VIEW.height))


def test_a_pointer_that_stands_still_costs_nothing(region: Viewer, hand: Hand) -> None:
    """Harm: an idle screen is grabbed because it has a pointer."""
    hand.move(500, 400)
    region.follow()
    grabs = region.grabs
    assert region.follow(still_ms=50) == 0
    assert region.grabs == grabs


def test_a_motion_costs_its_own_neighbourhood(region: Viewer, hand: Hand) -> None:
    """Harm: moving the mouse is recorded at the price of full frames."""
    hand.move(500, 400)
    region.follow()
    hand.move(502, 401)
    assert 0 < region.follow() <= 24 * 24


def test_motion_elsewhere_brings_no_pixels(region: Viewer, hand: Hand) -> None:
    """Harm: each of two tracks pays for the pointer on the other one's monitor."""
    hand.move(1600, 900)
    assert region.follow() == 0


def test_at_the_edge_the_part_inside_is_drawn(region: Viewer, hand: Hand) -> None:
    """Harm: the pointer disappears early at the picture's edge, or the edge is an error."""
    for x, y in ((VIEW.x - 3, VIEW.y + 50), (VIEW.x + 50, VIEW.bottom + 3), (VIEW.right + 2, VIEW.y - 2)):
        hand.move(x, y)
        region.follow()
        assert region.shows(with_pointer(hand, x, y))


def test_the_place_it_had_in_the_recording_before_is_not_wiped_in_the_next(hand: Hand, program: Program) -> None:
    """Harm: after a reconnection the first pointer is missing."""
    hand.move(500, 400)
    source = X11Source(FixedPlace(VIEW), overlays=[PointerOverlay()])
    for _ in range(2):
        with Viewer(source) as viewer:
            program.paint(noise(VIEW.width, VIEW.height))
            viewer.follow()
            assert viewer.shows(with_pointer(hand, 500, 400))


def test_over_a_window_that_covers_the_recorded_one_it_is_not_drawn(hand: Hand, program: Program) -> None:
    """Harm: the pointer works in a window that is not in the recording and seems to click in the recorded one."""
    with Viewer(window_source(program)) as viewer:
        program.paint(noise(VIEW.width, VIEW.height))
        hand.move(500, 400)
        viewer.follow()
        assert viewer.shows(with_pointer(hand, 500, 400))
        with Canvas(450, 350, 100, 100, GREEN):
            hand.move(501, 400)
            viewer.follow()
            assert viewer.shows(noise(VIEW.width, VIEW.height))


def test_a_window_that_moves_under_a_still_pointer_has_it_elsewhere(hand: Hand, program: Program) -> None:
    """Harm: a pointer sticks to a window that is moved by the keyboard."""
    with Viewer(window_source(program)) as viewer:
        program.paint(noise(VIEW.width, VIEW.height))
        hand.move(500, 400)
        viewer.follow()
        program.configure(x=VIEW.x + 30, y=VIEW.y - 20)
        viewer.follow()
        assert viewer.shows(with_pointer(hand, 470, 420))


def test_a_server_without_the_extension_has_no_pointer_and_is_recorded(
    hand: Hand, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Harm: an old server cannot be recorded at all because of the pointer."""
    monkeypatch.setattr(XConnection, "has_extension", lambda _self, _name: False)
    hand.move(500, 400)
    with Viewer(X11Source(FixedPlace(VIEW), overlays=[PointerOverlay()])) as viewer:
        assert viewer.shows(noise(VIEW.width, VIEW.height))


def test_a_pointer_hidden_on_the_monitor_alone_is_drawn(region: Viewer, hand: Hand) -> None:
    """Not a harm but a limit of the protocol, stated in the class: whoever lifts it will see this test fail."""
    hand.move(500, 400)
    with hand.hidden():
        hand.move(510, 400)
        region.follow()
        assert region.shows(with_pointer(hand, 510, 400))
