"""What enrichment costs in money, and whether that may be spent. Pure.

DESIGN: before anything is asked that costs, the most that it can cost is added to what was spent; if that would pass a
cap, it is not asked. So a cap is never passed, and a cap of zero spends nothing.
"""

from dataclasses import dataclass

from reeld.enrich.adapting import NEAR_SHARE
from reeld.enrich.settings import EnrichConfig
from reeld_proto.errors import ErrorCode, RequestRejected

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Spent:
    """Money that was spent, or may be by what is being asked just now: for the session, today, and in this month."""

    session: float
    day: float
    month: float


def price(config: EnrichConfig, model: str, tokens_in: int, tokens_out: int) -> float:
    """What so many tokens of a language model cost."""
    small = bool(config.language_small) and model == config.language_small
    price_in = config.small_price_in if small else config.price_in
    price_out = config.small_price_out if small else config.price_out
    return (tokens_in * price_in + tokens_out * price_out) / MILLION


def is_near_cap(config: EnrichConfig, spent: Spent) -> bool:
    """Whether most of what may be spent is spent."""
    return any(cap is not None and so_far >= NEAR_SHARE * cap for cap, so_far in _caps(config, spent).values())


def _caps(config: EnrichConfig, spent: Spent) -> dict[str, tuple[float | None, float]]:
    """Each cap, and what counts for it."""
    return {
        "cap_session": (config.cap_session, spent.session),
        "cap_day": (config.cap_day, spent.day),
        "cap_month": (config.cap_month, spent.month),
    }


def check(config: EnrichConfig, spent: Spent, next_cost: float) -> None:
    """Raises RequestRejected (DENIED), naming the cap, if `next_cost` more might pass one."""
    for name, (cap, so_far) in _caps(config, spent).items():
        if cap is not None and next_cost > 0 and so_far + next_cost > cap:
            raise RequestRejected(
                f"up to {next_cost:.4f} more would pass {name} = {cap:g}; {so_far:.4f} is spent",
                code=ErrorCode.DENIED,
                remedy=f"Raise `[enrich] {name}`, or leave it at that: what was found so far stays.",
            )
