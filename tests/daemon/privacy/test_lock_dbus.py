"""The lock over a real message bus with a screen saver and a logind of our own. Harm guarded against: what lies on the
desk while its owner is away is recorded, or nothing is recorded any more after the return."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jeepney import (
    DBusAddress,
    HeaderFields,
    Message,
    MessageType,
    new_error,
    new_method_return,
    new_signal,
)
from jeepney.bus_messages import message_bus
from jeepney.io.asyncio import DBusConnection, open_dbus_connection
from structlog.testing import capture_logs

from reeld.privacy import lock_dbus
from reeld.privacy.lock_dbus import DBusLockWatch
from tests.support.wait import until

SAVER = "org.gnome.ScreenSaver"
LOGIND = "org.freedesktop.login1"
SESSION_PATH = "/org/freedesktop/login1/session/_31"


class Bus:
    """A message bus of our own."""

    def __init__(self) -> None:
        command = ["dbus-daemon", "--session", "--nofork", "--print-address=1"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().decode().strip()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Bus]:
    made = Bus()
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", made.address)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", made.address)
    monkeypatch.delenv("XDG_SESSION_ID", raising=False)
    monkeypatch.setattr(lock_dbus, "RETRY_S", 0.05)
    yield made
    made.end()


class Service:
    """Answers calls on the bus by their member; what it has no answer for, is an error."""

    def __init__(self, name: str, answers: dict[str, tuple[str, tuple[Any, ...]]]) -> None:
        self.name, self.answers = name, answers
        self.asked: list[str] = []

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[DBusConnection]:
        """Owns its name meanwhile."""
        async with await open_dbus_connection() as connection:
            await connection.send(message_bus.RequestName(self.name))
            task = asyncio.ensure_future(self._serve(connection))
            try:
                yield connection
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _serve(self, connection: DBusConnection) -> None:
        while True:
            message: Message = await connection.receive()
            if message.header.message_type is not MessageType.method_call:
                continue
            member = str(message.header.fields[HeaderFields.member])
            key = f"{member} {message.body[-1]}" if message.body else member
            self.asked.append(key)
            answer = self.answers.get(key)
            reply = new_method_return(message, *answer) if answer else new_error(message, "org.example.No")
            await connection.send(reply)


def saver(*, active: bool = False) -> Service:
    return Service(SAVER, {"GetActive": ("b", (active,))})


def logind(*, locked: bool, display: bool = True) -> Service:
    shown = ("(so)", ("1", SESSION_PATH)) if display else ("(so)", ("", "/"))
    answers = {"Get Display": ("v", (shown,)), "Get LockedHint": ("v", (("b", locked),))}
    return Service(LOGIND, answers)


def active_changed(active: bool) -> Message:
    return new_signal(DBusAddress("/org/gnome/ScreenSaver", interface=SAVER), "ActiveChanged", "b", (active,))


def hint_changed(locked: bool) -> Message:
    emitter = DBusAddress(SESSION_PATH, interface="org.freedesktop.DBus.Properties")
    body: tuple[Any, ...] = ("org.freedesktop.login1.Session", {"LockedHint": ("b", locked)}, [])
    return new_signal(emitter, "PropertiesChanged", "sa{sv}as", body)


Scene = Callable[[list[bool]], Awaitable[None]]


def play(scene: Scene) -> None:
    async def whole() -> None:
        told: list[bool] = []
        watching = asyncio.ensure_future(DBusLockWatch().serve(lambda locked, _at_ns: told.append(locked)))
        try:
            await scene(told)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(whole())


async def seen(condition: Callable[[], Any], what: str) -> None:
    await asyncio.to_thread(until, condition, 5, what=what)


def test_a_screen_saver_that_locks_and_unlocks_is_heard(bus: Bus) -> None:
    async def scene(told: list[bool]) -> None:
        service = saver()
        async with service.serving() as connection:
            await seen(lambda: "GetActive" in service.asked, "a question")
            await connection.send(active_changed(True))
            await seen(lambda: told == [True], "the lock")
            await connection.send(active_changed(False))
            await seen(lambda: told == [True, False], "the return")

    play(scene)


def test_a_session_that_is_locked_already_is_known_at_once_and_a_saver_that_dies_unlocks(bus: Bus) -> None:
    """Harm: the screen saver crashes while it is locked, and nothing is ever recorded again."""

    async def scene(told: list[bool]) -> None:
        async with saver(active=True).serving():
            await seen(lambda: told == [True], "the lock")
        await seen(lambda: told == [True, False], "the end of the screen saver")
        async with saver(active=True).serving():
            await seen(lambda: told == [True, False, True], "the next one")

    play(scene)


def test_logind_tells_of_the_session_that_shows_the_desktop(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(told: list[bool]) -> None:
        async with logind(locked=True).serving() as connection:
            await seen(lambda: told == [True], "the lock")
            await connection.send(hint_changed(False))
            await seen(lambda: told == [True, False], "the return")

    play(scene)
    monkeypatch.setenv("XDG_SESSION_ID", "unknown")
    play(scene)


def test_a_user_without_a_graphical_session_is_told_in_the_log(bus: Bus) -> None:
    async def scene(_told: list[bool]) -> None:
        with capture_logs() as logs:
            async with logind(locked=True, display=False).serving():
                await seen(lambda: any("no graphical" in str(entry.get("reason")) for entry in logs), "a word about it")

    play(scene)


def test_a_bus_that_dies_unlocks_and_is_looked_for_again(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Harm: the user logs out while it is locked; in the next session nothing is recorded."""

    async def scene(told: list[bool]) -> None:
        async with saver(active=True).serving():
            await seen(lambda: told == [True], "the lock")
            bus.end()
            await seen(lambda: told == [True, False], "the end of the bus")
        other = Bus()
        try:
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", other.address)
            async with saver(active=True).serving():
                await seen(lambda: told == [True, False, True], "the next bus")
        finally:
            other.end()

    play(scene)


def test_without_any_bus_it_says_so_once_and_disturbs_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    monkeypatch.setattr(lock_dbus, "RETRY_S", 0.01)

    async def scene(told: list[bool]) -> None:
        with capture_logs() as logs:
            await seen(lambda: len(logs) >= 2, "a word about both")
            await asyncio.sleep(0.1)
        assert sorted(entry["bus"] for entry in logs) == ["session", "system"]
        assert told == []

    play(scene)
