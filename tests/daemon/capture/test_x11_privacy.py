"""Masks on a real X server. Harm guarded against: one pixel of a window that a rule hides, in one frame."""

import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xcffib
import xcffib.shape
import xcffib.xproto as xp

from reeld.capture.api import Band, Rect
from reeld.capture.privacy import PrivacyRules
from reeld.capture.x11 import X11Source
from reeld.capture.x11_place import FixedPlace
from reeld.capture.x11_privacy import LINGER_NS, MASK_BGRA, PrivacyMask
from reeld_proto.privacy import PrivacyRule
from reeld_proto.units import NS_PER_S
from tests.daemon.capture.canvas import BLUE, GREEN, RECTANGLE, connect
from tests.daemon.capture.dancer import PRIVATE
from tests.support.desk import Monitor, VirtualDesk, desk_environment
from tests.support.wait import until

VIEW = Rect(0, 0, 640, 480)
SECRET = (PrivacyRule(name="by name", app="secret"), PrivacyRule(name="by title", title="*secret*"))


@pytest.fixture(scope="module")
def small_desk() -> Iterator[VirtualDesk]:
    monitors = (Monitor("LEFT", 0, 0, 320, 480), Monitor("RIGHT", 320, 0, 320, 480))
    with VirtualDesk(monitors=monitors) as desk, desk_environment(desk):
        yield desk


class Program:
    """A program with one connection."""

    def __init__(self) -> None:
        self.connection: Any = connect()
        self.core = self.connection.core
        self.screen = self.connection.get_setup().roots[0]

    def window(
        self, rect: Rect, colour: int | None, *, app: str = "editor", title: str = "news", override: bool = False
    ) -> int:
        """A window that is not shown yet. colour: of its background, None: it has none."""
        window: int = self.connection.generate_id()
        mask, values = (0, []) if colour is None else (int(xp.CW.BackPixel), [colour])
        mask |= int(xp.CW.OverrideRedirect)
        depth, visual = self.screen.root_depth, self.screen.root_visual
        self.core.CreateWindow(depth, window, self.screen.root, *rect, 0, 1, visual, mask, [*values, int(override)])
        self.name(window, xp.Atom.WM_CLASS, f"{app}\0{app}\0")
        self.name(window, xp.Atom.WM_NAME, title)
        return window

    def name(self, window: int, atom: int, text: str) -> None:
        """Set WM_CLASS or WM_NAME."""
        self.core.ChangeProperty(0, window, atom, xp.Atom.STRING, 8, len(text), text.encode())

    def show(self, window: int) -> None:
        """Map it."""
        self.core.MapWindow(window)
        self.sync()

    def stack(self, window: int, mode: int) -> None:
        """Raise or lower it."""
        self.core.ConfigureWindow(window, xp.ConfigWindow.StackMode, [mode])
        self.sync()

    def move(self, window: int, x: int, y: int) -> None:
        """Put it elsewhere."""
        self.core.ConfigureWindow(window, xp.ConfigWindow.X | xp.ConfigWindow.Y, [x, y])
        self.sync()

    def paint(self, window: int, colour: int) -> None:
        """All of it."""
        self.core.ChangeWindowAttributes(window, xp.CW.BackPixel, [colour])
        self.core.ClearArea(False, window, 0, 0, 0, 0)
        self.sync()

    def sync(self) -> None:
        """Until the server has done it."""
        self.core.GetInputFocus().reply()


class Recorded:
    """What a recorder would know of the screen: the sum of all bands. Fails with the first private pixel."""

    def __init__(self, source: X11Source, mask: PrivacyMask) -> None:
        self.source, self.mask = source, mask
        self.picture = np.zeros((VIEW.height, VIEW.width, 4), np.uint8)
        self.grabs = 0

    def grab(self, *, full: bool = False) -> None:
        bands = self.source.grab(full=full).bands
        self.grabs += 1
        assert not count(bands, PRIVATE)
        for band in bands:
            rect = band.rect
            self.picture[rect.y : rect.bottom, rect.x : rect.right] = band.pixels

    def settle(self) -> None:
        """Until nothing is due any more."""

        def quiet() -> bool:
            self.grab()
            return self.source.changed_ns() is None

        until(quiet, 5, what="a picture that needs no change")

    def area(self, colour: int | tuple[int, ...]) -> int:
        """Pixels of this colour."""
        bgra = colour if isinstance(colour, tuple) else bgr(colour)
        return int((self.picture[:, :, :3] == bgra[:3]).all(axis=2).sum())


def bgr(colour: int) -> tuple[int, ...]:
    return colour & 255, colour >> 8 & 255, colour >> 16 & 255


def count(bands: Any, colour: int) -> int:
    return sum(int((band.pixels[:, :, :3] == bgr(colour)).all(axis=2).sum()) for band in bands)


def truth() -> Any:
    """The screen as it is."""
    source = X11Source(FixedPlace(VIEW))
    source.open()
    picture = source.grab(full=True).bands[0].pixels.copy()
    source.close()
    return picture


@pytest.fixture
def watch(small_desk: VirtualDesk) -> Iterator[Callable[..., Recorded]]:
    sources = []

    def make(*rules: PrivacyRule, use_damage: bool = True, **options: Any) -> Recorded:
        mask = PrivacyMask(PrivacyRules(rules or SECRET), **options)
        source = X11Source(FixedPlace(VIEW), overlays=[mask], use_damage=use_damage)
        sources.append(source)
        source.open()
        recorded = Recorded(source, mask)
        recorded.grab(full=True)
        return recorded

    yield make
    for source in sources:
        source.close()


@pytest.fixture
def program(small_desk: VirtualDesk) -> Iterator[Program]:
    started = Program()
    yield started
    started.connection.disconnect()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_private_window_that_opens_moves_and_closes_fifty_times_is_in_no_pixel(
    small_desk: VirtualDesk, watch: Callable[..., Recorded], seed: int
) -> None:
    """Windows with and without a frame, by name and by title, above and below others, with menus; grabbed at random."""
    recorded = watch()
    chance = random.Random(seed)
    command = [sys.executable, "-m", "tests.daemon.capture.dancer", "--seed", str(seed), "--rounds", "50"]
    dancer = small_desk.spawn(*command, cwd=Path(__file__).parents[3])
    masked = 0
    while dancer.poll() is None:
        if recorded.source.changed_ns() is not None or chance.random() < 0.01:
            recorded.grab(full=chance.random() < 0.1)
            masked += bool(recorded.area(MASK_BGRA))
        if chance.random() < 0.2:
            time.sleep(chance.uniform(0, 0.02))
    assert dancer.returncode == 0
    assert masked > 5
    recorded.settle()
    assert np.array_equal(recorded.picture[:, :, :3], truth()[:, :, :3])


def test_without_a_mask_the_dancer_is_seen(small_desk: VirtualDesk) -> None:
    """Harm: the test above passes because nothing private was ever on the screen."""
    source = X11Source(FixedPlace(VIEW))
    source.open()
    command = [sys.executable, "-m", "tests.daemon.capture.dancer", "--seed", "1", "--rounds", "50"]
    dancer = small_desk.spawn(*command, cwd=Path(__file__).parents[3])
    until(lambda: count(source.grab(full=True).bands, PRIVATE), 20, what="a private pixel")
    dancer.kill()
    source.close()


@pytest.mark.parametrize("use_damage", [True, False])
def test_only_what_shows_of_a_private_window_is_masked_and_the_rest_is_exact(
    watch: Callable[..., Recorded], program: Program, use_damage: bool
) -> None:
    recorded = watch(use_damage=use_damage)
    below = program.window(Rect(0, 0, 300, 300), BLUE)
    private = program.window(Rect(51, 51, 101, 101), PRIVATE, app="secret")
    above = program.window(Rect(100, 100, 100, 100), GREEN)
    for window in (below, private, above):
        program.show(window)
    expected = truth()[:, :, :3]
    hidden = (expected == bgr(PRIVATE)).all(axis=2)
    assert hidden.sum() == 101 * 101 - 52 * 52
    expected[hidden] = MASK_BGRA[:3]

    def exact() -> bool:
        recorded.grab()
        return np.array_equal(recorded.picture[:, :, :3], expected)

    until(exact, 3, what="a picture that is masked where it must be and nowhere else")
    recorded.grab(full=True)
    assert exact()


def test_a_title_that_comes_to_match_is_masked_without_anything_being_drawn(
    watch: Callable[..., Recorded], program: Program
) -> None:
    """Harm: the page is there already when its title says what it is, and the picture keeps showing it."""
    recorded = watch()
    window = program.window(Rect(20, 20, 100, 100), GREEN)
    program.show(window)
    recorded.settle()
    assert recorded.area(GREEN) == 100 * 100
    program.name(window, xp.Atom.WM_NAME, "my secret bank")
    program.sync()
    assert recorded.source.changed_ns() is not None
    recorded.settle()
    assert (recorded.area(GREEN), recorded.area(MASK_BGRA)) == (0, 100 * 100)
    program.name(window, xp.Atom.WM_NAME, "news")
    program.sync()
    recorded.settle()
    assert (recorded.area(GREEN), recorded.area(MASK_BGRA)) == (100 * 100, 0)


def test_a_window_that_paints_first_and_says_its_title_later_is_masked_from_then_on(
    watch: Callable[..., Recorded], program: Program
) -> None:
    """What is guaranteed: no pixel read after the title was set. What was recorded before cannot be known."""
    recorded = watch()
    window = program.window(Rect(20, 20, 100, 100), BLUE, title="")
    program.show(window)
    recorded.grab()
    assert recorded.area(BLUE) == 100 * 100
    program.name(window, xp.Atom.WM_NAME, "my secret bank")
    program.paint(window, PRIVATE)
    recorded.grab()
    assert recorded.area(MASK_BGRA) == 100 * 100


def test_a_window_made_after_the_question_and_before_the_pixels_is_masked_at_once(
    watch: Callable[..., Recorded], program: Program
) -> None:
    """Harm: the first frame of a window leaks, because it was unknown when the pixels were asked for."""
    recorded = watch()
    ask = recorded.mask.parts
    made: list[int] = []

    def parts(view: Rect) -> Any:
        found = ask(view)
        if not made:
            made.append(program.window(Rect(20, 20, 100, 100), PRIVATE, app="secret"))
            program.show(made[0])
        return found

    recorded.mask.parts = parts  # type: ignore[method-assign]
    recorded.grab(full=True)
    assert recorded.area(MASK_BGRA) == 100 * 100


@pytest.mark.parametrize("hangs", [False, True])
def test_what_is_left_where_the_window_below_has_no_background_stays_masked(
    watch: Callable[..., Recorded], program: Program, hangs: bool
) -> None:
    """Harm: the server leaves the pixels of a closed window in place until the one below is painted."""
    recorded = watch()
    below = program.window(Rect(0, 0, 200, 200), None)
    program.show(below)
    private = program.window(Rect(20, 20, 100, 100), PRIVATE, app="secret")
    program.show(private)
    recorded.settle()
    program.core.DestroyWindow(private)
    program.sync()
    left = int((truth()[:, :, :3] == bgr(PRIVATE)).all(axis=2).sum())
    assert left == 100 * 100, "the server clears what it used to leave: this test shows nothing"
    end_ns = time.monotonic_ns() + (2 * LINGER_NS if hangs else LINGER_NS // 4)
    while time.monotonic_ns() < end_ns:
        recorded.grab(full=True)
    assert recorded.area(MASK_BGRA) == 100 * 100
    program.paint(below, BLUE)
    recorded.settle()
    assert (recorded.area(BLUE), recorded.area(MASK_BGRA)) == (200 * 200, 0)


def test_windows_that_were_there_before_are_found_also_in_frames(
    watch: Callable[..., Recorded], program: Program
) -> None:
    manager = Program()
    framed = program.window(Rect(0, 0, 100, 80), PRIVATE, app="secret")
    frame = manager.window(Rect(50, 50, 100, 100), GREEN, app="frame")
    inner = manager.window(Rect(0, 0, 100, 90), GREEN, app="wrapper")
    program.sync()
    manager.core.ReparentWindow(inner, frame, 0, 10)
    manager.core.ReparentWindow(framed, inner, 0, 10)
    for window in (framed, inner, frame):
        manager.core.MapWindow(window)
    name = "WM_STATE"
    state = manager.core.InternAtom(False, len(name), name).reply().atom
    manager.core.ChangeProperty(0, framed, state, state, 32, 2, [1, 0])
    manager.sync()
    recorded = watch()
    assert recorded.area(MASK_BGRA) == 100 * 100
    # The window manager leaves: the window is the root's own again, and as private.
    manager.core.ReparentWindow(framed, program.screen.root, 200, 200)
    manager.core.DestroyWindow(frame)
    manager.sync()
    recorded.settle()
    assert (recorded.area(MASK_BGRA), recorded.area(GREEN)) == (100 * 80, 0)
    manager.connection.disconnect()


def test_a_shaped_or_inputonly_window_above_hides_nothing(watch: Callable[..., Recorded], program: Program) -> None:
    """Harm: the place of an invisible window above is taken to cover the private one."""
    recorded = watch()
    private = program.window(Rect(20, 20, 100, 100), PRIVATE, app="secret")
    program.show(private)
    invisible = program.connection.generate_id()
    program.core.CreateWindow(0, invisible, program.screen.root, 0, 0, 200, 200, 0, 2, 0, 0, [])
    program.show(invisible)
    shaped = program.window(Rect(0, 0, 200, 200), GREEN)
    shape = program.connection(xcffib.shape.key)
    shape.Rectangles(0, 0, 0, shaped, 0, 0, 1, [RECTANGLE.synthetic(0, 0, 10, 10)])
    program.show(shaped)
    recorded.settle()
    assert (recorded.area(MASK_BGRA), recorded.area(GREEN)) == (100 * 100, 100)


def test_with_a_compositor_what_lies_above_is_not_trusted_to_hide(
    watch: Callable[..., Recorded], program: Program
) -> None:
    """Harm: a translucent window above a private one."""
    recorded = watch()
    private = program.window(Rect(20, 20, 100, 100), PRIVATE, app="secret")
    program.show(private)
    above = program.window(Rect(0, 0, 200, 200), GREEN)
    program.show(above)
    recorded.settle()
    assert (recorded.area(MASK_BGRA), recorded.area(GREEN)) == (0, 200 * 200)
    name = "_NET_WM_CM_S0"
    atom = program.core.InternAtom(False, len(name), name).reply().atom
    program.core.SetSelectionOwner(above, atom, xp.Time.CurrentTime)
    program.sync()
    recorded.settle()
    assert recorded.area(MASK_BGRA) == 100 * 100


def test_a_rule_for_one_screen_masks_only_there(watch: Callable[..., Recorded], program: Program) -> None:
    recorded = watch(PrivacyRule(name="rule", app="secret", screen="left"))
    window = program.window(Rect(270, 20, 100, 100), GREEN, app="secret")
    program.show(window)
    recorded.settle()
    assert (recorded.area(MASK_BGRA), recorded.area(GREEN)) == (50 * 100, 50 * 100)
    program.move(window, 0, 0)
    recorded.settle()
    assert (recorded.area(MASK_BGRA), recorded.area(GREEN)) == (100 * 100, 0)


def test_hours_begin_and_end_while_nothing_moves(watch: Callable[..., Recorded], program: Program) -> None:
    """Harm: at ten in the evening the picture stands still, so nobody looks at the rules."""
    now = [time.struct_time((2026, 1, 1, 21, 59, 59, 3, 1, 0))]
    recorded = watch(PrivacyRule(name="rule", app="secret", hours="22:00-06:00"), civil=lambda: now[0])
    window = program.window(Rect(20, 20, 100, 100), GREEN, app="secret")
    program.show(window)
    recorded.settle()
    assert recorded.area(GREEN) == 100 * 100
    now[0] = time.struct_time((2026, 1, 1, 22, 0, 59, 3, 1, 0))
    until(recorded.source.changed_ns, 3, what="the hour")
    recorded.settle()
    assert recorded.area(MASK_BGRA) == 100 * 100
    now[0] = time.struct_time((2026, 1, 2, 6, 0, 0, 3, 1, 0))
    until(recorded.source.changed_ns, 3, what="the hour")
    recorded.settle()
    assert recorded.area(GREEN) == 100 * 100


def test_rules_that_match_nothing_cause_no_grab_and_no_question(
    watch: Callable[..., Recorded], program: Program
) -> None:
    """Harm: a rule costs something while nothing happens, or for every change of a harmless title."""
    recorded = watch(PrivacyRule(name="rule", app="secret", title="*"))
    window = program.window(Rect(20, 20, 100, 100), GREEN)
    program.show(window)
    recorded.settle()
    for _ in range(5):
        program.name(window, xp.Atom.WM_NAME, "another title")
    program.sync()
    before = time.thread_time_ns()
    assert recorded.source.changed_ns() is None
    for _ in range(20):
        assert recorded.source.changed_ns() is None
    assert time.thread_time_ns() - before < NS_PER_S // 50


def test_windows_that_close_while_they_are_asked_about_do_no_harm(
    watch: Callable[..., Recorded], program: Program
) -> None:
    """Harm: a BadWindow error ends the recording."""
    recorded = watch()
    for _ in range(30):
        window = program.window(Rect(0, 0, 10, 10), GREEN)
        program.core.MapWindow(window)
        program.core.DestroyWindow(window)
    program.sync()
    recorded.settle()
    assert recorded.area(GREEN) == 0


def test_a_source_opened_again_masks_as_before(watch: Callable[..., Recorded], program: Program) -> None:
    """Harm: after a lost display the first frame shows what was hidden."""
    recorded = watch()
    program.show(program.window(Rect(20, 20, 100, 100), PRIVATE, app="secret"))
    recorded.source.close()
    recorded.source.open()
    recorded.grab(full=True)
    assert recorded.area(MASK_BGRA) == 100 * 100


def test_bands_are_masked_where_they_overlap_and_nowhere_else() -> None:
    mask = PrivacyMask(PrivacyRules(SECRET))
    mask.parts(VIEW)
    pixels = np.full((10, 10, 4), 9, np.uint8)
    mask._meanwhile = [Rect(5, 5, 100, 100)]
    mask.apply(Rect(2, 2, 100, 100), [Band(Rect(0, 0, 10, 10), pixels)])
    assert (pixels[3:, 3:] == MASK_BGRA).all()
    assert (pixels[:3] == 9).all()
    assert (pixels[:, :3] == 9).all()


def test_nothing_is_asked_before_it_is_opened() -> None:
    mask = PrivacyMask(PrivacyRules(SECRET))
    event: Any = xcffib.xproto.MapNotifyEvent
    mask.note(event.synthetic(1, 2, 0))
    assert mask.changed_ns() is None


def test_a_hidden_monitor_is_masked_in_a_region_that_reaches_onto_it(
    watch: Callable[..., Recorded], program: Program
) -> None:
    """Harm: a screen is never recorded, but a region of it is."""
    recorded = watch(PrivacyRule(name="rule", screen="RIGHT"))
    assert recorded.area(MASK_BGRA) == 320 * 480
    program.show(program.window(Rect(300, 0, 40, 40), GREEN))
    recorded.settle()
    assert recorded.area(GREEN) == 20 * 40
    assert recorded.area(MASK_BGRA) == 320 * 480
