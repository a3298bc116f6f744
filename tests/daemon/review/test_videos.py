"""Harm guarded against: an export that lands where nobody looks, overwrites something, or cannot be named."""

import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reeld.review.videos import free_name, videos_folder

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="there it is ~/Movies")


def test_the_folder_is_the_one_that_the_desktop_names(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path)}
    assert videos_folder(env) == tmp_path
    (tmp_path / "Videos").mkdir()
    assert videos_folder(env) == tmp_path / "Videos"
    settings = tmp_path / ".config" / "user-dirs.dirs"
    settings.parent.mkdir()
    for said, folder in (('"$HOME/Filme"', tmp_path / "Filme"), (f'"{tmp_path}/elsewhere"', tmp_path / "elsewhere")):
        settings.write_text(f'# made by the desktop\nXDG_MUSIC_DIR="$HOME/Musik"\nXDG_VIDEOS_DIR={said}\n')
        assert videos_folder(env) == tmp_path  # it is not there
        folder.mkdir()
        assert videos_folder(env) == folder


def test_what_is_there_is_never_named_again(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        path = free_name(tmp_path, "Talk")
        path.touch()
        names.append(path.name)
    assert names == ["Talk.mp4", "Talk (2).mp4", "Talk (3).mp4"]
    assert free_name(tmp_path, "Talk", {tmp_path / "Talk (4).mp4"}).name == "Talk (5).mp4"
    (tmp_path / "Lost.mp4").symlink_to(tmp_path / "nowhere")
    assert free_name(tmp_path, "Lost").name == "Lost (2).mp4"


@example("\u2028")
@given(st.text(max_size=400))
def test_any_name_of_a_session_makes_one_file_in_the_folder(name: str) -> None:
    folder = Path("/nowhere/at/all")
    path = free_name(folder, name.encode(errors="replace").decode())
    assert path.parent == folder
    assert path.name.endswith(".mp4")
    assert path.name not in (".mp4", "..mp4")
    assert len(path.name.encode()) <= 255
