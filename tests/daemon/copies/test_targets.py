"""What a target may be called. Harms guarded against: a copy that goes somewhere else than named; a cryptic error."""

from pathlib import Path

import pytest

from reeld.copies.folder import FolderTarget
from reeld.copies.objects import ObjectTarget
from reeld.copies.targets import is_object_target, open_target
from reeld_proto.errors import RequestRejected


def test_a_url_names_objects_and_a_path_a_folder() -> None:
    assert is_object_target("s3://bucket/prefix")
    assert not is_object_target("/mnt/backup")


def test_a_file_url_is_a_folder_of_objects(tmp_path: Path) -> None:
    target = open_target((tmp_path / "my copy").as_uri(), tmp_path / "store")
    assert isinstance(target, FolderTarget)
    assert target.root == tmp_path / "my copy"


def test_a_cloud_url_is_opened_without_asking_the_network() -> None:
    assert isinstance(open_target("memory:///", Path("/store")), ObjectTarget)


def test_a_file_url_may_not_lead_into_the_store(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(RequestRejected):
        open_target((tmp_path / "store" / "copy").as_uri(), tmp_path / "store")
    assert list((tmp_path / "store").iterdir()) == []


@pytest.mark.parametrize("url", ["ftp://host/x", "file://host/x", "file:relative", "s3://", "://x"])
def test_what_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(RequestRejected):
        open_target(url, Path("/store"))
