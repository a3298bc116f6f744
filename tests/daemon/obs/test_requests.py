"""Every request against a daemon that only talks. Harm guarded against: a remote that is told that something was done
when it was refused."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from reeld.obs.wire import OBS_WEBSOCKET_VERSION
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected, TransportError
from tests.client.fake_reeld import FakeReeld
from tests.daemon.obs.remote import Remote, drive

USUAL = [
    "GetVersion",
    "GetStats",
    "GetRecordStatus",
    "StartRecord",
    "StopRecord",
    "ToggleRecord",
    "PauseRecord",
    "ResumeRecord",
    "ToggleRecordPause",
    "GetReplayBufferStatus",
    "SaveReplayBuffer",
    "GetLastReplayBufferReplay",
    "GetSceneList",
    "GetCurrentProgramScene",
    "SetCurrentProgramScene",
    "GetInputList",
    "GetInputMute",
    "SetInputMute",
    "ToggleInputMute",
    "GetInputVolume",
    "SetInputVolume",
    "GetStudioModeEnabled",
    "GetStreamStatus",
    "Sleep",
]


def test_the_versions_say_what_can_be_asked(runtime: Path) -> None:
    async def work(remote: Remote) -> Any:
        return await remote.ask("GetVersion")

    version, _ = drive(FakeReeld(), runtime, work)
    assert set(USUAL) <= set(version["availableRequests"])
    assert (version["obsWebSocketVersion"], version["rpcVersion"]) == (OBS_WEBSOCKET_VERSION, 1)


def test_what_reeld_has_not_is_told_as_inactive_or_unknown(runtime: Path) -> None:
    async def work(remote: Remote) -> None:
        assert await remote.ask("StartStream") == 204
        assert not (await remote.ask("GetStreamStatus"))["outputActive"]
        assert not (await remote.ask("GetStudioModeEnabled"))["studioModeEnabled"]

    drive(FakeReeld(), runtime, work)


def test_statistics_are_those_of_all_workers_and_pictures(runtime: Path) -> None:
    async def work(remote: Remote) -> Any:
        return await remote.ask("GetStats")

    stats, _ = drive(FakeReeld(), runtime, work)
    assert stats["cpuUsage"] == pytest.approx(12)
    assert stats["memoryUsage"] == pytest.approx(90)
    assert (stats["outputTotalFrames"], stats["outputSkippedFrames"]) == (900, 0)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RequestRejected("no", code=ErrorCode.WRONG_STATE), 604),
        (RequestRejected("no"), 400),
        (RequestRejected("no", code=ErrorCode.NO_DISPLAY), 702),
        (TransportError("late", code=ErrorCode.TIMEOUT), 207),
        (InternalError("broken"), 702),
    ],
)
def test_what_reeld_refuses_is_refused_in_the_words_of_obs(runtime: Path, error: Exception, code: int) -> None:
    async def work(remote: Remote) -> Any:
        return await remote.ask("StartRecord")

    assert drive(FakeReeld(session_start=error), runtime, work)[0] == code


def test_whatever_the_fields_hold_each_request_is_answered(runtime: Path) -> None:
    """Harm: a remote with a fault is cut off in the middle of its work."""
    fields = ["inputName", "inputUuid", "inputKind", "inputMuted", "inputVolumeDb", "inputVolumeMul", "sceneName"]
    odd: list[Any] = [None, [], {}, [{}], "", "x" * 1000, 10**30, -1.5, True, float("inf")]

    async def work(remote: Remote) -> None:
        for name in (await remote.ask("GetVersion"))["availableRequests"]:
            for value in odd:
                await remote.ask(name, **dict.fromkeys(fields, value))
            for field, value in itertools.product(fields[3:6], odd):
                await remote.ask(name, inputName="mic", **{field: value})

    drive(FakeReeld(), runtime, work)


def test_a_batch_goes_on_or_ends_at_the_first_failure(runtime: Path) -> None:
    async def work(remote: Remote) -> None:
        names = ["StopRecord", "StartRecord", "StopRecord"]
        assert await remote.batch(*names) == [501, 100, 100]
        assert await remote.batch(*names, halt=True) == [501]
        assert await remote.batch("Sleep", "GetVersion", sleepMillis=1) == [100, 100]
        assert await remote.batch("Sleep", sleepMillis=50_001) == [402]
        assert await remote.batch("Sleep", execution=2, sleepMillis=1) == [206]

    drive(FakeReeld(), runtime, work)
