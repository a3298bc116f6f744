"""Room and budget."""

from datetime import date

from reeld.control import budgeting
from reeld.control.parts import Handler, Parts
from reeld.runtime.clock import wall_ns
from reeld.store.budget import KEYFRAMES
from reeld.store.days import local_day
from reeld.store.forecast import bytes_per_day, days_left
from reeld.store.words import instant_text
from reeld_proto import commands as c
from reeld_proto.storage import Usage
from reeld_proto.store_orders import KeyRoom, SessionRoom, Surveyed
from reeld_proto.units import seconds

LARGEST_MAX = 10


def commands(parts: Parts) -> dict[type[c.Command], Handler]:
    """What each command of this area does."""

    async def storage(_command: c.GetStorage, _arrived_ns: int) -> c.Reply:
        return report(parts, await budgeting.survey(parts), local_day(wall_ns()))

    async def apply(command: c.ApplyBudget, _arrived_ns: int) -> c.Reply:
        return await budgeting.apply(parts, dry_run=command.dry_run)

    return {c.GetStorage: storage, c.ApplyBudget: apply}


def report(parts: Parts, found: Surveyed, today: date) -> c.StorageReport:
    """A survey as people want it: newest first, with a forecast."""
    quota_bytes = parts.config.storage.quota_bytes
    reserve_bytes = parts.config.store.reserve_bytes
    pace = bytes_per_day(found.days, today)
    needed_bytes = found.held_bytes - found.garbage_bytes
    rooms = [budgeting.room_bytes(parts, needed_bytes) - reserve_bytes]
    if quota_bytes is not None:
        rooms.append(quota_bytes - needed_bytes)
    sessions = [_of_session(room) for room in found.sessions if not room.buffer][::-1]
    left = days_left(pace, rooms)
    return c.StorageReport(
        used_bytes=budgeting.file_bytes(parts),
        held_bytes=found.held_bytes,
        live_bytes=found.live_bytes,
        garbage_bytes=found.garbage_bytes,
        free_bytes=parts.stats.free_bytes(),
        quota_bytes=quota_bytes,
        reserve_bytes=reserve_bytes,
        bytes_per_day=round(pace, 1),
        forecast_days=None if left is None else round(left, 2),
        sessions=sessions,
        tracks=[_of_key(room) for room in found.tracks],
        days=[_of_key(room) for room in found.days[::-1]],
        largest=sorted(sessions, key=lambda usage: -usage.unique_bytes)[:LARGEST_MAX],
    )


def _of_session(room: SessionRoom) -> Usage:
    return Usage(
        key=room.session,
        label=room.name,
        unique_bytes=room.unique_bytes,
        shared_bytes=room.shared_bytes,
        duration_s=seconds(room.duration_ns),
        pinned=room.pinned,
        started_at=instant_text(room.started_wall_ns),
        tier=KEYFRAMES if room.tier == KEYFRAMES else "full",
    )


def _of_key(room: KeyRoom) -> Usage:
    return Usage(
        key=room.key,
        label=room.label,
        unique_bytes=room.unique_bytes,
        shared_bytes=room.shared_bytes,
        duration_s=seconds(room.duration_ns),
    )
