"""Pixels of the screen or a pixmap, through shared memory (MIT-SHM) if the server is on this machine, else by wire."""

import ctypes
import sys
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import xcffib
import xcffib.shm

from reeld.capture.api import Band, Pixels, Rect
from reeld.capture.x11_wire import XConnection

_BYTES_PER_PIXEL = 4
_Z_PIXMAP = 2
_ALL_PLANES = 0xFFFFFFFF

# <sys/ipc.h> and <sys/shm.h> of Linux.
_IPC_PRIVATE = 0
_IPC_RMID = 0
_OWNER_ONLY = 0o600
_ATTACH_FAILED = ctypes.c_void_p(-1).value


class PixelReader(Protocol):
    """Reads parts of what is shown on one connection, in its thread. Raises xcffib's exceptions; the owner translates.

    Every `read` is of the screen, or of `drawable`: a pixmap of four bytes a pixel.
    """

    def read(self, origin: Rect, parts: Sequence[Rect], drawable: int | None = None) -> list[Band]:
        """Pixels of `parts`, which are relative to `origin`; valid until the next call."""
        ...

    def close(self) -> None:
        """Free the memory. Pixels handed out become invalid."""
        ...


class WirePixels:
    """Pixels sent over the connection: for servers elsewhere or in another container. Ten times dearer."""

    def __init__(self, connection: XConnection, *, writable: bool = False) -> None:
        self._connection = connection
        self._writable = writable

    def read(self, origin: Rect, parts: Sequence[Rect], drawable: int | None = None) -> list[Band]:
        """Pixels of `parts`, in memory of their own."""
        drawable = self._connection.root if drawable is None else drawable
        bands = []
        for part in parts:
            where = Rect(origin.x + part.x, origin.y + part.y, part.width, part.height)
            data = self._connection.get_image(drawable, *where)
            pixels: Pixels = np.frombuffer(bytearray(data) if self._writable else data, np.uint8).reshape(
                part.height, part.width, _BYTES_PER_PIXEL
            )
            bands.append(Band(part, pixels))
        return bands

    def close(self) -> None:
        """Nothing is held."""


class SharedPixels:
    """Pixels that the server writes into a SysV segment. pixels_max: the most that one `read` may ask for.

    writable: whether whoever reads them may change them.
    """

    def __init__(self, connection: XConnection, pixels_max: int, *, writable: bool = False) -> None:
        self._connection = connection
        self._shm: Any = connection.xcb(xcffib.shm.key)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.shmat.restype = ctypes.c_void_p
        self._libc.shmdt.argtypes = [ctypes.c_void_p]
        self._address: int | None = None
        size = pixels_max * _BYTES_PER_PIXEL
        segment = self._create(size)
        try:
            self._segment = connection.xcb.generate_id()
            self._shm.AttachChecked(self._segment, segment, False).check()  # noqa: FBT003 - field of the request
        except xcffib.XcffibException:
            self.close()
            raise
        self._memory.flags.writeable = writable

    def _create(self, size: int) -> int:
        segment = self._libc.shmget(_IPC_PRIVATE, ctypes.c_size_t(size), _OWNER_ONLY)
        if segment < 0:
            raise OSError(ctypes.get_errno(), "no shared memory segment")
        address = self._libc.shmat(segment, None, 0)
        # Marked for removal at once, so that nothing is left behind however this process ends. Linux lets the server
        # attach to it by number as long as somebody is attached (shmctl(2), IPC_RMID).
        self._libc.shmctl(segment, _IPC_RMID, None)
        if address == _ATTACH_FAILED:
            raise OSError(ctypes.get_errno(), "the shared memory segment cannot be attached")
        self._address = address
        self._memory = np.frombuffer(memoryview((ctypes.c_ubyte * size).from_address(address)), np.uint8)
        return int(segment)

    def read(self, origin: Rect, parts: Sequence[Rect], drawable: int | None = None) -> list[Band]:
        """Pixels of `parts`, one behind the other in the segment; all requests are sent before the first reply."""
        drawable = self._connection.root if drawable is None else drawable
        bands, cookies, offset = [], [], 0
        for part in parts:
            x, y = origin.x + part.x, origin.y + part.y
            size = part.area * _BYTES_PER_PIXEL
            cookies.append(
                self._shm.GetImage(
                    drawable, x, y, part.width, part.height, _ALL_PLANES, _Z_PIXMAP, self._segment, offset
                )
            )
            pixels = self._memory[offset : offset + size].reshape(part.height, part.width, _BYTES_PER_PIXEL)
            bands.append(Band(part, pixels))
            offset += size
        for cookie in cookies:
            cookie.reply()
        return bands

    def close(self) -> None:
        """Detach. The server detaches when the connection closes. May be called twice."""
        if self._address is not None:
            self._libc.shmdt(self._address)
            self._address = None


def pixel_reader(connection: XConnection, pixels_max: int, *, writable: bool = False) -> PixelReader:
    """Shared memory if the server can reach ours, else the wire. writable: the pixels may be changed."""
    if sys.platform == "linux" and connection.has_extension("MIT-SHM"):
        try:
            return SharedPixels(connection, pixels_max, writable=writable)
        except (xcffib.xproto.AccessError, xcffib.shm.BadSegError, xcffib.xproto.ValueError, OSError):
            # A server on another machine or with other System V namespaces refuses a segment it cannot see.
            return WirePixels(connection, writable=writable)
    return WirePixels(connection, writable=writable)
