"""A store at one instant: which sessions it has, what they need, and all rows of those that changed.

DESIGN: one read transaction looks at everything, so that the copy shows one state of the store even while it is being
recorded to; rows that have to be carried are put into a temporary file, since the transaction must end before bytes
are moved: a long one keeps old pages from being used again.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Self

from reeld.copies.layout import framed, rows_of
from reeld.store import roster
from reeld.store.environment import StoreEnvironment
from reeld.store.records import References
from reeld.store.rows import Row, digests_of, pages_of, read_rows
from reeld.store.transaction import Table, Transaction
from reeld_proto.errors import ReeldError

_IN_MEMORY_BYTES = 32 * 1024 * 1024


@dataclass
class Snapshot:
    """Use it in a `with`: it may hold a temporary file.

    sessions: digest of each session's manifest. needed: size of every chunk and init segment that they refer to.
    changed: sessions whose manifest is not the known one, in order. unreadable: sessions with a damaged row, and why.
    """

    sessions: dict[str, bytes] = field(default_factory=dict)
    needed: dict[bytes, int] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    _places: dict[str, tuple[int, int]] = field(default_factory=dict)
    _spool: IO[bytes] = field(default_factory=lambda: tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES))  # noqa: SIM115 - `close` does

    @classmethod
    def take(cls, store: StoreEnvironment, known: Mapping[str, bytes]) -> "Snapshot":
        """Look at the store. known: digests of the manifests that are at the target already."""
        snapshot = cls()
        try:
            with store.read() as txn:
                for key, value in txn.scan(Table.SESSIONS):
                    session = roster.name_of(key)
                    try:
                        if roster.read(key, value).buffer:
                            continue  # recycled before a copy of it would be of use
                        snapshot._add(txn, session, known.get(session))
                    except ReeldError as error:
                        snapshot.unreadable[session] = str(error)
        except BaseException:
            snapshot.close()
            raise
        return snapshot

    def manifest(self, session: str) -> bytes:
        """The manifest of a changed session."""
        offset, length = self._places[session]
        self._spool.seek(offset)
        return self._spool.read(length)

    def rows(self, session: str) -> Iterator[Row]:
        """The rows of a changed session."""
        return rows_of(self.manifest(session))

    def digests(self, session: str) -> set[bytes]:
        """What a changed session refers to."""
        return {digest for row in self.rows(session) for digest in digests_of(row)}

    def close(self) -> None:
        """Remove the temporary file."""
        self._spool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _add(self, txn: Transaction, session: str, known: bytes | None) -> None:
        needed: set[bytes] = set()
        total = hashlib.sha256()
        start = self._spool.tell()
        for part in framed(pages_of(_noting(read_rows(txn, session), needed))):
            total.update(part)
            self._spool.write(part)
        digest = total.digest()
        if digest == known:
            self._spool.seek(start)
            self._spool.truncate()
        else:
            self._places[session] = start, self._spool.tell() - start
            self.changed.append(session)
        self.sessions[session] = digest
        for each in needed - self.needed.keys():
            entry = txn.record(Table.REFERENCES, each, References)
            self.needed[each] = entry.size if entry is not None else 0


def _noting(rows: Iterator[Row], needed: set[bytes]) -> Iterator[Row]:
    for row in rows:
        needed.update(digests_of(row))
        yield row
