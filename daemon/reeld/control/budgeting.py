"""Finds out what takes room, and carries out what the budget plans, through the store worker and jobs."""

from collections import Counter
from dataclasses import replace

from reeld.control.parts import Parts, as_reply
from reeld.runtime.clock import wall_ns
from reeld.runtime.logs import get_logger
from reeld.store import staging
from reeld.store.budget import KEYFRAMES, Action, Item, Plan, Policy, plan
from reeld.store.words import instant_text
from reeld_proto.commands import BudgetApplied
from reeld_proto.errors import ReeldError
from reeld_proto.events import SessionBudgeted
from reeld_proto.storage import BudgetItem
from reeld_proto.store_orders import (
    MediaStaged,
    RemoveSession,
    ReplaceMedia,
    RunThin,
    RunUsage,
    SessionRoom,
    Surveyed,
)
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import Done

STORE_S = 55.0
"""How long one order may take, a queue before it included."""

ERASE = "erase"
"""The background work that overwrites in the file what was collected."""


async def survey(parts: Parts) -> Surveyed:
    """What takes how much room. At once for a small store, by a job for a large one. Raises ReeldError."""
    found = await parts.library.survey_if_quick()
    if found is not None:
        return found
    return as_reply(await parts.jobs.run(RunUsage(store=str(parts.store_dir))), Surveyed)


def file_bytes(parts: Parts) -> int:
    """What the store's file takes on the disk; 0 while there is none."""
    try:
        # Blocks, not length: the file may have holes.
        return (parts.store_dir / "data.mdb").stat().st_blocks * 512
    except OSError:
        return 0


def room_bytes(parts: Parts, held_bytes: int) -> int:
    """What can be recorded yet: free disk, and pages of the file that are free."""
    return parts.stats.free_bytes() + max(0, file_bytes(parts) - held_bytes)


def policy(parts: Parts, held_bytes: int) -> Policy:
    """The limits of the config against the disk as it is now."""
    storage = parts.config.storage
    missing_bytes = parts.config.store.reserve_bytes - room_bytes(parts, held_bytes) if storage.is_limited else 0
    return Policy(
        quota_bytes=storage.quota_bytes,
        keyframes_after_days=storage.keyframes_after_days,
        drop_after_days=storage.drop_after_days,
        missing_bytes=max(0, missing_bytes),
    )


async def apply(parts: Parts, *, dry_run: bool) -> BudgetApplied:
    """Plan and, unless it is a dry run, do it. What cannot be done is kept, with that reason. Raises ReeldError."""
    found = await survey(parts)
    limits = policy(parts, found.held_bytes)
    busy = frozenset(room.session for room in found.sessions if parts.jobs.is_busy_with(room.session))
    made = plan(found, replace(limits, busy=busy), wall_ns())
    if not dry_run and parts.config.storage.is_limited:
        made = await _carry_out(parts, made)
        await _collect(parts, limits, found)
    return BudgetApplied(dry_run=dry_run, items=[_public(item) for item in made.items], freed_bytes=made.freed_bytes)


def summary(applied: BudgetApplied) -> str:
    """What was done, in a few words."""
    counts = Counter(item.action for item in applied.items)
    return f"{counts[Action.DROP]} dropped, {counts[Action.THIN]} thinned, {counts[Action.KEEP]} kept"


async def _carry_out(parts: Parts, made: Plan) -> Plan:
    """Do what is planned, droppings first because they make room at once."""
    items = list(made.items)
    for action in (Action.DROP, Action.THIN):
        for index, item in enumerate(items):
            if item.action is action:
                items[index] = await _do(parts, item)
    freed = sum(item.bytes for item in items if item.action is not Action.KEEP)
    return Plan(tuple(items), freed, made.held_bytes + made.freed_bytes - freed)


async def _do(parts: Parts, item: Item) -> Item:
    room = item.room
    try:
        if item.action is Action.DROP:
            order = RemoveSession(session=room.session, reason=f"the budget dropped {room.session}: {item.reason}")
            await parts.ask_store(order, STORE_S)
        else:
            await _thin(parts, room, item.reason)
    except ReeldError as error:
        get_logger().warning("budget.failed", session_id=room.session, action=item.action.value, reason=str(error))
        reason = f"{item.reason}; but that failed: {error}"
        return Item(room, Action.KEEP, reason, room.unique_bytes + room.shared_bytes)
    event = "budget.dropped" if item.action is Action.DROP else "budget.thinned"
    get_logger().info(event, session_id=room.session, reason=item.reason, freed_bytes=item.bytes)
    parts.publish(
        SessionBudgeted(
            session=room.session, name=room.name, action=item.action.value, reason=item.reason, bytes=item.bytes
        )
    )
    return item


async def _thin(parts: Parts, room: SessionRoom, reason: str) -> None:
    # Snapshots are not among them: they are key frames already.
    tracks = [track.id for track in (await parts.library.show(room.session)).tracks]
    order = RunThin(store=str(parts.store_dir), session=room.session)
    made = as_reply(await parts.jobs.run(order), MediaStaged)
    try:
        replacement = ReplaceMedia(
            session=room.session,
            staged=made.staged,
            reason=f"the budget thinned {room.session}: {reason}",
            drop_tracks=tracks,
            tier=KEYFRAMES,
        )
        as_reply(await parts.ask_store(replacement, STORE_S), Done)
    finally:
        staging.remove_staged(parts.store_dir, made.staged)


async def _collect(parts: Parts, limits: Policy, found: Surveyed) -> None:
    """Collect garbage: at once if room is wanted, else what has waited as long as the config lets it.

    What a running job may read stays in any case.
    """
    over = limits.quota_bytes is not None and found.held_bytes > limits.quota_bytes
    waits_s = 0.0 if over or limits.missing_bytes else parts.config.storage.garbage_after_s
    keep_since_ns = wall_ns() - round(waits_s * NS_PER_S) if waits_s else None
    collected = await parts.collector.take_out(keep_since_wall_ns=keep_since_ns)
    if collected:
        get_logger().info("budget.collected", size_bytes=collected)
        parts.upkeep.hasten(ERASE)


def _public(item: Item) -> BudgetItem:
    return BudgetItem(
        session=item.room.session,
        name=item.room.name,
        started_at=instant_text(item.room.started_wall_ns),
        action=item.action.value,
        reason=item.reason,
        bytes=item.bytes,
    )
