"""Layouts as scenes. Harm guarded against: a scene that is shown as chosen and is not recorded."""

from pathlib import Path

from reeld_proto.commands import ArrangePictures, PictureArranged, StartSession
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import Layout, SessionState
from tests.client.fake_reeld import SESSION, FakeReeld
from tests.daemon.obs.remote import Remote, drive

ARRANGED = PictureArranged(session=SESSION, state=SessionState.ACTIVE, layout=Layout.PIP, sources=["LEFT"])


async def current(remote: Remote) -> str:
    scene = await remote.ask("GetCurrentProgramScene")
    assert scene["sceneName"] == scene["currentProgramSceneName"]
    return str(scene["sceneName"])


def test_a_scene_holds_for_the_next_recording_and_changes_the_one_that_runs(runtime: Path) -> None:
    async def work(remote: Remote) -> None:
        listed = await remote.ask("GetSceneList")
        names = [scene["sceneName"] for scene in listed["scenes"]]
        assert set(names) == {"automatic", "passthrough", "grid", "side-by-side", "pip"}
        assert listed["currentProgramSceneName"] == await current(remote) == "automatic"
        assert await remote.ask("SetCurrentProgramScene", sceneName="grid") is None
        await remote.ask("StartRecord")
        uuid = next(scene["sceneUuid"] for scene in listed["scenes"] if scene["sceneName"] == "pip")
        assert await remote.ask("SetCurrentProgramScene", sceneUuid=uuid) is None
        assert await remote.ask("SetCurrentProgramScene", sceneName="pip") is None
        assert await current(remote) == "pip"
        assert await remote.ask("SetCurrentProgramScene", sceneName="automatic") is None

    fake = FakeReeld(session_arrange=ARRANGED)
    _, remote = drive(fake, runtime, work)
    assert fake.of(StartSession)[0].layout is Layout.GRID
    assert [order.layout for order in fake.of(ArrangePictures)] == [Layout.PIP] * 2
    assert [data["sceneName"] for _, data in remote.events] == ["grid", "pip", "automatic"]


def test_what_cannot_be_arranged_is_not_chosen(runtime: Path) -> None:
    async def work(remote: Remote) -> None:
        await remote.ask("StartRecord")
        assert await remote.ask("SetCurrentProgramScene", sceneName="pip") == 604
        assert await remote.ask("SetCurrentProgramScene", sceneName="tracks") == 600
        assert await remote.ask("SetCurrentProgramScene") == 300
        assert await current(remote) == "automatic"

    refusal = RequestRejected("each source is a track of its own", code=ErrorCode.WRONG_STATE)
    _, remote = drive(FakeReeld(session_arrange=refusal), runtime, work)
    assert remote.events == []
