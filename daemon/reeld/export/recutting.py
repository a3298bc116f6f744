"""The job that makes media anew at the ends of a range: for a session without it, or before it is forgotten."""

from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import structs

from reeld.export.margins import Cutting, margins_of
from reeld.store.environment import StoreEnvironment
from reeld.store.holders import SessionPlan, plan_of_one, plans_of_all
from reeld.store.reader import StoreReader
from reeld.store.staging import StagedChunk, StagingWriter, remove_staged
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.store_orders import LeftOut, Recut, RunRecut
from reeld_proto.units import seconds

Progress = Callable[[float, float], bool]
"""Called with (seconds done, seconds in all); returns False to stop."""


def recut(store: StoreEnvironment, order: RunRecut, progress: Progress) -> Recut:
    """Stage what the order that follows needs.

    Raises RequestRejected: NOT_FOUND, INVALID_REQUEST for a bad range, WRONG_STATE for a session that is being
    recorded, DISK_FULL; StoreCorrupt.
    """
    reader = StoreReader(store)
    with store.read() as txn:
        if order.forget:
            plans = plans_of_all(txn, order.session, order.from_ns, order.to_ns)
        else:
            plans = [plan_of_one(txn, order.session, order.from_ns, order.to_ns)]
    margins = [(plan, margin) for plan in plans for margin in margins_of(plan)]
    total_s = sum(seconds(margin.length_ns) for _, margin in margins)
    done_s = 0.0
    store_dir = Path(order.store)
    cutting = Cutting(reader, in_place=order.forget)
    try:
        with StagingWriter(store_dir) as writer:
            for plan, margin in margins:
                for chunk in cutting.made(plan, margin):
                    writer.add(chunk if order.forget else _closed_up(chunk, order))
                    at_s = done_s + seconds(max(0, chunk.start_ns - margin.start_ns))
                    if not progress(at_s, total_s):
                        raise RequestRejected("the work was stopped", code=ErrorCode.WRONG_STATE)
                done_s += seconds(margin.length_ns)
    finally:
        cutting.close()
    staged = str(writer.path)
    if not writer.chunks:
        remove_staged(store_dir, staged)
        staged = ""
    return Recut(
        staged=staged,
        new_bytes=writer.chunk_bytes,
        left_out=[] if order.forget else list(_left_out(plans[0])),
        end_ns=plans[0].record.media_end_ns(),
    )


def _closed_up(chunk: StagedChunk, order: RunRecut) -> StagedChunk:
    """The chunk in a session where what follows the range comes where it began."""
    moved_ns = order.from_ns - order.to_ns if chunk.start_ns >= order.to_ns else 0
    return structs.replace(
        chunk,
        session=order.new_session,
        start_ns=chunk.start_ns + moved_ns,
        end_ns=chunk.end_ns + moved_ns,
        shift_ns=chunk.shift_ns + moved_ns,
    )


def _left_out(plan: SessionPlan) -> Iterator[LeftOut]:
    for track, planned in plan.tracks.items():
        entries = plan.entries[track]
        for redo in planned.redos:
            start_ns, entry = entries[redo.index]
            yield LeftOut(track=track, from_ns=start_ns, to_ns=entry.end_ns)
