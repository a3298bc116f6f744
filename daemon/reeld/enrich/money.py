"""What enrichment costs in money, and whether that may be spent. Pure.

DESIGN: before anything is asked that costs, the most that it can cost is added to what was spent; if that would pass a
cap, it is not asked. So a cap is never passed, and a cap of zero spends nothing.
"""

from collections.abc import Iterable

from reeld.enrich.settings import EnrichConfig
from reeld_proto.enrich import EnrichJob
from reeld_proto.errors import ErrorCode, RequestRejected

MILLION = 1_000_000


def price(config: EnrichConfig, tokens_in: int, tokens_out: int) -> float:
    """What so many tokens cost."""
    return (tokens_in * config.price_in + tokens_out * config.price_out) / MILLION


def check(config: EnrichConfig, job: EnrichJob, jobs: Iterable[EnrichJob], next_cost: float, today: str) -> None:
    """Raises RequestRejected (DENIED), naming the cap, if `next_cost` more might pass one. today: as 2026-11-27."""
    known = list(jobs)
    spent = {
        "cap_session": sum(each.cost for each in known if each.session == job.session),
        "cap_day": sum(each.cost for each in known if each.created_at[:10] == today),
        "cap_month": sum(each.cost for each in known if each.created_at[:7] == today[:7]),
    }
    for name, so_far in spent.items():
        cap: float | None = getattr(config, name)
        if cap is not None and next_cost > 0 and so_far + next_cost > cap:
            raise RequestRejected(
                f"up to {next_cost:.4f} more would pass {name} = {cap:g}; {so_far:.4f} is spent",
                code=ErrorCode.DENIED,
                remedy=f"Raise `[enrich] {name}`, or leave it at that: what was found so far stays.",
            )
