"""What the entries of the menu ask of a daemon, and what a person hears of it."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from reeld_client import Client
from reeld_client.tray import launch
from reeld_client.tray.doing import MARK, do, film_path, storage_text
from reeld_client.tray.menu import Action
from reeld_proto import commands as c
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionState
from reeld_proto.storage import Usage
from tests.client.fake_reeld import INFO, SESSION, FakeReeld, memory

REPORT = c.StorageReport(
    used_bytes=12 * 10**9,
    live_bytes=11 * 10**9,
    garbage_bytes=0,
    free_bytes=300 * 10**9,
    quota_bytes=50 * 10**9,
    reserve_bytes=10**9,
    bytes_per_day=10**9,
    forecast_days=38.2,
    sessions=[Usage(key="s", label="talk", unique_bytes=10**9, shared_bytes=0)],
    largest=[Usage(key="s", label="talk", unique_bytes=10**9, shared_bytes=0)],
)


def client(fake: FakeReeld) -> Client:
    """A client of the fake, without sockets."""
    return Client(transport=memory(fake))


@pytest.mark.parametrize(
    ("action", "before", "command"),
    [
        (Action.START, None, c.StartSession()),
        (Action.PAUSE, SessionState.ACTIVE, c.PauseSession()),
        (Action.RESUME, SessionState.PAUSED, c.ResumeSession()),
        (Action.STOP, SessionState.PAUSED, c.StopSession()),
        (Action.MARK, SessionState.ACTIVE, c.AddMarker(text=MARK)),
        (Action.PRIVATE_ON, None, c.SetPrivate(private=True)),
        (Action.PRIVATE_OFF, None, c.SetPrivate(private=False)),
    ],
)
def test_an_entry_asks_for_what_it_says(action: Action, before: SessionState | None, command: Any) -> None:
    fake = FakeReeld()
    fake.state = before
    assert do(action, client(fake)) is None
    assert fake.heard == [command]


def test_a_refusal_is_told_with_its_remedy() -> None:
    notice = do(Action.PAUSE, client(FakeReeld()))
    assert notice is not None
    assert notice.title == "Could not pause"
    assert notice.text == "there is no session to do this with. Start one."


def test_private_mode_that_failed_is_told_in_no_uncertain_words() -> None:
    refusing = FakeReeld(privacy_set=RequestRejected("the disk is full", code=ErrorCode.DISK_FULL))
    notice = do(Action.PRIVATE_ON, client(refusing))
    assert notice is not None
    assert notice.title == "Private mode is NOT on"


def test_warnings_of_a_start_are_told() -> None:
    fake = FakeReeld()
    fake.warnings = ["no microphone"]
    notice = do(Action.START, client(fake))
    assert notice is not None
    assert notice.text == "no microphone"


class TestFilms:
    """The last session, played."""

    @pytest.fixture
    def opened(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
        """What the desktop was asked to open; films go below `tmp_path`."""
        found: list[Path] = []
        monkeypatch.setattr(launch, "open_with_desktop", found.append)
        monkeypatch.setenv("XDG_VIDEOS_DIR", str(tmp_path))
        return found

    def test_the_last_session_is_written_and_opened(self, opened: list[Path], tmp_path: Path) -> None:
        assert do(Action.PLAY_LAST, client(FakeReeld())) is None
        assert opened == [tmp_path / "reeld" / "2026-11-22 17.05 stand-up _daily_.mp4"]
        assert opened[0].read_bytes() == b"mp4"

    def test_while_recording_the_one_before_is_played(self, opened: list[Path]) -> None:
        before = replace(INFO, session="before", name="before")
        fake = FakeReeld(sessions_list=c.SessionList(sessions=[INFO, before]))
        fake.state = SessionState.ACTIVE
        do(Action.PLAY_LAST, client(fake))
        assert [command.session for command in fake.of(c.ExportSession)] == ["before"]
        assert len(opened) == 1

    def test_without_sessions_that_is_said(self, opened: list[Path]) -> None:
        notice = do(Action.PLAY_LAST, client(FakeReeld(sessions_list=c.SessionList(sessions=[]))))
        assert notice is not None
        assert notice.title == "Nothing to play"
        assert opened == []

    def test_the_folder_is_opened_without_a_daemon(self, opened: list[Path], tmp_path: Path) -> None:
        nobody = memory(FakeReeld())
        nobody.die()
        assert do(Action.OPEN_FOLDER, Client(transport=nobody)) is None
        assert opened == [tmp_path / "reeld"]

    @pytest.mark.parametrize("name", ["", "...", "../../etc/passwd", "a\nb\0", "n" * 300])
    def test_no_name_of_a_session_leads_out_of_the_folder(self, name: str, tmp_path: Path) -> None:
        path = film_path(tmp_path, replace(INFO, name=name))
        assert path.parent == tmp_path
        path.touch()
        if name in {"", "..."}:
            assert SESSION in path.name


def test_storage_is_told_in_a_few_words() -> None:
    notice = do(Action.STORAGE, client(FakeReeld(storage_get=REPORT)))
    assert notice is not None
    assert notice.text.splitlines() == [
        "12.0 GB of 50.0 GB used by 1 session",
        "300 GB free on this disk, enough for 38 days as of late",
        "largest: talk, 1.00 GB",
    ]


def test_an_empty_storage_promises_nothing() -> None:
    empty = replace(REPORT, quota_bytes=None, forecast_days=None, sessions=[], largest=[])
    assert storage_text(empty).splitlines() == ["12.0 GB used by 0 sessions", "300 GB free on this disk"]
