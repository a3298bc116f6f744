"""The two folders of a daemon: whether they are ours, private, and can be written."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from reeld_proto.doctor import Finding, fault, fine, warning


@dataclass(frozen=True)
class FolderFacts:
    """mode: as `lstat` gives it, None if nothing is there. writable: the folder, or the one it would be made in."""

    path: Path
    mode: int | None
    owner: int
    writable: bool


def judge(check: str, facts: FolderFacts, user: int) -> Finding:  # noqa: PLR0911 - one for each rule
    """user: our uid. The same rules as the daemon's own when it starts."""
    path, elsewhere = facts.path, "Choose a folder of your own with --runtime or --store."
    if facts.mode is None and facts.writable:
        return fine(check, f"{path} is made when a daemon starts")
    if facts.mode is None:
        return fault(check, f"{path} cannot be made: its parent may not be written", elsewhere)
    if not stat.S_ISDIR(facts.mode):
        return fault(check, f"{path} is not a folder", "Move it out of the way, or choose another.")
    if facts.owner != user:
        return fault(check, f"{path} belongs to user {facts.owner}, not to you", elsewhere)
    if not facts.writable:
        return fault(check, f"{path} may not be written", f"chmod 700 {path}")
    if stat.S_IMODE(facts.mode) & 0o077:
        about = f"{path} can be entered by other users (mode {stat.S_IMODE(facts.mode):o})"
        return warning(check, about, f"The next daemon closes it; or do it now: chmod 700 {path}")
    return fine(check, f"{path} is yours alone")


def gather(path: Path) -> FolderFacts:
    """What the file system says."""
    try:
        found = path.lstat()
    except OSError:
        above = next((each for each in path.parents if each.exists()), Path("/"))
        return FolderFacts(path, None, os.getuid(), os.access(above, os.W_OK | os.X_OK))
    return FolderFacts(path, found.st_mode, found.st_uid, os.access(path, os.W_OK | os.X_OK))


def check(runtime: Path, store: Path) -> list[Finding]:
    """The findings about both."""
    named = {"runtime-folder": runtime, "store-folder": store}
    return [judge(name, gather(path), os.getuid()) for name, path in named.items()]
