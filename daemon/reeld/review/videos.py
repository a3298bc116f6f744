"""Where a person keeps videos, and a name there that nothing has yet."""

import os
import re
import sys
from collections.abc import Container, Mapping
from itertools import count
from pathlib import Path

_SETTING = re.compile(r'^\s*XDG_VIDEOS_DIR="(\$HOME/)?([^"]+)"\s*$', re.MULTILINE)
_UNFIT = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')
NAME_BYTES_MAX = 200
"""File systems allow 255; the rest is for number and ending."""


def videos_folder(env: Mapping[str, str] = os.environ) -> Path:
    """The folder that `xdg-user-dir VIDEOS` names, ~/Movies on macOS; the home folder where there is none."""
    home = Path(env.get("HOME") or Path.home())
    if sys.platform == "darwin":
        folder = home / "Movies"
    else:
        folder = home / "Videos"
        settings = Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "user-dirs.dirs"
        found = _SETTING.search(settings.read_text(errors="replace")) if settings.is_file() else None
        if found:
            folder = home / found[2] if found[1] else Path(found[2])
    return folder if folder.is_dir() else home


def free_name(folder: Path, name: str, taken: Container[Path] = (), ending: str = ".mp4") -> Path:
    """A path in `folder` for a recording of this name, such as nothing is at yet, and none of `taken`."""
    fit = " ".join(_UNFIT.sub(" ", name).split()).strip(" .")
    stem = fit.encode()[:NAME_BYTES_MAX].decode(errors="ignore").strip(" .") or "recording"
    for number in count(1):
        path = folder / (f"{stem}{ending}" if number == 1 else f"{stem} ({number}){ending}")
        if path not in taken and not os.path.lexists(path):
            return path
    raise AssertionError  # a count has no end
