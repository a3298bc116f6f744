"""`reelctl snapshots`: what is asked, and what scripts and people read."""

from pathlib import Path

import pytest

from reeld_proto import commands
from reeld_proto.snapshots import SnapshotInfo, SnapshotList
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import FakeReeld, Server

FIRST = SnapshotInfo(
    at_s=0.0,
    width=1920,
    height=1080,
    bytes=141_566,
    hash="ab" * 32,
    duplicate_of=None,
    track="snapshots-1",
    format="png",
)
AGAIN = SnapshotInfo(
    at_s=70.5,
    width=1920,
    height=1080,
    bytes=141_566,
    hash="ab" * 32,
    duplicate_of=0.0,
    track="snapshots-1",
    format="png",
)


@pytest.fixture(autouse=True)
def _daemon(server: Server) -> None:
    """All of these need one."""


def test_scripts_get_a_list_whose_fields_are_promised(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["sessions_snapshots"] = SnapshotList(snapshots=[FIRST, AGAIN])
    found = reelctl("snapshots", "s", "--json").json
    assert [(each["at_s"], each["duplicate_of"]) for each in found] == [(0.0, None), (70.5, 0.0)]
    assert set(found[0]) >= {"at_s", "width", "height", "bytes", "hash", "duplicate_of", "track"}


def test_people_see_which_picture_is_one_of_before(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["sessions_snapshots"] = SnapshotList(snapshots=[FIRST, AGAIN])
    out = reelctl("snapshots", "s").out
    assert "1920x1080" in out
    assert "142 kB" in out
    assert "as at" in out
    assert "file" not in out


def test_a_session_without_any_says_so_and_not_that_there_is_no_session(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["sessions_snapshots"] = SnapshotList()
    assert reelctl("snapshots", "s").out == "no snapshots\n"
    assert reelctl("snapshots", "s", "--json").json == []


def test_the_folder_is_told_as_a_path_that_the_daemon_finds(
    reelctl: Reelctl, fake: FakeReeld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[commands.ListSnapshots] = []

    def answer(command: commands.ListSnapshots) -> SnapshotList:
        asked.append(command)
        return SnapshotList(snapshots=[FIRST])

    monkeypatch.chdir(tmp_path)
    fake.answers["sessions_snapshots"] = answer
    ran = reelctl("snapshots", "s", "-o", "pictures")
    assert ran.code == 0
    assert [command.folder for command in asked] == [str(tmp_path / "pictures")]
