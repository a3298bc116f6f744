"""The kinds of background work that this daemon does, each in slices that a pause can end."""

import math

from reeld.config import UpkeepConfig
from reeld.control import budgeting, compaction
from reeld.control.compressing import compress
from reeld.control.parts import Parts, as_reply
from reeld.runtime.clock import wall_ns
from reeld.runtime.logs import get_logger
from reeld.upkeep.keeper import Ledger, Work
from reeld_proto.store_orders import RecordCheck, RunScrub, Scrubbed

SLICE_S = 10.0
STORE_S = 30.0
SECONDS_PER_DAY = 86_400.0
SCRUBS_PER_DAY = 6
"""A laptop is seldom on all day: a little, often, gets further than all at once."""


def periods(config: UpkeepConfig) -> dict[str, float | None]:
    """How often the kinds are done of which the config says something, in seconds; None for never unasked."""
    return {
        "scrub": SECONDS_PER_DAY / SCRUBS_PER_DAY if config.scrub_minutes_per_day else None,
        "compact": SECONDS_PER_DAY if config.compact else None,
        "compress": None if config.compress_after_days is None else SECONDS_PER_DAY,
    }


def works(parts: Parts) -> list[Work]:
    """Every kind, as the config wants it."""
    every_s = periods(parts.config.upkeep)

    async def run_scrub(ledger: Ledger) -> None:
        minutes = parts.config.upkeep.scrub_minutes_per_day
        budget_s = minutes * 60 / SCRUBS_PER_DAY if minutes else SLICE_S
        await scrub(parts, ledger, budget_s)

    async def run_budget(ledger: Ledger) -> None:
        # Unasked, the enforcer does it, who cannot wait for its turn among other work.
        applied = await budgeting.apply(parts, dry_run=False)
        ledger.done_bytes = ledger.total_bytes = applied.freed_bytes
        ledger.detail = budgeting.summary(applied)

    async def run_erase(ledger: Ledger) -> None:
        if not parts.collector.owes_erasing and not ledger.asked:
            ledger.detail = "nothing to erase"
            return
        ledger.done_bytes, whole = await parts.collector.erase_gently()
        ledger.total_bytes = ledger.done_bytes
        ledger.detail = "nothing deleted is left in the file" if whole else "waits for a process that reads"

    async def run_compress(ledger: Ledger) -> None:
        await compress(parts, ledger, tried)

    async def run_compact(ledger: Ledger) -> None:
        done = await compaction.compact_now(parts, gain_bytes_min=1 if ledger.asked else compaction.WORTH_BYTES)
        ledger.done_bytes = ledger.total_bytes = done.old_bytes
        ledger.detail = f"{done.old_bytes - done.new_bytes} bytes given back" if done.staged else "nothing to gain"

    tried: set[str] = set()
    return [
        Work("budget", run_budget, None),
        # What the budget collects hastens it; what the rolling buffer recycles stays for a day at most.
        Work(budgeting.ERASE, run_erase, SECONDS_PER_DAY),
        Work("scrub", run_scrub, every_s["scrub"]),
        Work("compact", run_compact, every_s["compact"]),
        Work("compress", run_compress, every_s["compress"], needs_quiet=True),
    ]


async def scrub(parts: Parts, ledger: Ledger, budget_s: float) -> None:
    """Check chunks for `budget_s` seconds, or until all have been. Damage is logged and told in the ledger."""
    damaged: list[str] = []
    checked = 0
    for number in range(math.ceil(budget_s / SLICE_S)):
        slice_s = min(SLICE_S, budget_s - number * SLICE_S)
        done = as_reply(await parts.jobs.run(RunScrub(store=str(parts.store_dir), max_duration_s=slice_s)), Scrubbed)
        await parts.ask_store(RecordCheck(cursor=done.cursor, at_wall_ns=wall_ns()), STORE_S)
        checked += done.checked_chunks
        damaged += done.damaged
        ledger.done_bytes += done.checked_bytes
        ledger.total_bytes = done.total_bytes
        ledger.detail = f"{checked} chunks checked"
        if damaged:
            ledger.detail += f", {len(damaged)} damaged: `reelctl repair` sets them aside"
        if done.complete or ledger.done_bytes >= done.total_bytes:
            break
    if damaged:
        get_logger().error("scrub.damaged", chunks=len(damaged), first=damaged[0])
