"""Keeps the store within its budget by itself, while it records and afterwards. Belongs to the event loop's thread.

DESIGN: a look costs the file's size and one number that LMDB keeps; only when these say that there is too little room,
or that something may have become too old, is the store surveyed. A plan that could free nothing is not made anew at
every look. It never stops a recording: what is being recorded is not touched, however large.
"""

import asyncio

from reeld.control import budgeting
from reeld.control.parts import Parts
from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger
from reeld.store.words import size_text
from reeld_proto.errors import ReeldError
from reeld_proto.units import NS_PER_S

LOOK_S = 5.0
"""A recording at full rate writes some MB between two looks, a small part of the reserve."""

AGE_EVERY_S = 3600.0
"""How often ages are looked at: they are counted in days."""

FUTILE_S = 300.0
"""After a plan that freed nothing; less if a session ends meanwhile."""


class Enforcer:
    """Applies quota, reserve and retention."""

    def __init__(self, parts: Parts, *, look_s: float = LOOK_S) -> None:
        self._parts = parts
        self._look_s = look_s
        self._reusable_bytes = 0
        self._recording = ""
        self._age_due_ns = 0
        self._again_ns = 0
        self._told = ""

    def free_bytes(self) -> int:
        """Room for a recording: free disk, and what was free in the file at the last look."""
        return self._parts.stats.free_bytes() + self._reusable_bytes

    async def serve(self) -> None:
        """Look again and again, until cancelled. The store must be up."""
        while True:
            try:
                await self.look()
                self._told = ""
            except ReeldError as error:
                if str(error) != self._told:
                    self._told = str(error)
                    get_logger().warning("budget.not_kept", code=error.code, reason=self._told)
            except Exception as error:  # noqa: BLE001 - a fault here must not end a recording
                get_logger().error("budget.not_kept", exc_info=error)
            await asyncio.sleep(self._look_s)

    async def look(self) -> None:
        """Look once, and make room if there is too little. Raises ReeldError."""
        parts = self._parts
        held_bytes = await parts.library.bytes_in_use()
        self._reusable_bytes = max(0, budgeting.file_bytes(parts) - held_bytes)
        self._note_end_of_session()
        if not parts.config.storage.is_limited or parts.upkeep.is_paused("budget"):
            return
        limits = budgeting.policy(parts, held_bytes)
        over_bytes = 0 if limits.quota_bytes is None else max(0, held_bytes - limits.quota_bytes)
        pressed = over_bytes > 0 or limits.missing_bytes > 0
        now_ns = monotonic_ns()
        if (pressed and now_ns >= self._again_ns) or now_ns >= self._age_due_ns:
            await self._apply(over_bytes, limits.missing_bytes)

    async def _apply(self, over_bytes: int, missing_bytes: int) -> None:
        self._age_due_ns = monotonic_ns() + round(AGE_EVERY_S * NS_PER_S)
        applied = await budgeting.apply(self._parts, dry_run=False)
        held_bytes = await self._parts.library.bytes_in_use()
        self._reusable_bytes = max(0, budgeting.file_bytes(self._parts) - held_bytes)
        if applied.freed_bytes or not (over_bytes or missing_bytes):
            return
        self._again_ns = monotonic_ns() + round(FUTILE_S * NS_PER_S)
        limits = budgeting.policy(self._parts, held_bytes)
        if (limits.quota_bytes is not None and held_bytes > limits.quota_bytes) or limits.missing_bytes:
            get_logger().warning(
                "budget.stuck",
                over_bytes=over_bytes,
                missing_bytes=missing_bytes,
                reason=f"nothing may be dropped of the {size_text(held_bytes)} held",
            )

    def _note_end_of_session(self) -> None:
        brief = self._parts.sessions.brief()
        recording = brief.id if brief is not None else ""
        if recording != self._recording:
            # What was being recorded may go now, and what began is new.
            self._recording = recording
            self._again_ns = self._age_due_ns = 0
