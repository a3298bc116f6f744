"""Recording by remote. Harms guarded against: a second press that stops what another started, a film that is said to
be there while it is being written."""

from pathlib import Path
from typing import Any

from reeld_proto.commands import StartSession
from reeld_proto.errors import InternalError
from reeld_proto.events import SessionStateChanged
from reeld_proto.records import SessionState
from tests.client.fake_reeld import SESSION, FakeReeld
from tests.daemon.obs.remote import Remote, drive


def changed(state: SessionState) -> SessionStateChanged:
    return SessionStateChanged(session=SESSION, name="", state=state, elapsed_s=0.0)


def stopped(remote: Remote) -> list[Any]:
    return [data["outputPath"] for name, data in remote.events if data["outputState"].endswith("STOPPED")]


def test_a_recording_is_that_of_the_config_and_each_request_needs_its_state(runtime: Path) -> None:
    async def work(remote: Remote) -> None:
        assert await remote.ask("StopRecord") == 501
        assert await remote.ask("PauseRecord") == 501
        assert await remote.ask("ToggleRecordPause") == 501
        assert await remote.ask("StartRecord") is None
        assert await remote.ask("StartRecord") == 500
        assert await remote.ask("ResumeRecord") == 503
        assert await remote.ask("ToggleRecordPause") == {"outputPaused": True}
        assert await remote.ask("PauseRecord") == 502
        assert (await remote.ask("GetRecordStatus"))["outputPaused"]
        assert await remote.ask("ToggleRecordPause") == {"outputPaused": False}
        assert await remote.ask("ToggleRecord") == {"outputActive": False}
        assert await remote.ask("ToggleRecord") == {"outputActive": True}

    fake = FakeReeld()
    drive(fake, runtime, work, displays=["LEFT"], microphone="none")
    first = fake.of(StartSession)[0]
    assert (first.displays, first.microphone, first.system_audio, first.layout) == (["LEFT"], "none", "default", None)


def test_the_status_counts_recorded_time_and_bytes(runtime: Path) -> None:
    async def work(remote: Remote) -> None:
        idle = await remote.ask("GetRecordStatus")
        assert (idle["outputActive"], idle["outputTimecode"], idle["outputBytes"]) == (False, "00:00:00.000", 0)
        await remote.ask("StartRecord")
        busy = await remote.ask("GetRecordStatus")
        assert busy["outputActive"]
        assert busy["outputDuration"] > 0
        assert busy["outputBytes"] == 2_300_000

    drive(FakeReeld(), runtime, work)


def test_without_a_folder_the_path_is_the_id_of_the_session(runtime: Path) -> None:
    async def work(remote: Remote) -> None:
        await remote.ask("StartRecord")
        assert await remote.ask("StopRecord") == {"outputPath": SESSION}
        remote.requests.recording.told(changed(SessionState.COMPLETED))
        assert stopped(remote) == [SESSION]
        assert await remote.ask("GetRecordDirectory") == {"recordDirectory": ""}

    drive(FakeReeld(), runtime, work)


def test_with_a_folder_the_end_is_told_once_when_the_file_is_whole(runtime: Path) -> None:
    folder = runtime / "films"
    path = str(folder / f"{SESSION}.mp4")

    async def work(remote: Remote) -> None:
        await remote.ask("StartRecord")
        assert await remote.ask("StopRecord") == {"outputPath": path}
        remote.requests.recording.told(changed(SessionState.ENDING))
        remote.requests.recording.told(changed(SessionState.COMPLETED))
        assert stopped(remote) == []
        await remote.settle()

    _, remote = drive(FakeReeld(), runtime, work, export_dir=str(folder))
    assert stopped(remote) == [path]
    assert Path(path).read_bytes() == b"mp4"


def test_an_export_that_fails_leaves_the_id_and_what_others_stop_is_not_exported(runtime: Path) -> None:
    async def work(remote: Remote) -> None:
        await remote.ask("StartRecord")
        await remote.ask("StopRecord")
        await remote.settle()
        other = SessionStateChanged(session="other", name="", state=SessionState.COMPLETED, elapsed_s=0.0)
        remote.requests.recording.told(other)

    broken = FakeReeld(sessions_export=InternalError("disk"))
    _, remote = drive(broken, runtime, work, export_dir=str(runtime / "films"))
    assert stopped(remote) == [SESSION, "other"]


def test_a_stop_that_fails_does_not_silence_the_end(runtime: Path) -> None:
    async def work(remote: Remote) -> None:
        await remote.ask("StartRecord")
        assert await remote.ask("StopRecord") == 702
        remote.requests.recording.told(changed(SessionState.ERROR))

    _, remote = drive(FakeReeld(session_stop=InternalError("stuck")), runtime, work, export_dir=str(runtime))
    assert stopped(remote) == [SESSION]
