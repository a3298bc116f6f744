"""The words of all sessions in SQLite's FTS5: one file beside the store, derived from it and disposable.

DESIGN: one connection, in one thread, of one process; nobody else opens the file. What was forgotten must not survive
in it: there is no journal on disk (`journal_mode=MEMORY`), freed pages are zeroed (`secure_delete`), and FTS5, which by
itself only notes that a row is gone, is told to remove its words at once, or its segments are merged, which drops them.
Without a journal a crash may leave the file half-written. So it says of itself whether it was closed in order
(`clean`), and is made anew when it was not: that takes about a second for 10,000 sessions.
"""

import contextlib
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path

from reeld.store.index import FILE_NAME
from reeld.store.index.documents import MADE_OF_MEDIA, MADE_OF_TEXTS, WEIGHTS, Document
from reeld.store.index.query import Phrase, Query, matching, rank

LAYOUT = 2
"""Moves, here and in the tables, when an older index cannot be used any more; it is then made anew."""

_TABLES = """
CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (id INTEGER PRIMARY KEY, session TEXT NOT NULL, kind TEXT NOT NULL, at_ns INTEGER NOT NULL);
CREATE INDEX documents_session ON documents (session);
CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'ascii');
CREATE VIRTUAL TABLE moments USING fts5 (text, tokenize = 'ascii');
INSERT INTO state VALUES ('layout', 2), ('clean', 1), ('revision', -1);
"""
NARROWED_FROM = 3
"""So many words that must all be found leave few sessions of those that have one: worth finding out first."""

_HITS = (
    "SELECT session FROM words JOIN documents ON id = words.rowid WHERE words MATCH ?1 UNION"
    " SELECT session FROM moments JOIN documents ON id = moments.rowid WHERE moments MATCH ?1"
)
_RANKED = "SELECT session, kind, rank FROM words JOIN documents ON id = words.rowid WHERE words MATCH ?"
_RANKED_WANTED = f"{_RANKED} AND session IN temp.wanted"
# There may be a million of these: how well each fits is not asked.
_SEEN = "SELECT DISTINCT session, kind FROM moments JOIN documents ON id = moments.rowid WHERE moments MATCH ?"
_ADD_WORDS = "INSERT INTO words (rowid, text) VALUES (?, ?)"
_ADD_MOMENT = "INSERT INTO moments (rowid, text) VALUES (?, ?)"
_SAID_AT = "SELECT session, kind, at_ns FROM words JOIN documents ON id = words.rowid WHERE words MATCH ? ORDER BY rank"
WRITTEN_MAX = 2000
"""Texts that people wrote, of which the most telling ones are shown first."""
_SEEN_AT = (
    "SELECT session, kind, at_ns FROM moments JOIN documents ON id = moments.rowid WHERE moments MATCH ?"
    " ORDER BY moments.rowid DESC"
)
# bm25 never gives more than this little for a word that most texts have; it keeps the order of the weights then, too.
_LEAST_SCORE = 1e-6


class IndexUnusable(Exception):
    """The file is damaged, of another layout, was not closed in order, or cannot be used for another reason."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands: a session, the kind of text, and its media time."""

    session: str
    kind: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class IndexCounts:
    """What is in the index."""

    sessions: int
    documents: int


def has_fts5() -> bool:
    """Whether this machine's SQLite can index text."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute("CREATE VIRTUAL TABLE words USING fts5 (text)")
        except sqlite3.OperationalError:
            return False
    return True


class TextIndex:
    """An open index. All methods raise IndexUnusable; then `discard` the file and make it anew."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection
        self._dirty = False
        self._removes_words = False

    @classmethod
    def open(cls, folder: Path) -> "TextIndex":
        """Open the index in `folder`, or begin an empty one."""
        path = folder / FILE_NAME
        with _unusable():
            path.touch(mode=0o600)
            # Statements are grouped by hand, as `batch` says; the library thread opens it and nobody else uses it.
            connection = sqlite3.connect(path, timeout=0.2, isolation_level=None, check_same_thread=False)
        index = cls(connection)
        try:
            with _unusable():
                index._prepare()
        except BaseException:
            connection.close()
            raise
        return index

    def _prepare(self) -> None:
        for setting in ("locking_mode = EXCLUSIVE", "journal_mode = MEMORY", "temp_store = MEMORY"):
            self._sql.execute(f"PRAGMA {setting}")
        self._sql.execute("PRAGMA secure_delete = ON")
        self._sql.execute("CREATE TEMP TABLE wanted (session TEXT PRIMARY KEY) WITHOUT ROWID")
        if not self._sql.execute("SELECT 1 FROM sqlite_master").fetchone():
            self._sql.executescript("BEGIN;" + _TABLES + "COMMIT;")
        if self._state("layout") != LAYOUT or not self._state("clean"):
            raise IndexUnusable("of another layout, or not closed in order")
        # Since SQLite 3.42 words can be removed as rows are; before, `batch` merges.
        with contextlib.suppress(sqlite3.OperationalError):
            self._sql.execute("INSERT INTO words (words, rank) VALUES ('secure-delete', 1)")
            self._sql.execute("INSERT INTO moments (moments, rank) VALUES ('secure-delete', 1)")
            self._removes_words = True

    def close(self) -> None:
        """Close it in order. May be called twice."""
        with _unusable():
            try:
                if self._dirty:
                    # The first commit syncs the whole file; only then may it call itself clean.
                    self._sql.execute("PRAGMA synchronous = FULL")
                    self._set("revision", self.revision)
                    self._set("clean", 1)
                    self._dirty = False
            finally:
                self._sql.close()

    @property
    def revision(self) -> int:
        """Number of the store's last change that is in here; -1 before all were read once."""
        with _unusable():
            return self._state("revision")

    def batch(self, revision: int, changes: Iterable[tuple[str, list[Document]]]) -> bool:
        """Take over what is said of these sessions now (nothing: they are gone), in one transaction.

        revision: the store's last change that is then in here. Returns whether any text was removed.
        """
        with _unusable():
            self._begin()
            try:
                removed = False
                for session, documents in changes:
                    removed |= self._replace(session, documents)
                if removed and not self._removes_words:
                    self._sql.execute("INSERT INTO words (words) VALUES ('optimize')")
                    self._sql.execute("INSERT INTO moments (moments) VALUES ('optimize')")
                self._set("revision", revision)
            except BaseException:
                self._sql.execute("ROLLBACK")
                raise
            self._sql.execute("COMMIT")
        return removed

    def _begin(self) -> None:
        if not self._dirty:
            self._sql.execute("PRAGMA synchronous = FULL")
            self._set("clean", 0)
            self._sql.execute("PRAGMA synchronous = OFF")
            self._dirty = True
        self._sql.execute("BEGIN IMMEDIATE")

    def _replace(self, session: str, documents: list[Document]) -> bool:
        wanted = set(documents)
        gone = []
        for number, document in self._rows(session):
            if document in wanted:
                wanted.discard(document)
            else:
                gone.append((number,))
        self._sql.executemany("DELETE FROM words WHERE rowid = ?", gone)
        self._sql.executemany("DELETE FROM moments WHERE rowid = ?", gone)
        self._sql.executemany("DELETE FROM documents WHERE id = ?", gone)
        for document in sorted(wanted):
            row = (session, document.kind, document.at_ns)
            added = self._sql.execute("INSERT INTO documents (session, kind, at_ns) VALUES (?, ?, ?)", row)
            statement = _ADD_MOMENT if document.kind in MADE_OF_MEDIA else _ADD_WORDS
            self._sql.execute(statement, (added.lastrowid, document.text))
        return bool(gone)

    def _rows(self, session: str) -> list[tuple[int, Document]]:
        rows = self._sql.execute(
            "SELECT id, kind, at_ns, coalesce(words.text, moments.text) FROM documents"
            " LEFT JOIN words ON words.rowid = id LEFT JOIN moments ON moments.rowid = id WHERE session = ?",
            (session,),
        )
        return [(number, Document(kind, at_ns, text or "")) for number, kind, at_ns, text in rows]

    def search(self, query: Query) -> dict[str, float]:
        """Sessions that the query finds, with their scores."""
        with _unusable():
            if all(len(alternative) < NARROWED_FROM for alternative in query.alternatives):
                return rank(query, self._find)
            # A score costs several times what a hit costs: of many words, only those are asked for that count.
            hits = {phrase: self._hits(phrase) for phrase in query.phrases()}
            self._sql.execute("DELETE FROM temp.wanted")
            self._sql.executemany("INSERT INTO temp.wanted VALUES (?)", [(each,) for each in matching(query, hits)])
            return rank(query, partial(self._find, ranked=_RANKED_WANTED))

    def _hits(self, phrase: Phrase) -> set[str]:
        return {session for (session,) in self._sql.execute(_HITS, (_match(phrase),))}

    def moments(self, query: Query, limit: int, sessions: Collection[str] | None = None) -> list[Place]:
        """Texts that have all phrases of an alternative, at most `limit`.

        What people wrote comes first, then what was shown and said, the newest first, then chapters and summaries.

        sessions: only in these; None for all.
        """
        wanted = " OR ".join(
            f"({' AND '.join(_match(phrase) for phrase in alternative)})" for alternative in query.alternatives
        )
        if not wanted:
            return []
        found: list[Place] = []
        with _unusable():
            written = [Place(*row) for row in islice(self._sql.execute(_SAID_AT, (wanted,)), WRITTEN_MAX)]
            written.sort(key=lambda place: -WEIGHTS.get(place.kind, 1.0))
            seen = (Place(*row) for row in self._sql.execute(_SEEN_AT, (wanted,)))
            told = [place for place in written if place.kind not in MADE_OF_TEXTS]
            made = [place for place in written if place.kind in MADE_OF_TEXTS]
            within = (place for place in chain(told, seen, made) if sessions is None or place.session in sessions)
            found += islice(within, limit)
        return found

    def _find(self, phrase: Phrase, ranked: str = _RANKED) -> Mapping[str, float]:
        rows = self._sql.execute(ranked, (_match(phrase),))
        best: dict[tuple[str, str], float] = {}
        for session, kind, badness in rows:
            score = max(-badness, _LEAST_SCORE)
            if score > best.get((session, kind), 0.0):
                best[session, kind] = score
        for session, kind in self._sql.execute(_SEEN, (_match(phrase),)):
            best[session, kind] = 1.0
        scores: dict[str, float] = {}
        for (session, kind), score in best.items():
            scores[session] = scores.get(session, 0.0) + WEIGHTS.get(kind, 1.0) * score
        return scores

    def sessions(self) -> set[str]:
        """Ids of all sessions in here."""
        with _unusable():
            return {session for (session,) in self._sql.execute("SELECT DISTINCT session FROM documents")}

    def documents(self, session: str) -> list[Document]:
        """What is kept of a session."""
        with _unusable():
            return sorted(document for _, document in self._rows(session))

    def damage(self) -> list[str]:
        """What SQLite finds wrong with the file itself. Empty: nothing."""
        with _unusable():
            found = [str(line) for (line,) in self._sql.execute("PRAGMA integrity_check(10)") if line != "ok"]
            try:
                self._sql.execute("INSERT INTO words (words) VALUES ('integrity-check')")
                self._sql.execute("INSERT INTO moments (moments) VALUES ('integrity-check')")
            except sqlite3.DatabaseError as error:
                found.append(f"its words do not agree with its texts: {error}")
        return found

    def _state(self, name: str) -> int:
        (value,) = self._sql.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone() or (-1,)
        return int(value)

    def _set(self, name: str, value: int) -> None:
        self._sql.execute("UPDATE state SET value = ? WHERE name = ?", (value, name))


def _match(phrase: Phrase) -> str:
    # Of ASCII, words have letters and digits only (see words.py): nothing in them can be read as syntax.
    return f'"{" ".join(phrase.words)}"{"*" if phrase.prefix else ""}'


def exists(folder: Path) -> bool:
    """Whether there is a file of an index."""
    return (folder / FILE_NAME).exists()


def discard(folder: Path) -> None:
    """Remove the file, whatever is in it."""
    for name in (FILE_NAME, f"{FILE_NAME}-journal", f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"):
        with contextlib.suppress(FileNotFoundError):
            (folder / name).unlink()


@contextlib.contextmanager
def _unusable() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise IndexUnusable(str(error)) from error
