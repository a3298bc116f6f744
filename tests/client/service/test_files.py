"""Files of the service manager. Harm guarded against: half a unit, a followed link, another's folder removed."""

from pathlib import Path

import pytest

from reeld_client.service.files import remove_all, remove_if_empty, replace_if_other
from reeld_proto.errors import ErrorCode, RequestRejected


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_only_another_content_is_a_change(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "unit"
    assert replace_if_other(path, b"one")
    assert not replace_if_other(path, b"one")
    assert replace_if_other(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o644
    assert names(path.parent) == ["unit"]


def test_a_link_is_replaced_and_what_it_names_is_left_alone(tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.write_bytes(b"mine")
    link = tmp_path / "unit"
    link.symlink_to(original)
    assert replace_if_other(link, b"mine")
    assert not link.is_symlink()
    assert replace_if_other(link, b"other")
    assert original.read_bytes() == b"mine"


def test_a_place_that_cannot_be_written_is_named_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RequestRejected, match=str(tmp_path / "file")) as caught:
        replace_if_other(tmp_path / "file" / "unit", b"x")
    assert caught.value.code == ErrorCode.PERMISSION
    (tmp_path / "unit").mkdir()
    with pytest.raises(RequestRejected):
        replace_if_other(tmp_path / "unit", b"x")
    assert names(tmp_path) == ["file", "unit"]


def test_what_is_there_is_removed_and_told(tmp_path: Path) -> None:
    unit, settings, link = tmp_path / "unit", tmp_path / "unit.d", tmp_path / "link"
    unit.write_text("x")
    settings.mkdir()
    (settings / "override.conf").write_text("x")
    (tmp_path / "elsewhere").mkdir()
    link.symlink_to(tmp_path / "elsewhere")
    assert remove_all([unit, settings, link, tmp_path / "never"]) == [str(unit), str(settings), str(link)]
    assert names(tmp_path) == ["elsewhere"]


def test_a_folder_with_something_of_others_in_it_stays(tmp_path: Path) -> None:
    empty, used = tmp_path / "used" / "empty", tmp_path / "used"
    empty.mkdir(parents=True)
    (used / "other.service").write_text("x")
    remove_if_empty([empty, used, tmp_path / "never"])
    assert names(used) == ["other.service"]
