"""Remotes made for OBS, unmodified, drive a real daemon. Harm guarded against: a bridge that only our own idea of
obs-websocket can cross, a page or a stranger that drives it, a remote that outlives the daemon."""

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import obsws_python
import psutil
import pytest
import simpleobsws
from obsws_python.error import OBSSDKRequestError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support import media
from tests.support.installation import Installation, is_alive
from tests.support.wait import until

PASSWORD = "correct horse"
OUTPUT = "OBS_WEBSOCKET_OUTPUT_"


class House:
    """A daemon with the bridge enabled."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.installation = installation
        self.films = folder / "films"
        config = folder / "config.toml"
        config.write_text(
            "[record]\nfps = 15\n[replay]\nminutes = 1\ndisplays = ['none']\nmicrophone = 'none'\n"
            "system_audio = 'none'\n"
            f"[obs]\nenabled = true\nport = {self.port}\npassword = '{PASSWORD}'\ndisplays = ['none']\n"
            f"test_patterns = ['640x480']\nmicrophone = 'none'\nsystem_audio = 'none'\nexport_dir = '{self.films}'\n"
        )
        installation.start_daemon("--config", str(config))
        until(self.is_up, 10, what="the bridge")

    @property
    def url(self) -> str:
        """Where a remote connects."""
        return f"ws://127.0.0.1:{self.port}"

    def is_up(self) -> bool:
        """Whether somebody listens at the port."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def bridge_pid(self) -> int:
        """The process of the bridge; 0 without one."""
        daemon = self.installation.daemon
        assert daemon is not None
        for child in psutil.Process(daemon.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if "reeld.obs" in child.cmdline():
                    return int(child.pid)
        return 0


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with Installation(os.environ) as installation:
        yield House(installation, tmp_path_factory.mktemp("obs"))


def plays(path: str) -> bool:
    """Whether there is a film with the test pattern."""
    shown = list(media.frames(Path(path)))
    return len(shown) >= 5 and shown[0].rgb.shape == (480, 640, 3)


class Heard:
    """The events that obsws-python hands out, as (state, path)."""

    def __init__(self) -> None:
        self.states: list[tuple[str, str | None]] = []
        self._more = threading.Condition()

    def on_record_state_changed(self, data: Any) -> None:
        with self._more:
            self.states.append((data.output_state.removeprefix(OUTPUT), data.output_path))
            self._more.notify_all()

    def path(self) -> str:
        """Of the recording that stopped."""
        with self._more:
            assert self._more.wait_for(lambda: self.states and self.states[-1][0] == "STOPPED", 15), self.states
        return self.states[-1][1] or ""


def lasts(status: Callable[[], Any], ms: int) -> None:
    until(lambda: status().output_duration >= ms, what=f"{ms} ms of a recording", every_s=0.05)


def test_obsws_python_records_to_a_file_that_plays(house: House) -> None:
    heard = Heard()
    options = {"host": "127.0.0.1", "port": house.port, "password": PASSWORD, "timeout": 20}
    events = obsws_python.EventClient(**options, subs=obsws_python.Subs.OUTPUTS)
    events.callback.register(heard.on_record_state_changed)
    with events, obsws_python.ReqClient(**options) as remote:
        assert "StartRecord" in remote.get_version().available_requests
        assert not remote.get_record_status().output_active
        assert not remote.get_stream_status().output_active
        with pytest.raises(OBSSDKRequestError, match="501"):
            remote.stop_record()
        remote.start_record()
        with pytest.raises(OBSSDKRequestError, match="500"):
            remote.start_record()
        lasts(remote.get_record_status, 600)
        remote.pause_record()
        assert remote.get_record_status().output_paused
        with pytest.raises(OBSSDKRequestError, match="502"):
            remote.pause_record()
        remote.toggle_record_pause()
        remote.set_current_program_scene("grid")
        assert remote.get_current_program_scene().current_program_scene_name == "grid"
        with pytest.raises(OBSSDKRequestError, match="600"):
            remote.set_current_program_scene("kitchen")
        until(lambda: remote.get_stats().output_total_frames > 0, 10, what="frames that are counted twice a second")
        promised = remote.stop_record().output_path
        with pytest.raises(OBSSDKRequestError, match="204"):
            remote.send("StartVirtualCam")
        assert heard.path() == promised
    words = ["STARTING", "STARTED", "PAUSED", "RESUMED", "STOPPING", "STOPPED"]
    assert [state for state, _ in heard.states] == words
    assert Path(promised).parent == house.films
    assert plays(promised)


async def _simple(house: House, password: str = PASSWORD) -> Any:
    remote = simpleobsws.WebSocketClient(url=house.url, password=password)
    await remote.connect()
    return remote


async def _record(house: House) -> str:
    remote = await _simple(house)
    events: dict[str, asyncio.Future[Any]] = {
        name: asyncio.get_running_loop().create_future() for name in ("STOPPED", "replay")
    }

    async def told(name: str, data: Any) -> None:
        word = "replay" if name == "ReplayBufferSaved" else data.get("outputState", "").removeprefix(OUTPUT)
        if word in events:
            events[word].set_result(data)

    remote.register_event_callback(told)
    assert await remote.wait_until_identified()
    try:

        async def ask(name: str, **data: Any) -> Any:
            answer = await remote.call(simpleobsws.Request(name, data))
            assert answer.ok(), answer
            return answer.responseData

        assert (await ask("ToggleRecord"))["outputActive"]
        answers = await remote.call_batch(
            [simpleobsws.Request("Sleep", {"sleepMillis": 600}), simpleobsws.Request("GetRecordStatus")]
        )
        assert answers[1].responseData["outputDuration"] >= 500
        assert (await ask("GetReplayBufferStatus"))["outputActive"]
        await ask("SaveReplayBuffer")
        async with asyncio.timeout(15):
            replay = (await events["replay"])["savedReplayPath"]
        assert (await ask("GetLastReplayBufferReplay"))["savedReplayPath"] == replay
        assert plays(replay)
        batch = [simpleobsws.Request(name) for name in ("PauseRecord", "PauseRecord", "ResumeRecord", "StopRecord")]
        answers = await remote.call_batch(batch)
        assert [answer.requestStatus.code for answer in answers] == [100, 502, 100, 100]
        async with asyncio.timeout(15):
            stopped = (await events["STOPPED"])["outputPath"]
        assert stopped == answers[-1].responseData["outputPath"]
        return str(stopped)
    finally:
        await remote.disconnect()


def test_simpleobsws_records_to_a_file_that_plays_and_saves_the_replay(house: House) -> None:
    assert plays(asyncio.run(_record(house)))


async def _guess(house: House) -> None:
    remote = await _simple(house, "guess")
    try:
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(remote.ws.wait_closed(), 5) or await remote.ws.ping()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4009
        assert not remote.is_identified()
    finally:
        await remote.disconnect()


async def _visit(house: House, **options: Any) -> None:
    async with connect(house.url, **options):
        pass


@pytest.fixture
def short_lived(tmp_path: Path) -> Iterator[House]:
    """One that a test may kill."""
    with Installation(os.environ) as installation:
        yield House(installation, tmp_path)


def test_strangers_are_refused_and_a_bridge_that_is_killed_is_back_until_the_daemon_dies(short_lived: House) -> None:
    house = short_lived
    asyncio.run(_guess(house))
    for options in ({"origin": "https://evil.example"}, {"additional_headers": {"Host": f"evil.example:{house.port}"}}):
        with pytest.raises(InvalidStatus, match="403"):
            asyncio.run(_visit(house, **options))
    first = house.bridge_pid()
    os.kill(first, signal.SIGKILL)
    second = until(lambda: house.bridge_pid() not in {0, first} and house.bridge_pid(), what="another bridge")
    until(house.is_up, what="its port")
    house.installation.kill_daemon()
    until(lambda: not is_alive(second), 5, what="its end")
