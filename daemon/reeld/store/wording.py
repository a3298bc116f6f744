"""What people may call and write about a session. Pure."""

from collections.abc import Iterable

NAME_CHARS_MAX = 255
TAG_CHARS_MAX = 255
NOTE_CHARS_MAX = 4096


def word_faults(*, name: str | None = None, tags: Iterable[str] = (), note: str | None = None) -> list[str]:
    """What is wrong with these words, as sentences; nothing is said of what is None."""
    faults = []
    if name is not None and not name.strip():
        faults.append("the name is empty")
    if name is not None and len(name) > NAME_CHARS_MAX:
        faults.append(f"the name has {len(name)} characters, but may have {NAME_CHARS_MAX} at most")
    faults += (
        f"a tag has {len(tag)} characters, but must have 1 to {TAG_CHARS_MAX}"
        for tag in tags
        if not 1 <= len(tag) <= TAG_CHARS_MAX
    )
    if note is not None and len(note) > NOTE_CHARS_MAX:
        faults.append(f"the note has {len(note)} characters, but may have {NOTE_CHARS_MAX} at most")
    return faults
