"""Large stores for benchmarks, written with the store's own functions, many sessions to a transaction."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reeld.store import sessions
from reeld.store.environment import StoreEnvironment
from reeld.store.ingest import Batch
from reeld.store.keys import name_key
from reeld.store.records import NoteEntry
from reeld.store.transaction import Table, Transaction
from reeld_proto.records import GapReason
from reeld_proto.workers import RecordMarker, RecordPause
from tests.daemon.store.builders import NS, chunk, creation, finish, gap

TRACKS = ("video-1", "video-2", "mic", "system", "mix")
_WORDS = """
    review planning budget meeting guitar lesson interview standup retro deploy incident customer demo roadmap draft
    thesis chapter lecture algebra kitchen garden holiday taxes insurance podcast episode rehearsal concert practice
    café naïve façade über straße résumé jalapeño señor crème brûlée
"""
WORDS = _WORDS.split()
SESSIONS_PER_TRANSACTION = 250
MINUTE_NS = 60 * NS


def many_sessions(folder: Path, count: int, seed: int = 1) -> list[str]:
    """A store of `count` finished sessions with five tracks, gaps, markers, a pause and often a note; their ids."""
    chance = random.Random(seed)
    first = datetime(2024, 1, 1, 8, tzinfo=UTC)
    begun = [first + timedelta(minutes=97 * number) for number in range(count)]
    ids = [f"{at:%Y%m%d-%H%M%S}-{number:04x}" for number, at in enumerate(begun)]
    store = StoreEnvironment.open_write(folder)
    try:
        for start in range(0, count, SESSIONS_PER_TRANSACTION):
            with store.write() as txn:
                for number in range(start, min(count, start + SESSIONS_PER_TRANSACTION)):
                    _session(txn, ids[number], int(begun[number].timestamp()) * NS, chance)
    finally:
        store.close()
    return ids


def _session(txn: Transaction, session: str, started_wall_ns: int, chance: random.Random) -> None:
    name, tags = " ".join(chance.sample(WORDS, 3)), chance.sample(WORDS, 2)
    sessions.create(
        txn, creation(session, name, TRACKS, tags=tags, started_wall_ns=started_wall_ns, warnings=["no camera"])
    )
    batch = Batch(txn)
    for track in TRACKS:
        batch.land(chunk(0, 2 * NS, track=track, session=session))
        batch.land(gap(2 * NS, 3 * NS, GapReason.HIDDEN, track=track, session=session))
        batch.land(chunk(3 * NS, MINUTE_NS, track=track, session=session))
    batch.finish()
    if chance.random() < 0.2:
        sessions.pause(txn, RecordPause(session=session, start_ns=10 * NS, end_ns=20 * NS))
    for number in range(3):
        text = " ".join(chance.sample(WORDS, 4))
        sessions.mark(txn, RecordMarker(session=session, media_ns=(number + 1) * 5 * NS, text=text))
    if chance.random() < 0.5:
        txn.put_record(Table.NOTES, name_key(session), NoteEntry(" ".join(chance.sample(WORDS, 12))))
    sessions.finish(txn, finish(MINUTE_NS, session))


def long_session(folder: Path, chunks_per_track: int, session: str = "20261122-170509-long") -> str:
    """A store with one session of five tracks of so many chunks of a second each; its id."""
    store = StoreEnvironment.open_write(folder)
    try:
        with store.write() as txn:
            sessions.create(txn, creation(session, "long", TRACKS))
        for start in range(0, chunks_per_track, 600):
            with store.write() as txn:
                batch = Batch(txn)
                for number in range(start, min(chunks_per_track, start + 600)):
                    for track in TRACKS:
                        batch.land(chunk(number * NS, (number + 1) * NS, track=track, session=session))
                batch.finish()
        with store.write() as txn:
            sessions.finish(txn, finish(chunks_per_track * NS, session))
    finally:
        store.close()
    return session
