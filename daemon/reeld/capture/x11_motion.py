"""Where the pointer is, and one signal when it has left the place that was last asked for.

DESIGN: raw motion of XInput 2 is delivered to whoever asks, also while a program has grabbed the pointer, and takes no
event from anybody (plain motion events selected on the root window do). A mouse sends up to 1000 a second. The first
one is enough: the selection is cancelled until the next look, so that the traffic is bounded by the rate of frames.

A program that sets the pointer somewhere else (XWarpPointer) causes no raw motion, and old servers have no XInput 2: so
whoever asks whether something has changed causes a look, once a second.
"""

import io
import struct
import time
from typing import Any, NamedTuple

import xcffib
import xcffib.xproto

from reeld.capture.x11_wire import XConnection
from reeld_proto.units import NS_PER_S

LOOK_NS = NS_PER_S
"""Longest time without looking while somebody asks."""

# XInput is not in `xcffib.xinput`'s hands: it counts the values of a motion event wrongly and fails at some.
_XINPUT: Any = xcffib.ExtensionKey("XInputExtension")  # type: ignore[no-untyped-call]
_OPCODE_SELECT_EVENTS = 46
_OPCODE_QUERY_VERSION = 47
_RAW_MOTION = 17
_ALL_MASTER_DEVICES = 1
_VERSION = (2, 2)


class PointerAt(NamedTuple):
    """x, y: on the root window. top_level: the root's child beneath it, 0 where there is none."""

    x: int
    y: int
    top_level: int


class PointerMotion:
    """Watches the pointer of one connection, in its thread. Raises xcffib's exceptions."""

    def __init__(self, connection: XConnection) -> None:
        self._connection = connection
        self._major: int | None = None
        self._moved_ns: int | None = None
        self._armed = False
        self._taken = 0
        self._at: PointerAt | None = None
        self._looked_ns = 0
        self._xinput: Any = xcffib.Extension(connection.xcb, _XINPUT)  # type: ignore[no-untyped-call]
        if connection.has_extension(_XINPUT.name):
            try:
                connection.ask(self._xinput, _OPCODE_QUERY_VERSION, struct.pack("=HH", *_VERSION))
            except xcffib.xproto.RequestError:
                return  # XInput 1
            reply = connection.xcb.core.QueryExtension(len(_XINPUT.name), _XINPUT.name).reply()
            self._major = reply.major_opcode

    def note(self, event: Any) -> None:
        """An event of the connection has arrived; most are meant for others."""
        if (
            self._moved_ns is None
            and isinstance(event, xcffib.xproto.GeGenericEvent)
            and (event.extension, event.event_type) == (self._major, _RAW_MOTION)
            and (event.sequence - self._taken) & 0xFFFF < 0x8000  # sent after the last look
        ):
            self._moved_ns = time.monotonic_ns()
            self._select(0)
            self._connection.xcb.flush()

    def changed_ns(self) -> int | None:
        """Monotonic instant since which the pointer is elsewhere than `take` said, None if it is not.

        Once a second this takes a round trip to the server.
        """
        now_ns = time.monotonic_ns()
        if self._moved_ns is None and now_ns - self._looked_ns >= LOOK_NS:
            self._looked_ns = now_ns
            if self._query()[0] != self._at:
                self._moved_ns = now_ns
        return self._moved_ns

    def take(self) -> PointerAt | None:
        """Where it is; None: on another screen. From now on motion is signalled again."""
        if self._moved_ns is not None or not self._armed:
            self._select(1 << _RAW_MOTION)
            self._armed, self._moved_ns = True, None
        self._at, self._taken = self._query()
        self._looked_ns = time.monotonic_ns()
        return self._at

    def _query(self) -> tuple[PointerAt | None, int]:
        """Where it is, and the number of the request that asked."""
        cookie = self._connection.xcb.core.QueryPointer(self._connection.root)
        reply = cookie.reply()
        at = PointerAt(reply.root_x, reply.root_y, reply.child) if reply.same_screen else None
        return at, cookie.sequence

    def _select(self, mask: int) -> None:
        """Which events of the pointer arrive from now on."""
        if self._major is not None:
            fields = struct.pack("=IH2xHHI", self._connection.root, 1, _ALL_MASTER_DEVICES, 1, mask)
            self._xinput.send_request(_OPCODE_SELECT_EVENTS, io.BytesIO(b"\0\0\0\0" + fields))
