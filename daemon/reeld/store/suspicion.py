"""A note in the store's folder that its file was seen to be damaged: the next writer looks at every page of it.

Whoever notices leaves it, in whatever process: the file may be closed properly afterwards, and look untouched.
"""

import contextlib
from pathlib import Path

MARK_FILE = "in-use"
"""There wherever a writer has been (see endings.py)."""

_FILE = "suspect"
REMEDY = "Restart reeld: that takes out of the file what cannot be followed, and serves the rest."


def distrust(folder: Path) -> None:
    """Leave the note, if the folder is that of a store and may be written to. From any thread and process."""
    if (folder / MARK_FILE).exists():
        with contextlib.suppress(OSError):
            (folder / _FILE).touch(mode=0o600)


def is_suspect(folder: Path) -> bool:
    """Whether the note is there."""
    return (folder / _FILE).exists()


def clear(folder: Path) -> None:
    """Take the note away: what it warned of is out of the file. Raises OSError."""
    (folder / _FILE).unlink(missing_ok=True)
