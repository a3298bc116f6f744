"""The daemon's folders: what would keep it from starting, or let others in."""

import os
import stat
from pathlib import Path

import pytest

from reeld_client.doctor import folders
from reeld_client.doctor.folders import FolderFacts, judge
from reeld_proto.doctor import CheckStatus

HERE, ME = Path("/x"), 1000
FOLDER = stat.S_IFDIR


@pytest.mark.parametrize(
    ("mode", "owner", "writable", "status"),
    [
        (None, ME, True, CheckStatus.OK),
        (None, ME, False, CheckStatus.FAULT),
        (FOLDER | 0o700, ME, True, CheckStatus.OK),
        (FOLDER | 0o750, ME, True, CheckStatus.WARNING),
        (FOLDER | 0o701, ME, True, CheckStatus.WARNING),
        (FOLDER | 0o700, ME + 1, True, CheckStatus.FAULT),
        (FOLDER | 0o500, ME, False, CheckStatus.FAULT),
        (stat.S_IFREG | 0o700, ME, True, CheckStatus.FAULT),
        (stat.S_IFLNK | 0o777, ME, True, CheckStatus.FAULT),
    ],
)
def test_the_verdict(mode: int | None, owner: int, writable: bool, status: CheckStatus) -> None:
    found = judge("store-folder", FolderFacts(HERE, mode, owner, writable), ME)
    assert found.status is status
    assert bool(found.remedy) == (status is not CheckStatus.OK)


def test_real_folders(tmp_path: Path) -> None:
    (tmp_path / "private").mkdir(mode=0o700)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    (tmp_path / "link").symlink_to("private")
    names = {"private": CheckStatus.OK, "open": CheckStatus.WARNING, "link": CheckStatus.FAULT, "a/b": CheckStatus.OK}
    for name, status in names.items():
        assert judge(name, folders.gather(tmp_path / name), os.getuid()).status is status, name
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link", "open", "private"]
    found = folders.check(tmp_path / "private", tmp_path / "open")
    assert [finding.check for finding in found] == ["runtime-folder", "store-folder"]
