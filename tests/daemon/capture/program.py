"""A program with one window, in the process that asks: it can be moved, resized, closed, and put into a frame."""

from typing import Any

import numpy as np
import xcffib.xproto as xp

from reeld.capture.api import Pixels
from tests.daemon.capture.canvas import RECTANGLE, connect


class Program:
    """Context manager: a window with a title and a class; it does not draw again what was lost.

    alpha: of depth 32. border: width of the server's own frame around it. backing: None as its background, so that
    the server paints nothing by itself.
    """

    def __init__(
        self,
        x: int,
        y: int,
        width: int,
        height: int,
        *,
        title: str = "notes.txt - Editor",
        app: str = "Editor",
        alpha: bool = False,
        border: int = 0,
        background: int | None = 0,
        mapped: bool = True,
        connection: Any = None,
    ) -> None:
        self.connection: Any = connection or connect()
        self._core = self.connection.core
        self._screen = self.connection.get_setup().roots[0]
        depth, visual = self._visual(32) if alpha else (self._screen.root_depth, self._screen.root_visual)
        colormap = self.connection.generate_id()
        self._core.CreateColormap(0, colormap, self._screen.root, visual)
        self.window: int = self.connection.generate_id()
        back = (xp.CW.BackPixmap, 0) if background is None else (xp.CW.BackPixel, background)
        mask = back[0] | xp.CW.BorderPixel | xp.CW.EventMask | xp.CW.Colormap
        values = [back[1], 0xABCDEF, xp.EventMask.Exposure, colormap]
        self._core.CreateWindow(
            depth, self.window, self._screen.root, x, y, width, height, border, 1, visual, mask, values
        )
        names = b"editor\0" + app.encode() + b"\0"
        self._core.ChangeProperty(0, self.window, xp.Atom.WM_CLASS, xp.Atom.STRING, 8, len(names), names)
        self.retitle(title)
        if mapped:
            self._core.MapWindow(self.window)
        self._gc = self.connection.generate_id()
        self._core.CreateGC(self._gc, self.window, xp.GC.GraphicsExposures, [0])
        self.settle()

    @property
    def id(self) -> str:
        """As `reelctl sources` prints it."""
        return hex(self.window)

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *exc: object) -> None:
        self.connection.disconnect()

    def settle(self) -> None:
        """Returns when the server has carried out everything."""
        self._core.GetInputFocus().reply()

    def retitle(self, title: str) -> None:
        self._core.ChangeProperty(0, self.window, xp.Atom.WM_NAME, xp.Atom.STRING, 8, len(title), title.encode())
        self.settle()

    def paint(self, picture: Pixels) -> None:
        """Put BGRA pixels at the window's corner."""
        height, width, _ = picture.shape
        depth = self._core.GetGeometry(self.window).reply().depth
        rows = max(1, 200_000 // (width * 4))
        for y in range(0, height, rows):
            part = np.ascontiguousarray(picture[y : y + rows])
            data = part.tobytes()
            self._core.PutImage(2, self.window, self._gc, width, len(part), 0, y, 0, depth, len(data), data)
        self.settle()

    def fill(self, colour: int, x: int, y: int, width: int, height: int) -> None:
        self._core.ChangeGC(self._gc, xp.GC.Foreground, [colour])
        self._core.PolyFillRectangle(self.window, self._gc, 1, [RECTANGLE.synthetic(x, y, width, height)])
        self.settle()

    def configure(self, **values: int) -> None:
        """x, y, width, height, stack_mode: what is named."""
        names = {"x": 1, "y": 2, "width": 4, "height": 8, "border_width": 16, "stack_mode": 64}
        mask = sum(names[name] for name in values)
        packed = [values[name] for name in names if name in values]
        self._core.ConfigureWindow(self.window, mask, packed)
        self.settle()

    def show(self, shown: bool) -> None:
        (self._core.MapWindow if shown else self._core.UnmapWindow)(self.window)
        self.settle()

    def close(self) -> None:
        """Close the window as a program does; its connection stays."""
        self._core.DestroyWindow(self.window)
        self.settle()

    def exposed(self) -> bool:
        """Whether the server has asked for a picture since the last call."""
        found = False
        while (event := self.connection.poll_for_event()) is not None:
            found = found or isinstance(event, xp.ExposeEvent)
        return found

    def frame(self, x: int, y: int, edge: int) -> int:
        """Put the window into a frame of its own at x, y, as a window manager does; the frame."""
        size = self._core.GetGeometry(self.window).reply()
        frame: int = self.connection.generate_id()
        width, height = size.width + 2 * edge, size.height + 2 * edge
        self._core.CreateWindow(
            self._screen.root_depth,
            frame,
            self._screen.root,
            x,
            y,
            width,
            height,
            0,
            1,
            self._screen.root_visual,
            xp.CW.BackPixel | xp.CW.OverrideRedirect,
            [0x123456, 1],
        )
        self._core.ReparentWindow(self.window, frame, edge, edge)
        self._core.MapWindow(frame)
        self.settle()
        return frame

    def move_frame(self, frame: int, x: int, y: int) -> None:
        self._core.ConfigureWindow(frame, 3, [x, y])
        self.settle()

    def _visual(self, depth: int) -> tuple[int, int]:
        allowed = next(allowed for allowed in self._screen.allowed_depths if allowed.depth == depth)
        return depth, allowed.visuals[0].visual_id


def noise(width: int, height: int, seed: int = 1) -> Pixels:
    """A picture of which no two pixels are likely the same; the fourth byte is 255."""
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    picture[:, :, 3] = 255
    return picture
