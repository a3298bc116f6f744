"""What the store does first: sessions that a crash left open are marked interrupted and closed at their last commit."""

from reeld.store import roster, sessions
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import name_key
from reeld.store.records import Position
from reeld.store.transaction import Table
from reeld_proto.errors import StoreCorrupt
from reeld_proto.records import GapReason, SessionState
from reeld_proto.workers import FinishSession


def recover(store: StoreEnvironment, live_session: str) -> list[str]:
    """Close every unfinished session but `live_session` (empty for none); their ids.

    A live session means that only the store was restarted: the session goes on, and so do its producers, whose
    acknowledged positions are kept. Otherwise they are forgotten: no producer of an earlier daemon is alive.
    One transaction; done again after a crash in the middle, it does the same. A session whose record is damaged is left
    as it is, for `reelctl repair`.
    """
    with store.read() as txn:
        found = [key.decode() for key, _ in txn.scan(Table.UNFINISHED)]
        stale = not live_session and txn.count(Table.PRODUCERS) > 0
    closed = [session for session in found if session != live_session]
    if not closed and not stale:
        return []
    with store.write() as txn:
        for session in list(closed):
            key = name_key(session)
            value = txn.get(Table.SESSIONS, key)
            record = roster.readable_one(key, value)
            if record is None:
                closed.remove(session)
                if value is None:
                    txn.delete(Table.UNFINISHED, key)
                continue
            end_ns = record.media_end_ns()
            order = FinishSession(session=session, end_ns=end_ns, state=SessionState.INTERRUPTED)
            sessions.finish(txn, order, tail=GapReason.WORKER_RESTART)
        if stale:
            txn.clear(Table.PRODUCERS)
    return closed


def hindered(store: StoreEnvironment) -> list[str]:
    """Why unfinished sessions could not be closed: their records are damaged."""
    reasons = []
    with store.read() as txn:
        for key, _ in txn.scan(Table.UNFINISHED):
            value = txn.get(Table.SESSIONS, key)
            try:
                if value is not None:
                    roster.read(key, value)
            except StoreCorrupt as error:
                reasons.append(str(error))
    return reasons


def positions(store: StoreEnvironment) -> dict[str, int]:
    """The last number acknowledged to each producer."""
    with store.read() as txn:
        found = {}
        for key, _ in txn.scan(Table.PRODUCERS):
            position = txn.record(Table.PRODUCERS, key, Position)
            if position is not None:
                found[key.decode()] = position.seq
        return found
