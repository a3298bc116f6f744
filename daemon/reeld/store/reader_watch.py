"""Finds processes that keep one state of the store open for too long. Pure.

LMDB uses a freed page again only when no reader may still look at it, so one reader that never ends makes the file
grow with everything that is written. It stays correct; but somebody should know whose fault it is.
"""

from reeld_proto.units import NS_PER_S

LOOK_EVERY_NS = 10 * NS_PER_S
OLD_NS = 60 * NS_PER_S
"""Reads take milliseconds; those of a job that hashes a chunk each, no more."""

_Reader = tuple[int, str, str]
"""Process, thread, and number of the transaction whose state is being read."""


def active_readers(table: str) -> set[_Reader]:
    """The readers in LMDB's own table (`mdb_reader_list`) that are inside a transaction."""
    found = set()
    for line in table.splitlines():
        words = line.split()
        if len(words) == 3 and words[0].isdigit() and words[2].isdigit():
            found.add((int(words[0]), words[1], words[2]))
    return found


class ReaderWatch:
    """Remembers since when each reader has been seen in the same transaction. Used by one thread."""

    def __init__(self) -> None:
        self._next_ns = 0
        self._since: dict[_Reader, int] = {}
        self._told: set[_Reader] = set()

    def is_due(self, now_ns: int) -> bool:
        """Whether it is time to look again. Asked after a commit: without commits an old reader does no harm."""
        return now_ns >= self._next_ns

    def look(self, table: str, now_ns: int) -> list[tuple[int, float]]:
        """Readers that have just become too old, each told once: (process, age in seconds)."""
        self._next_ns = now_ns + LOOK_EVERY_NS
        active = active_readers(table)
        self._since = {reader: self._since.get(reader, now_ns) for reader in active}
        self._told &= active
        old = {reader for reader, since_ns in self._since.items() if now_ns - since_ns >= OLD_NS} - self._told
        self._told |= old
        return sorted((reader[0], (now_ns - self._since[reader]) / NS_PER_S) for reader in old)
