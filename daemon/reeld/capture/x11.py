"""A rectangle of an X11 screen as a source of frames: damage tells, shared memory brings.

Without the DAMAGE extension every frame is fetched and compared with the last one. The rectangle is looked up again
whenever the server says that monitors have changed.
"""

import time
from collections.abc import Sequence

import numpy as np
import xcffib.randr
import xcffib.xproto

from reeld.capture.api import Band, Grab, Rect, Size
from reeld.capture.compare import changed_rows
from reeld.capture.regions import bands_of
from reeld.capture.x11_damage import DamageWatch
from reeld.capture.x11_overlay import Overlay, SeesDrawing
from reeld.capture.x11_place import Place
from reeld.capture.x11_shm import PixelReader, pixel_reader
from reeld.capture.x11_wire import XConnection, translated
from reeld_proto.errors import ErrorCode, RequestRejected

_DEPTHS = (24, 32)
"""Depths whose pixels are four bytes, BGRA on little-endian machines. Others have not been in use for decades."""

_MOVES = (xcffib.randr.ScreenChangeNotifyEvent, xcffib.randr.NotifyEvent, xcffib.xproto.ConfigureNotifyEvent)

_TRIES = 3
"""The screen may become smaller between looking the place up and reading it; so often in a row it does not."""


class X11Source:
    """Implements FrameSource over the X server that DISPLAY names. place: where on its root window.

    overlays: change the pixels, in this order. use_damage: False compares frames instead, as on servers without the
    extension.
    """

    def __init__(self, place: Place, *, overlays: Sequence[Overlay] = (), use_damage: bool = True) -> None:
        self._place = place
        self._overlays = overlays
        self._seers = [overlay for overlay in overlays if isinstance(overlay, SeesDrawing)]
        self._rect = Rect(0, 0, 0, 0)
        self._use_damage = use_damage
        self._connection: XConnection | None = None
        self._damage: DamageWatch | None = None
        self._pixels: PixelReader | None = None
        self._pixels_max = 0
        self._last = np.empty((0, 0, 4), np.uint8)
        self._grabbed_ns = 0
        self._moved_ns: int | None = None

    @property
    def size(self) -> Size:
        """See FrameSource."""
        return Size(self._rect.width, self._rect.height)

    def open(self) -> None:
        """Connect. RequestRejected: NO_DISPLAY, or DEVICE_FAILED if the place is not on this screen."""
        self.close()
        connection = self._connection = XConnection()
        try:
            with translated("opening the screen"):
                _check_depth(connection)
                _watch_monitors(connection)
                if self._use_damage and all(map(connection.has_extension, ("DAMAGE", "XFIXES"))):
                    self._damage = DamageWatch(connection)
                for overlay in self._overlays:
                    overlay.open(connection)
                self._locate()
        except RequestRejected:
            self.close()
            raise

    def close(self) -> None:
        """Disconnect and free the shared memory."""
        if self._pixels is not None:
            self._pixels.close()
        if self._connection is not None:
            self._connection.close()
        self._connection = self._damage = self._pixels = None
        self._pixels_max = 0

    def filenos(self) -> Sequence[int]:
        """See FrameSource."""
        return (self._open_connection().xcb.get_file_descriptor(),) if self._damage is not None else ()

    def changed_ns(self) -> int | None:
        """See FrameSource. A damaged part outside of the rectangle counts as a change too."""
        with translated("waiting"):
            self._read_events()
            if self._damage is None:
                return self._grabbed_ns
            instants = [self._moved_ns, self._damage.changed_ns()]
            instants += [overlay.changed_ns() for overlay in self._overlays]
        return min((instant for instant in instants if instant is not None), default=None)

    def grab(self, *, full: bool) -> Grab:
        """See FrameSource."""
        for tries_left in reversed(range(_TRIES)):
            with translated("reading the screen"):
                self._read_events()
                if self._moved_ns is not None:
                    full = self._locate() or full
                try:
                    return self._grab(full=full)
                except xcffib.xproto.MatchError:
                    # The screen has shrunk since its monitors were looked up. The damage is taken already.
                    self._moved_ns = time.monotonic_ns()
                    full = True
                    if not tries_left:
                        raise
        raise AssertionError

    def _grab(self, *, full: bool) -> Grab:
        pixels = self._pixels
        if pixels is None:
            raise _not_open()
        whole = Rect(0, 0, *self.size)
        parts: Sequence[Rect] = [whole]
        drawn = None if self._damage is None else self._damage.take()
        if drawn is not None and self._seers:
            self._read_events()
            for seer in self._seers:
                seer.drawn(drawn)
        again = [part for overlay in self._overlays for part in overlay.parts(self._rect)]
        if drawn is not None:
            if again:
                drawn = np.concatenate((drawn, np.array(again, np.int32)))
            if not full:
                parts = bands_of(drawn, self._rect)
        at_ns = self._grabbed_ns = time.monotonic_ns()
        bands = pixels.read(self._rect, parts)
        if self._overlays and bands:
            self._read_events()
            for overlay in self._overlays:
                overlay.apply(self._rect, bands)
        if self._damage is None:
            bands = self._compared(bands[0], full=full)
        return Grab(at_ns, bands)

    def _compared(self, band: Band, *, full: bool) -> list[Band]:
        fresh = full or self._last.shape != band.pixels.shape
        parts = [band.rect] if fresh else changed_rows(self._last, band.pixels)
        self._last = band.pixels.copy() if parts else self._last
        return [Band(part, band.pixels[part.y : part.bottom]) for part in parts]

    def _read_events(self) -> None:
        connection = self._open_connection()
        while (event := connection.xcb.poll_for_event()) is not None:
            if self._damage is not None:
                self._damage.note(event)
            if isinstance(event, _MOVES) and getattr(event, "window", connection.root) == connection.root:
                self._moved_ns = self._moved_ns or time.monotonic_ns()
            for overlay in self._overlays:
                overlay.note(event)

    def _locate(self) -> bool:
        """Look the place up; whether it has moved or changed its size."""
        connection = self._open_connection()
        self._moved_ns = None
        rect = self._place.rect(connection)
        if rect.area > self._pixels_max:
            if self._pixels is not None:
                self._pixels.close()
            self._pixels = None
            self._pixels = pixel_reader(connection, rect.area, writable=bool(self._overlays))
            self._pixels_max = rect.area
        moved, self._rect = rect != self._rect, rect
        return moved

    def _open_connection(self) -> XConnection:
        if self._connection is None:
            raise _not_open()
        return self._connection


def _check_depth(connection: XConnection) -> None:
    if connection.screen.root_depth not in _DEPTHS:
        raise RequestRejected(
            f"screens of depth {connection.screen.root_depth} cannot be recorded",
            code=ErrorCode.DEVICE_FAILED,
            remedy="Set the screen to 24 bits a pixel.",
        )


def _watch_monitors(connection: XConnection) -> None:
    """Ask for events when the screen changes its size, or monitors come, go or move."""
    mask = xcffib.xproto.EventMask.StructureNotify
    connection.xcb.core.ChangeWindowAttributesChecked(connection.root, xcffib.xproto.CW.EventMask, [mask]).check()
    if connection.has_extension("RANDR"):
        masks = xcffib.randr.NotifyMask
        randr = connection.xcb(xcffib.randr.key)
        randr.SelectInput(connection.root, masks.ScreenChange | masks.CrtcChange | masks.OutputChange)


def _not_open() -> RequestRejected:
    return RequestRejected("the screen is not open", code=ErrorCode.DEVICE_FAILED)
