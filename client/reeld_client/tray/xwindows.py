"""Windows of the tray on X11: pictures that stand above everything and that no window manager touches."""

from typing import Any

from PIL import Image
from Xlib import X

from reeld_client.tray.popup import Popup


class PopupWindow:
    """A popup on the screen. For menus it takes pointer and keyboard, so that a click anywhere else closes it."""

    def __init__(self, display: Any, popup: Popup, at: tuple[int, int], name: str) -> None:
        self.popup = popup
        self.chosen: int | None = None
        self.is_pressed = False
        """Whether a button went down inside: the click that opened it must not choose."""
        self._display = display
        width, height = popup.size
        screen = display.screen()
        self.window = screen.root.create_window(
            *(*at, width, height, 0, screen.root_depth, X.InputOutput),
            override_redirect=True,
            save_under=True,
            event_mask=X.ExposureMask | X.ButtonPressMask | X.ButtonReleaseMask | X.PointerMotionMask,
        )
        self.window.set_wm_class(name, "Reel-tray")
        self.window.set_wm_name(name)
        self._context = self.window.create_gc()
        self.window.map()
        self.window.raise_window()

    def take_input(self, at_ms: int) -> bool:
        """Whether pointer and keyboard are ours until `close`. at_ms: time of the click, of the X server."""
        self._display.sync()
        mask = X.ButtonPressMask | X.ButtonReleaseMask | X.PointerMotionMask
        mode = X.GrabModeAsync
        taken = self.window.grab_pointer(0, mask, mode, mode, X.NONE, X.NONE, at_ms)
        self.window.grab_keyboard(0, mode, mode, at_ms)
        return bool(taken == X.GrabSuccess)

    def show(self, popup: Popup) -> None:
        """Show other entries in the same place."""
        if popup.size != self.popup.size:
            width, height = popup.size
            self.window.configure(width=width, height=height)
        self.popup = popup
        if self.chosen is not None and (
            self.chosen >= len(popup.entries) or not popup.entries[self.chosen].can_be_chosen
        ):
            self.chosen = None
        self.paint()

    def choose(self, row: int | None) -> None:
        """Mark a row."""
        if row != self.chosen:
            self.chosen = row
            self.paint()

    def paint(self) -> None:
        """Paint it anew."""
        put(self.window, self._context, self.popup.draw(self.chosen))

    def close(self) -> None:
        """Take it from the screen, and give back pointer and keyboard."""
        self._display.ungrab_pointer(X.CurrentTime)
        self._display.ungrab_keyboard(X.CurrentTime)
        self._context.free()
        self.window.destroy()
        self._display.flush()


def put(window: Any, context: Any, image: Image.Image) -> None:
    """Paint a picture into the upper left corner of a window of 24 bits a pixel."""
    window.put_pil_image(context, 0, 0, image.convert("RGB"))
