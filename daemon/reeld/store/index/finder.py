"""Searching the store by words: keeps the index in step with the store, makes it anew when it must, or does without.

Belongs to one thread. LMDB is read in short transactions.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

from reeld.runtime.logs import get_logger
from reeld.store.environment import StoreEnvironment
from reeld.store.index import scan, textindex
from reeld.store.index.documents import Document, changed_after, documents_of, newest, portion
from reeld.store.index.query import Query
from reeld.store.index.textindex import IndexUnusable, Place, TextIndex
from reeld_proto.errors import ReeldError

CHANGES_PER_BATCH = 500
_DIFFERENCES_NAMED_MAX = 100


class Finder:
    """Finds sessions of one store by what is said about them."""

    def __init__(self, store: StoreEnvironment, *, indexed: bool | None = None) -> None:
        """indexed: whether to keep an index; by default, if this machine's SQLite can."""
        self._store = store
        self._folder: Path = store.path
        self._indexed = textindex.has_fts5() if indexed is None else indexed
        self._index: TextIndex | None = None

    def search(self, query: Query) -> dict[str, float]:
        """Sessions that the query finds now, with their scores. Raises StoreCorrupt, RequestRejected of the store."""
        for _ in range(2 if self._indexed else 0):
            try:
                return self._current().search(query)
            except IndexUnusable as error:
                self._give_up(error)
        return scan.search(query, self._texts())

    def moments(self, query: Query, limit: int, sessions: Collection[str] | None = None) -> list[Place]:
        """Texts that the query finds now: what people wrote first, then the newest. As `TextIndex.moments`.

        Raises StoreCorrupt, RequestRejected of the store.
        """
        for _ in range(2 if self._indexed else 0):
            try:
                return self._current().moments(query, limit, sessions)
            except IndexUnusable as error:
                self._give_up(error)
        return scan.moments(query, self._texts(), limit, sessions)

    def catch_up(self) -> None:
        """Bring the file in step with the store, so that nothing is left in it of what the store removed.

        Without a file there is nothing to do. A file that cannot be brought in step, for whatever reason, is removed.
        """
        if not textindex.exists(self._folder):
            return
        if not self._indexed:
            textindex.discard(self._folder)
            return
        try:
            self._current()
        except (IndexUnusable, ReeldError) as error:
            self._give_up(error)

    def check(self, *, rebuild: bool) -> tuple[int, list[str]]:
        """Compare the index with the store; how many sessions were compared, and the differences found.

        rebuild: make it anew afterwards. Without an index (no FTS5) there is nothing to differ.
        """
        faults: list[str] = []
        compared = 0
        if self._indexed:
            try:
                index = self._current()
                faults = [f"the index: {line}" for line in index.damage()]
                compared, differences = self._differences(index)
                faults += differences
            except IndexUnusable as error:
                faults.append(f"the index: {error}")
                self._give_up(error)
        if rebuild and self._indexed:
            self._drop()
            textindex.discard(self._folder)
            try:
                compared = len(self._current().sessions())
            except IndexUnusable as error:
                self._give_up(error)
                faults.append(f"the index cannot be made: {error}")
        return compared, faults

    def close(self) -> None:
        """Close the file. May be called twice."""
        self._drop()

    def _current(self) -> TextIndex:
        """The index, in step with the store."""
        if self._index is None:
            self._index = TextIndex.open(self._folder)
        index = self._index
        with self._store.read() as txn:
            now = newest(txn)
        if now < index.revision:
            raise IndexUnusable("of another store, or of a later state of this one")
        if index.revision < 0:
            self._fill(index, now)
        while index.revision < now:
            self._advance(index)
        return index

    def _fill(self, index: TextIndex, now: int) -> None:
        # Sessions that change meanwhile are in REVISIONS after `now`. Until it is complete the index says -1.
        for texts in self._portions():
            index.batch(-1, texts.items())
        index.batch(now, [])

    def _advance(self, index: TextIndex) -> None:
        changes: list[tuple[str, list[Document]]] = []
        with self._store.read() as txn:
            reached = newest(txn)
            for revision, session in changed_after(txn, index.revision):
                changes.append((session, documents_of(txn, session)))
                if len(changes) == CHANGES_PER_BATCH:
                    reached = revision
                    break
        index.batch(reached, changes)

    def _portions(self) -> Iterator[dict[str, list[Document]]]:
        after = b""
        while True:
            with self._store.read() as txn:
                texts, last = portion(txn, after)
            if not texts:
                return
            yield texts
            after = last

    def _texts(self) -> Iterator[tuple[str, list[Document]]]:
        for texts in self._portions():
            yield from texts.items()

    def _differences(self, index: TextIndex) -> tuple[int, list[str]]:
        """Where index and store differ, either way. What the texts are is not said: faults end up in logs."""
        faults = []
        unexplained = index.sessions()
        compared = 0
        for session, documents in self._texts():
            compared += 1
            unexplained.discard(session)
            kept = set(index.documents(session))
            for what, differing in (("lacks", set(documents) - kept), ("has an unknown", kept - set(documents))):
                kinds = sorted({document.kind for document in differing})
                faults += [f"session {session}: the index {what} {kind}" for kind in kinds]
        faults += [f"session {session}: in the index, but not in the store" for session in sorted(unexplained)]
        return compared, faults[:_DIFFERENCES_NAMED_MAX]

    def _give_up(self, error: Exception) -> None:
        get_logger().warning("index.discarded", reason=str(error))
        self._drop()
        textindex.discard(self._folder)

    def _drop(self) -> None:
        index, self._index = self._index, None
        if index is not None:
            try:
                index.close()
            except IndexUnusable as error:
                get_logger().warning("index.not_closed", reason=str(error))
