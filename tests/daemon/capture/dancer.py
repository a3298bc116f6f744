"""A program that does with its windows whatever programs and window managers do, fast and in random order.

Run as `python -m tests.daemon.capture.dancer --seed N --rounds R`, ends by itself. All of its windows lie in the
rectangle STAGE. A window is painted PRIVATE only while its WM_CLASS or its title says `secret`; other windows, some of
them without a background, are painted GREEN. Prints `done`.
"""

import argparse
import random
import time
from typing import Any

import xcffib.xproto as xp

from tests.daemon.capture.canvas import connect

STAGE = (0, 0, 480, 360)
PRIVATE, GREEN = 0xFF00FF, 0x00C040
POINTS_MAX = 100
_STRING = xp.Atom.STRING


class Dancer:
    """One program with two connections: its own, and that of a window manager."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.program: Any = connect()
        self.manager: Any = connect()
        self.root = self.program.get_setup().roots[0]

    def rect(self) -> tuple[int, int, int, int]:
        """Somewhere on the stage."""
        width, height = self.random.randint(40, 240), self.random.randint(40, 200)
        return self.random.randint(0, STAGE[2] - width), self.random.randint(0, STAGE[3] - height), width, height

    def window(self, connection: Any, colour: int | None, *, override: bool = False) -> int:
        """Not shown yet. colour: of its background; None: it has none."""
        window: int = connection.generate_id()
        mask, values = (0, []) if colour is None else (int(xp.CW.BackPixel), [colour])
        mask, values = mask | xp.CW.OverrideRedirect, [*values, int(override)]
        visual = self.root.root_visual
        args = (self.root.root_depth, window, self.root.root, *self.rect(), self.random.choice((0, 0, 3)), 1, visual)
        connection.core.CreateWindow(*args, mask, values)
        return window

    def name(self, window: int, atom: int, text: bytes) -> None:
        """Set WM_CLASS or WM_NAME."""
        self.program.core.ChangeProperty(xp.PropMode.Replace, window, atom, _STRING, 8, len(text), text)

    def paint(self, window: int, colour: int) -> None:
        """The whole window at once."""
        core = self.program.core
        core.ChangeWindowAttributes(window, xp.CW.BackPixel, [colour])
        core.ClearArea(False, window, 0, 0, 0, 0)

    def rest(self) -> None:
        """Until the server has done it; sometimes longer."""
        self.program.core.GetInputFocus().reply()
        self.manager.core.GetInputFocus().reply()
        if self.random.random() < 0.4:
            time.sleep(self.random.uniform(0, 0.012))

    def round(self) -> None:
        """A private window opens, is pushed about, and closes."""
        by_title, framed = self.random.random() < 0.5, self.random.random() < 0.5
        core = self.program.core
        private = self.window(self.program, None if by_title else PRIVATE)
        self.name(private, xp.Atom.WM_CLASS, b"viewer\0Viewer\0" if by_title else b"secret\0Secret\0")
        self.name(private, xp.Atom.WM_NAME, b"news")
        others = [self.window(self.manager, GREEN), self.window(self.manager, None)]
        top = private
        if framed:
            top = self.window(self.manager, GREEN)
            self.program.core.GetInputFocus().reply()
            self.manager.core.ReparentWindow(private, top, 5, 20)
            self.manager.core.MapWindow(top)
            self.manager.core.GetInputFocus().reply()
        core.MapWindow(private)
        if by_title:
            self.paint(private, GREEN)
            self.rest()
            self.name(private, xp.Atom.WM_NAME, b"my secret bank")
            self.paint(private, PRIVATE)
        for other in others:
            self.manager.core.MapWindow(other)
        for _ in range(self.random.randint(3, 9)):
            self.random.choice((self.move, self.raise_, self.lower, self.focus, self.hide))(top, others)
            self.rest()
        if self.random.random() < 0.5:
            menu = self.window(self.program, PRIVATE, override=True)
            core.MapWindow(menu)
            self.rest()
            core.DestroyWindow(menu)
        if by_title:
            self.paint(private, GREEN)
            self.name(private, xp.Atom.WM_NAME, b"news")
        self.rest()
        core.DestroyWindow(private)
        core.GetInputFocus().reply()
        for window in [*others, *([top] if framed else [])]:
            self.manager.core.DestroyWindow(window)
        self.rest()

    def move(self, top: int, _others: list[int]) -> None:
        """To somewhere else, and a little at a time."""
        x, y, width, height = self.rect()
        fields = xp.ConfigWindow.X | xp.ConfigWindow.Y | xp.ConfigWindow.Width | xp.ConfigWindow.Height
        for step in range(self.random.choice((1, 1, 12))):
            self.manager.core.ConfigureWindow(top, fields, [x + step, y + step, width, height])

    def raise_(self, top: int, _others: list[int]) -> None:
        """Above all."""
        self.manager.core.ConfigureWindow(top, xp.ConfigWindow.StackMode, [xp.StackMode.Above])

    def lower(self, top: int, _others: list[int]) -> None:
        """Below all."""
        self.manager.core.ConfigureWindow(top, xp.ConfigWindow.StackMode, [xp.StackMode.Below])

    def focus(self, _top: int, others: list[int]) -> None:
        """Another window gets the focus and comes above."""
        other = self.random.choice(others)
        self.manager.core.SetInputFocus(xp.InputFocus.PointerRoot, other, xp.Time.CurrentTime)
        self.manager.core.ConfigureWindow(other, xp.ConfigWindow.StackMode, [xp.StackMode.Above])

    def hide(self, top: int, _others: list[int]) -> None:
        """For a moment."""
        self.manager.core.UnmapWindow(top)
        self.rest()
        self.manager.core.MapWindow(top)


def main() -> None:
    """Command line of the dancer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    options = parser.parse_args()
    dancer = Dancer(options.seed)
    for _ in range(options.rounds):
        dancer.round()
    print("done", flush=True)


if __name__ == "__main__":
    main()
