"""The file on disk: whole or as it was."""

import os
from pathlib import Path

import pytest

from reeld.settings import files
from reeld_proto.errors import ErrorCode, RequestRejected


def test_what_is_written_is_read_with_its_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "config.toml"
    assert files.read(path) is None
    for text in ("a = 1\r\nb = 'ü'\r\n", "a = 2\n"):
        files.write(path, text)
        assert files.read(path) == text
    assert [each.name for each in path.parent.iterdir()] == ["config.toml"]


def test_a_new_file_is_its_owners_alone_and_another_keeps_its_mode(tmp_path: Path) -> None:
    """It names windows that somebody hides."""
    path = tmp_path / "config.toml"
    files.write(path, "")
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    files.write(path, "x = 1\n")
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_link_to_a_folder_of_settings_stays_a_link(tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles.toml"
    kept.write_text("old = 1\n")
    link = tmp_path / "config.toml"
    link.symlink_to(kept)
    files.write(link, "new = 1\n")
    assert link.is_symlink()
    assert kept.read_text() == "new = 1\n"


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("old = 1\n")

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RequestRejected, match="No space left") as caught:
        files.write(path, "new = 1\n")
    assert caught.value.code is ErrorCode.PERMISSION
    assert path.read_text() == "old = 1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RequestRejected, match="UTF-8"):
        files.read(path)
    with pytest.raises(RequestRejected, match="cannot read"):
        files.read(tmp_path)
