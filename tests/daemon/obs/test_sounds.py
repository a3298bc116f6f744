"""Inputs by remote. Harm guarded against: a microphone that a remote shows as muted and that is heard."""

from pathlib import Path

import pytest

from reeld_proto.commands import AdjustSound
from reeld_proto.events import LevelsMeasured
from tests.client.fake_reeld import LEVELS, SESSION, FakeReeld
from tests.daemon.obs.remote import Remote, drive


def test_inputs_are_listed_with_their_faders(runtime: Path) -> None:
    async def work(remote: Remote) -> None:
        listed = (await remote.ask("GetInputList"))["inputs"]
        assert [each["inputName"] for each in listed] == ["mic", "system"]
        assert (await remote.ask("GetInputList", inputKind="microphone"))["inputs"] == listed[:1]
        special = await remote.ask("GetSpecialInputs")
        assert (special["mic1"], special["mic2"], special["desktop1"]) == ("mic", None, "system")
        assert await remote.ask("GetInputMute", inputName="mic") == {"inputMuted": True}
        assert await remote.ask("GetInputMute", inputUuid=listed[0]["inputUuid"]) == {"inputMuted": True}
        volume = await remote.ask("GetInputVolume", inputName="mic")
        assert volume == {"inputVolumeMul": pytest.approx(0.501, abs=0.001), "inputVolumeDb": -6.0}
        assert await remote.ask("GetInputMute", inputName="camera") == 600
        assert await remote.ask("GetInputMute", inputName="system") == 604
        assert await remote.ask("GetInputMute") == 300

    drive(FakeReeld(), runtime, work)


def test_what_is_not_recorded_cannot_be_muted(runtime: Path) -> None:
    async def work(remote: Remote) -> None:
        assert await remote.ask("SetInputMute", inputName="mic", inputMuted=False) == 501
        assert await remote.ask("SetInputVolume", inputName="mic", inputVolumeDb=0) == 501

    fake = FakeReeld()
    _, remote = drive(fake, runtime, work)
    assert not fake.of(AdjustSound)
    assert not remote.events


def test_mute_and_volume_change_the_fader_and_are_told(runtime: Path) -> None:
    async def work(remote: Remote) -> None:
        await remote.ask("StartRecord")
        assert await remote.ask("SetInputMute", inputName="mic", inputMuted=False) is None
        assert await remote.ask("ToggleInputMute", inputName="mic") == {"inputMuted": False}
        assert await remote.ask("SetInputMute", inputName="mic", inputMuted="no") == 401
        assert await remote.ask("SetInputVolume", inputName="mic", inputVolumeDb=-12) is None
        assert await remote.ask("SetInputVolume", inputName="mic", inputVolumeMul=0) is None
        assert await remote.ask("SetInputVolume", inputName="mic", inputVolumeMul=10) is None
        assert await remote.ask("SetInputVolume", inputName="mic", inputVolumeDb=27) == 402
        assert await remote.ask("SetInputVolume", inputName="mic") == 300

    fake = FakeReeld()
    _, remote = drive(fake, runtime, work)
    changes = [order.changes[0] for order in fake.of(AdjustSound)]
    assert {change.node for change in changes} == {"mic-volume"}
    assert [change.value for change in changes] == [False, False, -12.0, -100.0, 20.0]
    names = [name for name, _ in remote.events]
    assert names == ["InputMuteStateChanged"] * 2 + ["InputVolumeChanged"] * 3
    assert remote.events[0][1]["inputMuted"] is False
    assert [data["inputVolumeMul"] for _, data in remote.events[2:]] == [pytest.approx(0.251, abs=0.001), 0.0, 10.0]


def test_levels_are_those_of_the_inputs(runtime: Path) -> None:
    async def work(remote: Remote) -> None:
        await remote.ask("StartRecord")
        for at_s in (0.1, 0.2):
            await remote.requests.sounds.measured(LevelsMeasured(session=SESSION, at_s=at_s, levels=[LEVELS]))

    _, remote = drive(FakeReeld(), runtime, work)
    first, second = (data["inputs"] for _, data in remote.events)
    assert first == second
    assert [each["inputName"] for each in first] == ["mic", "system"]
    assert first[0]["inputLevelsMul"][0] == pytest.approx([0.0316, 0.501, 0.501], abs=0.001)
