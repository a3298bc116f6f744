"""Repair, background work, the text index."""

from reeld.control.parts import Handler, Parts, as_reply
from reeld.runtime.clock import wall_ns
from reeld.store import staging
from reeld.upkeep.keeper import Upkeep
from reeld_proto import commands as c
from reeld_proto.errors import RequestRejected
from reeld_proto.store_orders import Healing, RepairChunks, RunHealing
from reeld_proto.workers import RunVerify

REPAIR_S = 600.0
"""The store goes through its whole index in one transaction."""


def commands(parts: Parts) -> dict[type[c.Command], Handler]:
    """What each command of this area does."""

    async def repair(command: c.RepairStore, _arrived_ns: int) -> c.Reply:
        return await _repair(parts, command.source or "")

    async def steer(command: c.SteerUpkeep, _arrived_ns: int) -> c.Reply:
        await _steer(parts.upkeep, command.action, command.kind)
        return c.UpkeepStatus(tasks=parts.upkeep.status())

    def status(_command: c.GetUpkeep, _arrived_ns: int) -> c.Reply:
        return c.UpkeepStatus(tasks=parts.upkeep.status())

    async def check_index(command: c.CheckIndex, _arrived_ns: int) -> c.Reply:
        sessions, faults = await parts.library.check_index(rebuild=command.rebuild)
        return c.IndexChecked(ok=not faults, sessions=sessions, faults=faults, rebuilt=command.rebuild)

    return {c.RepairStore: repair, c.SteerUpkeep: steer, c.GetUpkeep: status, c.CheckIndex: check_index}


async def _steer(upkeep: Upkeep, action: str, kind: str | None) -> None:
    match action:
        case "pause":
            await upkeep.pause(kind)
        case "resume":
            upkeep.resume(kind)
        case "run":
            await upkeep.run(kind)
        case _:
            raise RequestRejected(f"{action!r} is not an action", remedy="Choose pause, resume or run.")


async def _repair(parts: Parts, source: str) -> c.Reply:
    store = str(parts.store_dir)
    healing = as_reply(await parts.jobs.run(RunHealing(store=store, source=source)), Healing)
    order = RepairChunks(staged=healing.staged, lost=healing.lost, at_wall_ns=wall_ns())
    try:
        repaired = as_reply(await parts.ask_store(order, REPAIR_S), c.Repaired)
    finally:
        staging.remove_staged(parts.store_dir, healing.staged)
    verified = as_reply(await parts.jobs.run(RunVerify(store=store, session=None)), c.Verified)
    return c.Repaired(
        healed=repaired.healed,
        quarantined=repaired.quarantined,
        gaps=repaired.gaps,
        fixed=repaired.fixed,
        remaining=verified.faults,
    )
