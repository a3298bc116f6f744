"""The connection to an X server: opening it, its errors in our words, and replies too large for xcffib to parse."""

import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import xcffib
import xcffib.composite
import xcffib.damage
import xcffib.randr
import xcffib.shm
import xcffib.xfixes
import xcffib.xproto

from reeld_proto.errors import ErrorCode, RequestRejected

_REPLY_HEAD = 32
"""Bytes of a reply before its variable part (X11 protocol, section 1)."""

_OPCODE_GET_IMAGE = 73
_OPCODE_FETCH_REGION = 19
_Z_PIXMAP = 2
_ALL_PLANES = 0xFFFFFFFF


class _RawReply(xcffib.Reply):
    """A reply whose variable part is kept as bytes: xcffib makes a Python object of each number, 5 us apiece."""

    def __init__(self, unpacker: Any) -> None:
        super().__init__(unpacker)  # type: ignore[no-untyped-call]
        size = self.length * 4
        unpacker.unpack(f"={_REPLY_HEAD + size}x")
        self.head = bytes(unpacker.buf[:_REPLY_HEAD])
        self.body = bytes(unpacker.buf[_REPLY_HEAD : _REPLY_HEAD + size])


class _RawCookie(xcffib.Cookie):
    reply_type: Any = _RawReply


def no_display() -> RequestRejected:
    """The error for a process that has no X server to talk to, with the remedy that fits its environment."""
    name = os.environ.get("DISPLAY")
    if name:
        remedy = "Check that the X server runs and that this user may use it (DISPLAY, XAUTHORITY, xhost)."
        return RequestRejected(f"the display {name} cannot be reached", code=ErrorCode.NO_DISPLAY, remedy=remedy)
    if os.environ.get("WAYLAND_DISPLAY"):
        message = "this is a Wayland session without X; its screens cannot be recorded yet"
        remedy = "Log in to an X11 (Xorg) session."
    else:
        message = "no display: DISPLAY is not set"
        remedy = "Start reeld inside the desktop session, or set DISPLAY (for example DISPLAY=:0)."
    return RequestRejected(message, code=ErrorCode.NO_DISPLAY, remedy=remedy)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Errors of the connection and of the server as RequestRejected (DEVICE_FAILED). `doing`: for the message."""
    try:
        yield
    except xcffib.XcffibException as error:
        raise RequestRejected(
            f"the X server failed at {doing}: {type(error).__name__}", code=ErrorCode.DEVICE_FAILED
        ) from error


class XConnection:
    """One connection to the X server that DISPLAY names. Used by one thread. Raises RequestRejected (NO_DISPLAY)."""

    def __init__(self) -> None:
        if not os.environ.get("DISPLAY"):
            raise no_display()
        try:
            xcb: Any = xcffib.Connection()  # type: ignore[no-untyped-call]
        except xcffib.XcffibException as error:
            raise no_display() from error
        self.xcb = xcb
        self.screen: Any = xcb.setup.roots[xcb.pref_screen]
        self.root: int = self.screen.root

    def close(self) -> None:
        """Disconnect; the server frees everything that belongs to the connection. May be called twice."""
        self.xcb.disconnect()

    def has_extension(self, name: str) -> bool:
        """Whether the server has the extension of this name (`DAMAGE`, `MIT-SHM`, ...)."""
        return bool(self.xcb.core.QueryExtension(len(name), name).reply().present)

    def ask(self, extension: Any, opcode: int, fields: bytes) -> tuple[bytes, bytes]:
        """Send a request that xcffib parses slowly or wrongly; the first 32 bytes of the reply and what follows.

        fields: what comes after the length. Raises xcffib's exceptions.
        """
        request = io.BytesIO(b"\0\0\0\0" + fields)
        reply = extension.send_request(opcode, request, _RawCookie, is_checked=True).reply()
        return reply.head, reply.body

    def fetch_region(self, xfixes: Any, region: int) -> npt.NDArray[np.int32]:
        """Rectangles of an XFIXES region: int32, shape (rectangles, 4), as x, y, width, height."""
        _, rectangles = self.ask(xfixes, _OPCODE_FETCH_REGION, struct.pack("=I", region))
        # A rectangle is INT16 x, y and CARD16 width, height; none is near 32768 wide, so one type reads all.
        return np.frombuffer(rectangles, np.int16).reshape(-1, 4).astype(np.int32)

    def get_image(self, drawable: int, x: int, y: int, width: int, height: int) -> bytes:
        """Pixels of a part of a window or pixmap, BGRA rows without padding."""
        request = io.BytesIO(struct.pack("=xB2xIhhHHI", _Z_PIXMAP, drawable, x, y, width, height, _ALL_PLANES))
        reply = self.xcb.core.send_request(_OPCODE_GET_IMAGE, request, _RawCookie, is_checked=True).reply()
        return bytes(reply.body)
