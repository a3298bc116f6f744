"""What enrichment costs in money, and whether that may be spent. Pure.

DESIGN: before anything is asked that costs, the most that it can cost is added to what was spent; if that would pass a
cap, it is not asked. So a cap is never passed, and a cap of zero spends nothing.
"""

from dataclasses import dataclass

from reeld.enrich.settings import EnrichConfig
from reeld_proto.errors import ErrorCode, RequestRejected

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Spent:
    """Money that was spent, or may be by what is being asked just now: for the session, today, and in this month."""

    session: float
    day: float
    month: float


def price(config: EnrichConfig, tokens_in: int, tokens_out: int) -> float:
    """What so many tokens cost."""
    return (tokens_in * config.price_in + tokens_out * config.price_out) / MILLION


def check(config: EnrichConfig, spent: Spent, next_cost: float) -> None:
    """Raises RequestRejected (DENIED), naming the cap, if `next_cost` more might pass one."""
    caps = {
        "cap_session": (config.cap_session, spent.session),
        "cap_day": (config.cap_day, spent.day),
        "cap_month": (config.cap_month, spent.month),
    }
    for name, (cap, so_far) in caps.items():
        if cap is not None and next_cost > 0 and so_far + next_cost > cap:
            raise RequestRejected(
                f"up to {next_cost:.4f} more would pass {name} = {cap:g}; {so_far:.4f} is spent",
                code=ErrorCode.DENIED,
                remedy=f"Raise `[enrich] {name}`, or leave it at that: what was found so far stays.",
            )
