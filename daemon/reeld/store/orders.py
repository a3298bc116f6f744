"""What each order of the daemon does to the store: one function an order, in one write transaction."""

from collections.abc import Callable
from typing import Any

from reeld.store import (
    automation,
    derive,
    enrichment,
    gc,
    landing,
    manifests,
    recycling,
    removing,
    repair,
    replace,
    replay,
    scrub,
    sessions,
)
from reeld.store.api import Circumstances
from reeld.store.transaction import Transaction
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.workers import (
    AnyOrder,
    AnyReport,
    CollectChunks,
    CreateSession,
    DeriveSession,
    Done,
    EditRecord,
    FillKept,
    FinishSession,
    ForgetMedia,
    ImportSession,
    KeepEnrichment,
    KeepLast,
    LandBytes,
    RecordAutomation,
    RecordCheck,
    RecordClockJump,
    RecordGraph,
    RecordMarker,
    RecordPause,
    RecordState,
    RemoveSession,
    RepairChunks,
    ReplaceMedia,
    TrimBuffer,
    UndoEnrichment,
)

Work = Callable[[Transaction, Any, Circumstances], AnyReport]


def _silent(work: Callable[[Transaction, Any], None]) -> Work:
    def carried_out(txn: Transaction, order: Any, _circumstances: Circumstances) -> AnyReport:
        work(txn, order)
        return Done()

    return carried_out


def _collect(txn: Transaction, order: CollectChunks, _circumstances: Circumstances) -> AnyReport:
    return gc.collect(txn, order)


def _keep_found(txn: Transaction, order: KeepEnrichment, _circumstances: Circumstances) -> AnyReport:
    return enrichment.keep(txn, order)


def _undo_found(txn: Transaction, order: UndoEnrichment, _circumstances: Circumstances) -> AnyReport:
    return enrichment.undo(txn, order)


def _finish(txn: Transaction, order: FinishSession, circumstances: Circumstances) -> AnyReport:
    tail = sessions.tail_reason(disk_was_full=order.session in circumstances.starved)
    sessions.finish(txn, order, tail)
    return Done()


_WORK: dict[type, Work] = {
    CreateSession: _silent(sessions.create),
    RecordPause: _silent(sessions.pause),
    RecordMarker: _silent(sessions.mark),
    RecordAutomation: _silent(automation.record_changes),
    RecordGraph: _silent(automation.record_graph),
    RecordState: _silent(sessions.set_state),
    RecordClockJump: _silent(sessions.clock_jump),
    FinishSession: _finish,
    DeriveSession: derive.derive,
    EditRecord: _silent(manifests.edit),
    RemoveSession: manifests.remove,
    ReplaceMedia: replace.replace,
    RecordCheck: _silent(scrub.record),
    RepairChunks: repair.repair,
    TrimBuffer: recycling.trim,
    KeepLast: replay.keep,
    FillKept: replay.go_on,
    LandBytes: landing.land_bytes,
    ImportSession: landing.import_session,
    ForgetMedia: removing.forget,
    CollectChunks: _collect,
    KeepEnrichment: _keep_found,
    UndoEnrichment: _undo_found,
}


_ON_SESSIONS = (DeriveSession, RemoveSession, ForgetMedia, ReplaceMedia)
"""Orders that work on sessions as they are, for which a session that is being filled is filled first. A repair
does so itself, when what hinders it is set aside."""


def carry_out(txn: Transaction, order: AnyOrder, circumstances: Circumstances) -> AnyReport:
    """Carry out one order. Raises RequestRejected for one that is refused, UNKNOWN_COMMAND for one of other workers."""
    work = _WORK.get(type(order))
    if work is None:
        raise RequestRejected(f"the store does not know {type(order).__name__}", code=ErrorCode.UNKNOWN_COMMAND)
    if isinstance(order, _ON_SESSIONS):
        replay.complete_all(txn)
    return work(txn, order, circumstances)
