"""One window of an X11 screen as a source of frames: its own pixels, also where something lies over it.

What is recorded is the window of the program, without the frame that a window manager puts around it. A window that is
minimised keeps its last picture; one that is closed is lost, and its successor is found by `x11_wanted`. While it is
dragged without a compositing manager the server reports all of it as drawn.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import xcffib.xproto

from reeld.capture.api import Band, Grab, Rect, Size
from reeld.capture.regions import bands_of
from reeld.capture.x11_damage import DamageWatch
from reeld.capture.x11_overlay import Overlay
from reeld.capture.x11_pixmap import Shown, WindowPixmap, is_shown, lineage
from reeld.capture.x11_shm import PixelReader, pixel_reader
from reeld.capture.x11_wanted import WantedWindow
from reeld.capture.x11_wire import XConnection, translated
from reeld_proto.errors import ErrorCode, RequestRejected

_DEPTHS = (24, 32)
"""Depths whose pixels are four bytes. The fourth is alpha in the second; colours are multiplied by it already, so that
leaving it out is the picture over black."""

_CLOSED = (xcffib.xproto.WindowError, xcffib.xproto.DrawableError)

_EVENTS = xcffib.xproto.EventMask.StructureNotify | xcffib.xproto.EventMask.PropertyChange


class X11WindowSource:
    """Implements FrameSource over a window of the X server that DISPLAY names.

    overlays: change the pixels, in this order; their view is where the window lies on the desktop.
    """

    def __init__(self, wanted: WantedWindow, *, overlays: Sequence[Overlay] = ()) -> None:
        self._wanted = wanted
        self._overlays = overlays
        self._connection: XConnection | None = None
        self._window = 0
        self._lineage: list[int] = []
        self._damage: DamageWatch | None = None
        self._pixmap: WindowPixmap | None = None
        self._pixels: PixelReader | None = None
        self._pixels_max = 0
        self._shown: Shown | None = None
        self._view = Rect(0, 0, 0, 0)
        self._moved_ns: int | None = None
        self._renew = False
        self._retitled = False
        self._title_atoms: Sequence[int] = ()

    @property
    def size(self) -> Size:
        """See FrameSource."""
        return Size(self._view.width, self._view.height)

    def open(self) -> None:
        """Connect. RequestRejected: NO_DISPLAY, or DEVICE_FAILED if the window is not there or cannot be recorded."""
        self.close()
        connection = self._connection = XConnection()
        try:
            with translated("opening the window"):
                _check_extensions(connection)
                self._window = self._wanted.find(connection)
                self._attach(connection)
                for overlay in self._overlays:
                    overlay.open(connection)
        except RequestRejected:
            self.close()
            raise

    def close(self) -> None:
        """Disconnect and free the shared memory; the server keeps no pixels for the window any more."""
        if self._pixels is not None:
            self._pixels.close()
        if self._connection is not None:
            self._connection.close()
        self._connection = self._damage = self._pixmap = self._pixels = self._shown = None
        self._pixels_max = 0

    def filenos(self) -> Sequence[int]:
        """See FrameSource."""
        return (self._open_connection().xcb.get_file_descriptor(),)

    def changed_ns(self) -> int | None:
        """See FrameSource."""
        with translated("waiting"):
            self._read_events()
            instants = [self._moved_ns, self._damage.changed_ns() if self._damage is not None else None]
            instants += [overlay.changed_ns() for overlay in self._overlays]
        return min((instant for instant in instants if instant is not None), default=None)

    def grab(self, *, full: bool) -> Grab:
        """See FrameSource."""
        with translated("reading the window"):
            self._read_events()
            if self._moved_ns is not None:
                try:
                    full = self._locate(self._open_connection()) or full
                except _CLOSED as error:
                    raise self._wanted.lost(self._open_connection()) from error
            return self._grab(full=full)

    def _attach(self, connection: XConnection) -> None:
        try:
            geometry = connection.xcb.core.GetGeometry(self._window).reply()
            if geometry.depth not in _DEPTHS:
                raise RequestRejected(
                    f"windows of depth {geometry.depth} cannot be recorded", code=ErrorCode.DEVICE_FAILED
                )
            self._view = Rect(geometry.x, geometry.y, geometry.width, geometry.height)
            self._watch(connection)
            self._pixmap = WindowPixmap(connection, self._window)
            self._damage = DamageWatch(connection, self._window)
            self._renew = True
            self._locate(connection)
        except _CLOSED as error:
            raise self._wanted.gone() from error

    def _watch(self, connection: XConnection) -> None:
        """Ask for the events of the window and of the frames around it."""
        core = connection.xcb.core
        utf8_title = core.InternAtom(False, len("_NET_WM_NAME"), "_NET_WM_NAME").reply().atom  # noqa: FBT003
        self._title_atoms = (xcffib.xproto.Atom.WM_NAME, utf8_title)
        self._lineage = lineage(connection, self._window)
        self._wanted.top_level = self._lineage[-1]
        for window in self._lineage:
            core.ChangeWindowAttributesChecked(window, xcffib.xproto.CW.EventMask, [_EVENTS]).check()

    def _locate(self, connection: XConnection) -> bool:
        """Look up where the window is and which pixmap it has; whether all of it must be read."""
        self._moved_ns = None
        if not is_shown(connection, self._window):
            return False
        renewed = False
        if self._renew:
            self._renew = False
            shown = self._pixmap.renew() if self._pixmap is not None else None
            # None: minimised just now, an event will say when it is back.
            renewed, self._shown = shown is not None, shown or self._shown
        corner = connection.xcb.core.TranslateCoordinates(self._window, connection.root, 0, 0).reply()
        _, _, width, height = self._shown.inside if self._shown is not None else self._view
        self._view = Rect(corner.dst_x, corner.dst_y, width, height)
        return renewed

    def _grab(self, *, full: bool) -> Grab:
        if self._damage is None:
            raise _not_open()
        view = self._view
        whole = Rect(0, 0, view.width, view.height)
        drawn = self._damage.take()
        again = [part for overlay in self._overlays for part in overlay.parts(view)]
        if again:
            drawn = np.concatenate((drawn, np.array(again, np.int32) - np.array([view.x, view.y, 0, 0], np.int32)))
        parts = [whole] if full else bands_of(drawn, whole)
        at_ns = time.monotonic_ns()
        if self._shown is None:
            # It was minimised when the recording began: black until it is seen.
            return Grab(at_ns, [Band(whole, np.zeros((view.height, view.width, 4), np.uint8))] if full else [])
        bands = self._reader(whole.area).read(self._shown.inside, parts, self._shown.drawable)
        if self._overlays and bands:
            self._read_events()
            for overlay in self._overlays:
                overlay.apply(view, bands)
        return Grab(at_ns, bands)

    def _reader(self, area: int) -> PixelReader:
        if self._pixels is None or area > self._pixels_max:
            if self._pixels is not None:
                self._pixels.close()
            self._pixels = None
            self._pixels = pixel_reader(self._open_connection(), area, writable=bool(self._overlays))
            self._pixels_max = area
        return self._pixels

    def _read_events(self) -> None:
        connection = self._open_connection()
        while (event := connection.xcb.poll_for_event()) is not None:
            if self._damage is not None:
                self._damage.note(event)
            if getattr(event, "window", None) in self._lineage:
                self._note(connection, event)
            for overlay in self._overlays:
                overlay.note(event)
        if self._retitled:
            self._retitled = False
            self._wanted.note_title(connection)

    def _note(self, connection: XConnection, event: Any) -> None:
        match event:
            case xcffib.xproto.DestroyNotifyEvent() if event.window == self._window:
                self._retitled = False
                raise self._wanted.lost(connection)
            case xcffib.xproto.PropertyNotifyEvent():
                self._retitled = self._retitled or (event.window == self._window and event.atom in self._title_atoms)
                return
            case xcffib.xproto.ReparentNotifyEvent():
                self._watch(connection)
            case xcffib.xproto.MapNotifyEvent():
                self._renew = True
            case xcffib.xproto.ConfigureNotifyEvent() if event.window == self._window:
                edge = self._shown.inside.x if self._shown is not None else 0
                known = (*self.size, edge)
                self._renew = self._renew or (event.width, event.height, event.border_width) != known
        self._moved_ns = self._moved_ns or time.monotonic_ns()

    def _open_connection(self) -> XConnection:
        if self._connection is None:
            raise _not_open()
        return self._connection


def _check_extensions(connection: XConnection) -> None:
    missing = [name for name in ("Composite", "DAMAGE", "XFIXES") if not connection.has_extension(name)]
    if missing:
        raise RequestRejected(
            f"windows cannot be recorded: this X server lacks {', '.join(missing)}",
            code=ErrorCode.DEVICE_FAILED,
            remedy="Record the display or a region, or enable the extension in the server's configuration.",
        )


def _not_open() -> RequestRejected:
    return RequestRejected("the window is not open", code=ErrorCode.DEVICE_FAILED)
