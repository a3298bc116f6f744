"""How the store worker takes a store over: alone, harmless where it is damaged, recovered, and ready to be written."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from reeld.runtime.logs import get_logger
from reeld.store import recovery, staging
from reeld.store.endings import Tenancy
from reeld.store.environment import StoreEnvironment
from reeld.store.soundness import missing_bytes
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt


@dataclass(frozen=True, slots=True)
class Opened:
    """A store in the hands of its one writer.

    positions: last number acknowledged to each producer. damage: for people, what is wrong with it; empty if nothing.
    """

    store: StoreEnvironment
    tenancy: Tenancy
    positions: dict[str, int]
    damage: str


def open_store(folder: Path, live_session: str) -> Opened:
    """Open the store in `folder` for writing. live_session: the one that goes on, or ''.

    What is damaged in it does not keep the rest from being served. Raises RequestRejected (ALREADY_RUNNING, PERMISSION,
    DISK_FULL, UNSUPPORTED_VERSION), or StoreCorrupt if nothing can be read.
    """
    with ExitStack() as undo:
        missing = missing_bytes(folder)
        tenancy = Tenancy(folder)
        damage = ""
        if tenancy.damaged:
            damage = f"{len(tenancy.damaged)} pages of the store's file are damaged, the first: {tenancy.damaged[0]}"
        if missing:
            get_logger().error("store.cut_off", missing_bytes=missing)
            damage = f"the store's file was cut off; {missing} bytes are missing"
        store = StoreEnvironment.open_write(folder)
        undo.callback(store.close)
        if not live_session:
            staging.remove_leftovers(folder)
        positions: dict[str, int] = {}
        try:
            for session in recovery.recover(store, live_session):
                get_logger().warning("session.interrupted", session_id=session)
            for reason in recovery.hindered(store):
                get_logger().error("store.not_recovered", reason=reason)
                damage = damage or reason
            positions = recovery.positions(store)
        except (StoreCorrupt, RequestRejected) as error:
            if error.code not in (ErrorCode.CORRUPT, ErrorCode.NOT_FOUND):
                raise
            get_logger().error("store.not_recovered", reason=str(error))
            damage = damage or str(error)
        undo.pop_all()
    return Opened(store, tenancy, positions, damage)
