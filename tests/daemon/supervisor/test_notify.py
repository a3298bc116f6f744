"""Messages to the service manager. Harm guarded against: a daemon that systemd kills because it never said it is ready,
or keeps although its loop hangs."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.supervisor.notify import ServiceManager, watchdog_interval_s


@pytest.fixture
def manager_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def test_ready_watchdog_and_stopping_are_told(manager_socket: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")

    async def live() -> list[bytes]:
        manager = ServiceManager()
        manager.ready()
        heard = [await asyncio.to_thread(manager_socket.recv, 100) for _ in range(4)]
        manager.stopping()
        manager.close()
        manager.close()
        while heard[-1] != b"STOPPING=1":
            heard.append(manager_socket.recv(100))
        return heard

    heard = asyncio.run(live())
    assert heard[:4] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1"]


@pytest.mark.usefixtures("no_leaks")
def test_without_a_manager_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)

    async def live() -> None:
        manager = ServiceManager()
        manager.ready()
        manager.stopping()
        manager.close()

    asyncio.run(live())


@pytest.mark.parametrize(
    ("usec", "pid", "expected"),
    [
        ("30000000", "", 15.0),
        pytest.param("30000000", str(os.getpid()), 15.0, id="mine"),
        ("30000000", "1", None),
        ("", "", None),
        ("0", "", None),
        ("soon", "", None),
    ],
)
def test_the_watchdog_is_fed_at_half_its_time_when_it_is_ours(usec: str, pid: str, expected: float | None) -> None:
    assert watchdog_interval_s(usec, pid) == expected
