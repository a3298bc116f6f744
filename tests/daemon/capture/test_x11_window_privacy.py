"""A window that is recorded and comes to match a rule. Harm guarded against: one frame of it."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import xcffib.xproto as xp

from reeld.capture.api import Rect
from reeld.capture.hiding import SourceHidden
from reeld.capture.privacy import PrivacyRules
from reeld.capture.x11_privacy import MASK_BGRA
from reeld.capture.x11_wanted import WantedWindow
from reeld.capture.x11_window import X11WindowSource
from reeld.capture.x11_window_privacy import WindowVeil
from reeld_proto.errors import ErrorCode
from reeld_proto.privacy import PrivacyRule
from tests.daemon.capture.canvas import GREEN
from tests.daemon.capture.dancer import PRIVATE
from tests.daemon.capture.test_x11_privacy import Program, count
from tests.support.desk import VirtualDesk
from tests.support.wait import until

BANK = PrivacyRule(name="bank", title="*bank*")


@pytest.fixture
def program(at_x_desk: VirtualDesk) -> Iterator[Program]:
    started = Program()
    yield started
    started.connection.disconnect()


@pytest.fixture
def make(program: Program, no_leaks: None) -> Iterator[Callable[..., tuple[X11WindowSource, WindowVeil]]]:
    sources: list[X11WindowSource] = []

    def build(window: int, *rules: PrivacyRule, **options: Any) -> tuple[X11WindowSource, WindowVeil]:
        wanted = WantedWindow(hex(window))
        veil = WindowVeil(PrivacyRules(rules or [BANK]), wanted, **options)
        source = X11WindowSource(wanted, overlays=[veil])
        sources.append(source)
        return source, veil

    yield build
    for source in sources:
        source.close()


Make = Callable[..., tuple[X11WindowSource, WindowVeil]]


def test_a_private_window_is_refused_before_a_pixel_of_it_is_read(program: Program, make: Make) -> None:
    window = program.window(Rect(20, 20, 100, 100), PRIVATE, title="my bank")
    program.show(window)
    source, _ = make(window)
    with pytest.raises(SourceHidden, match="'bank'") as caught:
        source.open()
    assert (caught.value.code, caught.value.exit_code, caught.value.rule) == (ErrorCode.DENIED, 8, "bank")


def test_a_title_that_comes_to_match_ends_the_capture_and_one_that_does_not_any_more_brings_it_back(
    program: Program, make: Make
) -> None:
    window = program.window(Rect(20, 20, 100, 100), GREEN)
    program.show(window)
    source, _ = make(window)
    source.open()
    assert count(source.grab(full=True).bands, GREEN) == 100 * 100
    program.name(window, xp.Atom.WM_NAME, "other news")
    program.sync()
    source.grab(full=True)
    program.name(window, xp.Atom.WM_NAME, "my bank")
    program.paint(window, PRIVATE)
    with pytest.raises(SourceHidden):
        source.changed_ns()
    source.close()
    with pytest.raises(SourceHidden):
        source.open()
    program.paint(window, GREEN)
    program.name(window, xp.Atom.WM_NAME, "news")
    program.sync()
    source.open()
    assert count(source.grab(full=True).bands, GREEN) == 100 * 100


def test_a_title_set_after_the_question_and_before_the_pixels_masks_them(program: Program, make: Make) -> None:
    """Harm: the pixels of one frame are read in between."""
    window = program.window(Rect(20, 20, 100, 100), GREEN)
    program.show(window)
    source, veil = make(window)
    source.open()
    source.grab(full=True)
    ask = veil.parts

    def parts(view: Rect) -> Any:
        found = ask(view)
        program.name(window, xp.Atom.WM_NAME, "my bank")
        program.paint(window, PRIVATE)
        return found

    veil.parts = parts  # type: ignore[method-assign]
    (band,) = source.grab(full=True).bands
    assert (band.pixels == MASK_BGRA).all()
    with pytest.raises(SourceHidden):
        source.changed_ns()


def test_a_harmless_title_set_in_between_masks_one_frame_only(program: Program, make: Make) -> None:
    window = program.window(Rect(20, 20, 100, 100), GREEN)
    program.show(window)
    source, veil = make(window)
    source.open()
    ask, picture = veil.parts, np.zeros((100, 100, 4), np.uint8)

    def parts(view: Rect) -> Any:
        found = ask(view)
        program.name(window, xp.Atom.WM_NAME, "other news")
        program.sync()
        return found

    veil.parts = parts  # type: ignore[method-assign]
    source.grab(full=True)
    veil.parts = ask  # type: ignore[method-assign]

    def quiet() -> bool:
        for band in source.grab(full=False).bands:
            picture[band.rect.y : band.rect.bottom, band.rect.x : band.rect.right] = band.pixels
        return source.changed_ns() is None

    assert source.changed_ns() is not None
    until(quiet, 3, what="a picture that needs no change")
    assert (picture[:, :, 1] == 255).all()


def test_a_private_hour_begins_while_the_window_stands_still(program: Program, make: Make) -> None:
    now = [time.struct_time((2026, 1, 1, 21, 59, 59, 3, 1, 0))]
    window = program.window(Rect(20, 20, 100, 100), GREEN)
    program.show(window)
    source, _ = make(window, PrivacyRule(name="night", app="editor", hours="22:00-06:00"), civil=lambda: now[0])
    source.open()
    source.grab(full=True)
    now[0] = time.struct_time((2026, 1, 1, 22, 0, 0, 3, 1, 0))

    def asked() -> bool:
        try:
            source.changed_ns()
        except SourceHidden:
            return True
        return False

    until(asked, 3, what="the hour")
