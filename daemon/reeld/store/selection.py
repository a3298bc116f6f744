"""Which sessions somebody wants to see: filters, checked, and what they let pass. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from reeld.store.index.query import Query, parse
from reeld.store.listing import Card
from reeld_proto.commands import ListSessions
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionState
from reeld_proto.units import NS_PER_S

_HOW = "Give a date (2026-11-22) or an instant (2026-11-22T17:05 or 2026-11-22T17:05:09+01:00)."


@dataclass(frozen=True, slots=True)
class Selection:
    """Filters, all of which must hold; with `any_of`, one of them.

    since_ns, until_ns: the session overlaps [since_ns, until_ns) of the civil clock. query: it is found by it.
    limit: at most so many sessions.
    """

    status: SessionState | None = None
    tag: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    query: Query | None = None
    any_of: bool = False
    limit: int | None = None

    @property
    def needs_text(self) -> bool:
        """Whether only sessions that the query finds can pass."""
        others = (self.status, self.tag, self.since_ns, self.until_ns)
        return self.query is not None and (not self.any_of or all(each is None for each in others))

    def takes(self, card: Card, *, found: bool) -> bool:
        """Whether a session passes. found: by the query."""
        verdicts = []
        if self.status is not None:
            verdicts.append(card.state is self.status)
        if self.tag is not None:
            verdicts.append(self.tag in card.tags)
        if self.since_ns is not None or self.until_ns is not None:
            verdicts.append(self._overlaps(card))
        if self.query is not None:
            verdicts.append(found)
        return not card.hidden and (not verdicts or (any(verdicts) if self.any_of else all(verdicts)))

    def _overlaps(self, card: Card) -> bool:
        begins_in_time = self.until_ns is None or card.started_ns < self.until_ns
        # A session that lasts has no end yet; one without length is where it starts.
        last_ns = None if card.ended_ns is None else max(card.ended_ns - 1, card.started_ns)
        return begins_in_time and (self.since_ns is None or last_ns is None or last_ns >= self.since_ns)


EVERYTHING = Selection()


def selection_of(command: ListSessions) -> Selection:
    """The filters of a command. Raises RequestRejected with every fault in them."""
    faults: list[str] = []
    since_ns = _instant_ns("since", command.since, faults, end_of_day=False)
    until_ns = _instant_ns("until", command.until, faults, end_of_day=True)
    if since_ns is not None and until_ns is not None and until_ns <= since_ns:
        faults.append(f"until ({command.until}) is not after since ({command.since})")
    if command.limit is not None and command.limit < 1:
        faults.append(f"limit: at least 1, not {command.limit}")
    if command.tag is not None and not command.tag.strip():
        faults.append("tag is empty")
    if faults:
        raise RequestRejected("; ".join(faults), code=ErrorCode.INVALID_REQUEST, remedy=_HOW, faults=tuple(faults))
    return Selection(
        status=command.status,
        tag=command.tag,
        since_ns=since_ns,
        until_ns=until_ns,
        query=parse(command.text) if command.text is not None and command.text.strip() else None,
        any_of=command.any_of,
        limit=command.limit,
    )


def _instant_ns(name: str, text: str | None, faults: list[str], *, end_of_day: bool) -> int | None:
    """Nanoseconds of the civil clock; of a date its midnight, or the one after. Without an offset: local time."""
    if text is None:
        return None
    try:
        instant = _date(text, end_of_day=end_of_day) or datetime.fromisoformat(text.strip())
        ns = round(instant.timestamp() * 1e6) * (NS_PER_S // 1_000_000)
    except (ValueError, OverflowError, OSError):
        faults.append(f"{name}: {text[:64]!r} is neither a date nor an instant")
        return None
    return ns


def _date(text: str, *, end_of_day: bool) -> datetime | None:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return datetime.combine(day + timedelta(days=1) if end_of_day else day, time())


def pick(cards: Iterable[Card], selection: Selection, scores: Mapping[str, float] | None = None) -> list[Card]:
    """The cards that pass, the best match first and otherwise in their order, at most `limit`.

    scores: of the sessions that the selection's query finds.
    """
    scores = scores or {}
    if selection == EVERYTHING:
        return [card for card in cards if not card.hidden]
    taken = [card for card in cards if selection.takes(card, found=card.session in scores)]
    if scores:
        # Sorting is stable: of equal matches, and behind all of them, the newest comes first.
        taken.sort(key=lambda card: -scores.get(card.session, 0.0))
    return taken[: selection.limit]
