"""The lock as D-Bus tells it: screen savers on the session's bus, logind on the system's.

Screen savers send `ActiveChanged`; logind's session has the property `LockedHint`, which most desktops set. What they
say when asked counts too, so that a daemon that starts in a locked session knows.
"""

import asyncio
import os
from collections import deque
from typing import Any, cast

from jeepney import DBusAddress, HeaderFields, MatchRule, Message, MessageType, new_method_call
from jeepney.bus_messages import message_bus
from jeepney.io.asyncio import DBusConnection, open_dbus_connection

from reeld.privacy.lock import LockState, OnLock
from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger

RETRY_S = 30.0
"""How long after a bus was not there, or went away, it is looked for again."""

ANSWER_S = 5.0
"""How long a service may take to answer."""

_SAVERS = ("org.freedesktop.ScreenSaver", "org.gnome.ScreenSaver", "org.cinnamon.ScreenSaver", "org.mate.ScreenSaver")
_BUS = "org.freedesktop.DBus"
_LOGIND = "org.freedesktop.login1"
_LOGIND_SESSION = "org.freedesktop.login1.Session"
_PROPERTIES = "org.freedesktop.DBus.Properties"

UNREACHABLE = (OSError, EOFError, KeyError, RuntimeError, ValueError, TimeoutError)
"""What the library raises where there is no bus, or none any more."""


_NO_BUS = (FileNotFoundError, KeyError)


class DBusLockWatch:
    """Implements LockWatch. One connection to each bus, each tried again by itself."""

    async def serve(self, on_lock: OnLock) -> None:
        """See LockWatch."""
        state = LockState(on_lock)
        await asyncio.gather(_keep("session", _Savers(state)), _keep("system", _Logind(state)))


async def _keep(bus: str, watch: "_Savers | _Logind") -> None:
    told = ""
    while True:
        try:
            connection = await open_dbus_connection(_address(bus))
            async with connection:
                told = ""
                await watch.follow(_Talk(connection))
        except UNREACHABLE as error:
            if told != str(error):
                told = str(error)
                # A machine without a bus has nobody who could lock the session.
                log = get_logger().debug if isinstance(error, _NO_BUS) else get_logger().info
                log("lock.unwatched", bus=bus, reason=told or type(error).__name__)
            watch.state.forget(bus, monotonic_ns())
        await asyncio.sleep(RETRY_S)


def _address(bus: str) -> str:
    if bus == "session" and "DBUS_SESSION_BUS_ADDRESS" not in os.environ:
        # Where systemd puts it, for services that were started without the variable.
        return f"unix:path={os.environ['XDG_RUNTIME_DIR']}/bus"
    return bus.upper()


class _Talk:
    """Calls and signals over one connection, in one task: what comes while an answer is waited for is kept."""

    def __init__(self, connection: DBusConnection) -> None:
        self._connection = connection
        self._kept: deque[Message] = deque()

    async def call(self, message: Message) -> tuple[Any, ...] | None:
        """What the service answers; None if it is not there or refuses."""
        serial = next(self._connection.outgoing_serial)
        await self._connection.send(message, serial=serial)
        async with asyncio.timeout(ANSWER_S):
            while True:
                found = await self._connection.receive()
                if found.header.fields.get(HeaderFields.reply_serial) == serial:
                    is_answer = found.header.message_type is MessageType.method_return
                    return cast("tuple[Any, ...]", found.body) if is_answer else None
                self._kept.append(found)

    async def signal(self) -> Message:
        """The next signal."""
        while True:
            found = self._kept.popleft() if self._kept else await self._connection.receive()
            if found.header.message_type is MessageType.signal:
                return found

    async def match(self, **rule: str) -> None:
        """Have these signals sent to us."""
        await self.call(message_bus.AddMatch(MatchRule(type="signal", **rule)))


class _Savers:
    def __init__(self, state: LockState) -> None:
        self.state = state

    async def follow(self, talk: _Talk) -> None:
        for name in _SAVERS:
            await talk.match(interface=name, member="ActiveChanged")
        await talk.match(sender=_BUS, interface=_BUS, member="NameOwnerChanged", path="/org/freedesktop/DBus")
        for name in _SAVERS:
            await self._ask(talk, name)
        while True:
            found = await talk.signal()
            interface, body = found.header.fields.get(HeaderFields.interface), found.body
            if interface in _SAVERS and body and isinstance(body[0], bool):
                self._say(interface, locked=body[0])
            elif interface == _BUS and len(body) == 3 and body[0] in _SAVERS:
                # A screen saver that is gone cannot say that it was unlocked.
                self._say(body[0], locked=None)
                if body[2]:
                    await self._ask(talk, body[0])

    async def _ask(self, talk: _Talk, name: str) -> None:
        owned = await talk.call(message_bus.NameHasOwner(name))
        if not owned or not owned[0]:
            return  # a call would start it
        # The freedesktop name is served at one path by some and at another by others.
        for path in ("/" + name.replace(".", "/"), "/ScreenSaver"):
            answer = await talk.call(new_method_call(DBusAddress(path, name, name), "GetActive"))
            if answer:
                self._say(name, locked=bool(answer[0]))
                return

    def _say(self, name: str, *, locked: bool | None) -> None:
        self.state.say(f"session {name}", locked, monotonic_ns())


class _Logind:
    def __init__(self, state: LockState) -> None:
        self.state = state

    async def follow(self, talk: _Talk) -> None:
        path = await self._session(talk)
        if path is None:
            raise RuntimeError("logind knows no graphical session of this user")
        await talk.match(sender=_LOGIND, interface=_PROPERTIES, member="PropertiesChanged", path=path)
        hint = await talk.call(_get(path, _LOGIND_SESSION, "LockedHint"))
        if hint:
            self._say(hint[0][1])
        while True:
            found = await talk.signal()
            if found.header.fields.get(HeaderFields.path) == path and len(found.body) > 1:
                changed = found.body[1].get("LockedHint")
                if changed is not None:
                    self._say(changed[1])

    async def _session(self, talk: _Talk) -> str | None:
        """The session that shows the desktop: ours, or, for a service outside of it, the user's graphical one."""
        manager = DBusAddress("/org/freedesktop/login1", _LOGIND, "org.freedesktop.login1.Manager")
        name = os.environ.get("XDG_SESSION_ID")
        if name:
            found = await talk.call(new_method_call(manager, "GetSession", "s", (name,)))
            if found:
                return str(found[0])
        shown = await talk.call(_get("/org/freedesktop/login1/user/self", "org.freedesktop.login1.User", "Display"))
        # A variant of (id, path); both are empty without a graphical session.
        return str(shown[0][1][1]) if shown and shown[0][1][0] else None

    def _say(self, hint: object) -> None:
        self.state.say("system logind", bool(hint), monotonic_ns())


def _get(path: str, interface: str, name: str) -> Message:
    return new_method_call(DBusAddress(path, _LOGIND, _PROPERTIES), "Get", "ss", (interface, name))
