"""Finding and opening: 10,000 sessions listed, 1,000 searched, one of four hours opened; plain SQLite beside it.

The peer keeps what a list shows in a table of JSON documents and what is said in an ordinary FTS5 table, as an
application would; it reads the same sessions, written at the same time.
"""

import asyncio
import json
import shutil
import sqlite3
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from reeld.control.library import Library
from reeld.store.reader import StoreReader
from reeld.store.selection import selection_of
from reeld_proto import codec
from reeld_proto.commands import AnyReply, ListSessions
from tests.bench import shelf
from tests.daemon.store.builders import NS

QUERIES = ("guitar lesson", "meet*", '"planning budget" OR holiday', "café", "review", "r* p* b* m*")
LIST_MS_MAX = 100.0
SEARCH_MS_MAX = 20.0
OPEN_MS_MAX = 500.0
"""Start of playback; what is measured here is the part before decoding."""


@dataclass(frozen=True)
class Finding:
    """One measurement: milliseconds of ours and of the peer (None: there is none), and the bar."""

    work: str
    ours_ms: float
    peer_ms: float | None
    bar_ms: float


def best_ms(work: Callable[[], Any], rounds: int = 5) -> float:
    """Median of several rounds, the first of which warms up and does not count."""
    took = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1e3)
    return statistics.median(took[1:])


def findings(folder: Path, *, short: bool) -> list[Finding]:
    """Measure everything below `folder`, which is left empty."""
    sessions, searched, chunks = (1000, 200, 600) if short else (10_000, 1000, 14_400)
    found = [*_list(folder / "many", sessions), *_search(folder / "some", searched), *_open(folder / "long", chunks)]
    for name in ("many", "some", "long"):
        shutil.rmtree(folder / name)
    return found


def _list(folder: Path, count: int) -> list[Finding]:
    shelf.many_sessions(folder, count)
    reader = StoreReader.open(folder)
    began = time.perf_counter()
    assert len(reader.list_sessions()) == count
    first_ms = (time.perf_counter() - began) * 1e3
    ours_ms = best_ms(reader.list_sessions)
    with closing(sqlite3.connect(folder / "peer.sqlite")) as peer:
        peer.execute("CREATE TABLE sessions (id TEXT PRIMARY KEY, described TEXT)")
        rows = ((each.session, msgspec.json.encode(each).decode()) for each in reader.list_sessions())
        peer.executemany("INSERT INTO sessions VALUES (?, ?)", rows)
        peer.commit()
        peer_ms = best_ms(
            lambda: [json.loads(row) for (row,) in peer.execute("SELECT described FROM sessions ORDER BY id DESC")]
        )
    reader.close()
    reply_ms = asyncio.run(_ask(folder, [ListSessions()]))[0]
    return [
        Finding(f"list {count:,} sessions", ours_ms, peer_ms, LIST_MS_MAX),
        Finding(f"list {count:,} sessions, the first time", first_ms, None, 20 * LIST_MS_MAX),
        Finding(f"list {count:,} sessions, from command to packed reply", reply_ms, None, LIST_MS_MAX),
    ]


def _search(folder: Path, count: int) -> list[Finding]:
    shelf.many_sessions(folder, count)
    reader = StoreReader.open(folder)
    described = reader.list_sessions()
    reader.close()
    commands = [ListSessions(text=text) for text in QUERIES]
    ours_ms = max(asyncio.run(_ask(folder, commands)))
    with closing(sqlite3.connect(folder / "peer.sqlite")) as peer:
        peer.execute("CREATE VIRTUAL TABLE said USING fts5 (described UNINDEXED, name, tags, note, markers)")
        peer.executemany(
            "INSERT INTO said VALUES (?, ?, ?, ?, ?)",
            (
                (
                    msgspec.json.encode(each).decode(),
                    each.name,
                    " ".join(each.tags),
                    each.note,
                    " ".join(marker.text for marker in each.markers),
                )
                for each in described
            ),
        )
        peer.commit()
        ask = "SELECT described FROM said WHERE said MATCH ? ORDER BY bm25(said, 0, 10, 5, 2.5, 1)"
        peer_ms = max(
            best_ms(lambda text=text: [json.loads(row) for (row,) in peer.execute(ask, (text,))])  # type: ignore[misc]
            for text in QUERIES
        )
    return [Finding(f"search {count:,} sessions, slowest of {len(QUERIES)}", ours_ms, peer_ms, SEARCH_MS_MAX)]


async def _ask(folder: Path, commands: list[ListSessions]) -> list[float]:
    """Median milliseconds from each command to its packed reply, through the daemon's library thread."""
    library = Library(folder)
    medians = []
    for command in commands:
        took = []
        for _ in range(6):
            began = time.perf_counter()
            reply = codec.pack(await library.find(selection_of(command)))
            took.append((time.perf_counter() - began) * 1e3)
        assert codec.unpack(reply, AnyReply, limit=codec.MESSAGE_BYTES_MAX).body.sessions
        medians.append(statistics.median(took[1:]))
    await library.close()
    return medians


def _open(folder: Path, chunks_per_track: int) -> list[Finding]:
    session = shelf.long_session(folder, chunks_per_track)
    middle_ns = chunks_per_track // 2 * NS

    def open_it() -> None:
        """What a player needs before the first picture: the session, and the chunk to begin with on each track."""
        reader = StoreReader.open(folder)
        reader.show(session)
        for track in shelf.TRACKS:
            segment = reader.keyframe_before(session, track, middle_ns)
            assert segment is not None
            reader.chunk(segment.chunk)
        reader.close()

    def read_it() -> None:
        """What an export needs: every entry of every track."""
        reader = StoreReader.open(folder)
        assert all(len(list(reader.segments(session, track))) == chunks_per_track for track in shelf.TRACKS)
        reader.close()

    entries = chunks_per_track * len(shelf.TRACKS)
    return [
        Finding(f"open one session of {entries:,} chunks in the middle", best_ms(open_it), None, OPEN_MS_MAX),
        Finding(f"read all {entries:,} entries of its timelines", best_ms(read_it, 3), None, 4 * OPEN_MS_MAX),
    ]
