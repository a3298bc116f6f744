"""Commands that carry recordings: what they ask for. Harm guarded against: a refused file that goes unseen."""

from pathlib import Path

import pytest

from reeld_proto import commands
from reeld_proto.copies import ImportedSession, RefusedFile
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import SESSION, FakeReeld, Server

SYNCED = commands.Synced(
    target="/mnt/copy", sessions=2, chunks=9, bytes=9000, copied_chunks=3, copied_bytes=3000, removed_chunks=1
)
BUNDLED = commands.Bundled(path="/x.reel", session=SESSION, chunks=3, bytes=9000, duration_s=2.5, sha256="ab" * 32)
TAKEN = ImportedSession(path="/a.mp4", session=SESSION, name="a", duration_s=2.5, bytes=9000)


@pytest.fixture(autouse=True)
def _daemon(server: Server, fake: FakeReeld) -> None:
    """All of these need one."""
    fake.answers["store_sync"] = SYNCED
    fake.answers["sessions_bundle"] = BUNDLED
    fake.answers["store_import"] = commands.Imported(sessions=[TAKEN])


def test_sync_to_a_folder_is_absolute_and_a_url_is_left_as_it_is(
    reelctl: Reelctl, fake: FakeReeld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert reelctl("sync", "copy", "--json").json["copied_chunks"] == 3
    reelctl("sync", "s3://bucket/prefix", "--json")
    assert [each.target for each in fake.of(commands.SyncStore)] == [str(tmp_path / "copy"), "s3://bucket/prefix"]
    assert reelctl("sync", " ").code == 2


def test_bundle(reelctl: Reelctl, fake: FakeReeld, tmp_path: Path) -> None:
    found = reelctl("bundle", SESSION, "-o", str(tmp_path / "x.reel"), "--json").json
    assert (found["session"], found["sha256"]) == (SESSION, "ab" * 32)
    assert fake.of(commands.BundleSession) == [commands.BundleSession(session=SESSION, path=str(tmp_path / "x.reel"))]
    assert reelctl("bundle", SESSION, "-o", str(tmp_path / "no" / "x.reel")).code == 5


def test_import(reelctl: Reelctl, fake: FakeReeld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mp4").write_bytes(b"")
    ran = reelctl("import", "a.mp4", "--name", "my film", "--tag", "x", "--tag", "y", "--json")
    assert (ran.code, ran.json["sessions"][0]["new"], ran.json["refused"]) == (0, True, [])
    asked = commands.ImportMedia(paths=[str(tmp_path / "a.mp4")], name="my film", tags=["x", "y"])
    assert fake.of(commands.ImportMedia) == [asked]


def test_a_refused_file_shows_in_the_exit_code(reelctl: Reelctl, fake: FakeReeld, tmp_path: Path) -> None:
    refused = [RefusedFile(path="/b.mp4", reason="it is damaged")]
    fake.answers["store_import"] = commands.Imported(sessions=[TAKEN], refused=refused)
    ran = reelctl("import", str(tmp_path), "--json")
    assert (ran.code, ran.json["refused"][0]["reason"]) == (2, "it is damaged")


def test_a_file_that_is_not_there_is_known_before_the_daemon_is_asked(
    reelctl: Reelctl, fake: FakeReeld, tmp_path: Path
) -> None:
    assert reelctl("import", str(tmp_path / "nowhere.mp4")).code == 5
    assert reelctl("import", str(tmp_path), "--name", " ").code == 2
    assert fake.of(commands.ImportMedia) == []
