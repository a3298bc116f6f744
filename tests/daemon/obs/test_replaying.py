"""The replay by remote. Harm guarded against: a press that says it saved what there is not."""

from pathlib import Path
from typing import Any

from reeld_proto.commands import ReplaySaved, SaveReplay, Status
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import BufferInfo, DaemonInfo, SessionState
from tests.client.fake_reeld import SESSION, FakeReeld
from tests.daemon.obs.remote import Remote, drive

BUFFER = BufferInfo(minutes=5.0, held_s=3.0, recording=True)
STATUS = Status(daemon=DaemonInfo(pid=7, version="0", uptime_s=1.0), workers=[], session=None, buffer=BUFFER)
SAVED = ReplaySaved(session=SESSION, name="Replay", state=SessionState.COMPLETED, duration_s=3.0, bytes=3, took_ms=1.0)


async def save(remote: Remote) -> Any:
    """Until the daemon was asked and what came of it is known."""
    assert (await remote.ask("GetReplayBufferStatus"))["outputActive"]
    assert await remote.ask("SaveReplayBuffer") is None
    await remote.settle()
    return await remote.ask("GetLastReplayBufferReplay")


def test_without_a_buffer_nothing_is_saved(runtime: Path) -> None:
    async def work(remote: Remote) -> None:
        assert not (await remote.ask("GetReplayBufferStatus"))["outputActive"]
        assert await remote.ask("SaveReplayBuffer") == 501
        assert await remote.ask("GetLastReplayBufferReplay") == 600

    drive(FakeReeld(), runtime, work)


def test_all_of_the_buffer_is_saved_and_told(runtime: Path) -> None:
    fake = FakeReeld(status=STATUS, replay_save=SAVED)
    last, remote = drive(fake, runtime, save)
    assert [order.last_s for order in fake.of(SaveReplay)] == [300.0]
    assert last == {"savedReplayPath": SESSION}
    assert remote.events == [("ReplayBufferSaved", {"savedReplayPath": SESSION})]


def test_with_a_folder_it_is_exported_first(runtime: Path) -> None:
    last, _ = drive(FakeReeld(status=STATUS, replay_save=SAVED), runtime, save, export_dir=str(runtime))
    assert Path(last["savedReplayPath"]).read_bytes() == b"mp4"


def test_what_could_not_be_saved_is_not_told_as_saved(runtime: Path) -> None:
    fake = FakeReeld(status=STATUS, replay_save=RequestRejected("empty", code=ErrorCode.WRONG_STATE))
    last, remote = drive(fake, runtime, save)
    assert last == 600
    assert remote.events == []
