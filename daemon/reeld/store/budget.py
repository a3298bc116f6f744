"""What goes when there is not room for all: a plan, with a reason in words for every session. Pure.

DESIGN: age first, then room. By age a session loses all but its key frames, and later goes. What is still too much then
goes whole, oldest first, until the estimate is below the limit. Never touched are what is pinned, what is being
recorded, the rolling buffer (which recycles itself) and, for want of room alone, the newest session: a recording that
has just ended is not eaten by the quota. Bytes that several sessions hold go when the last of them goes, so a session
that holds nothing but what pinned ones hold, too, stays: it would free nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from reeld.store.words import age_text, size_text
from reeld_proto.store_orders import SessionRoom, Surveyed
from reeld_proto.units import NS_PER_S

DAY_NS = 86_400 * NS_PER_S

KEYFRAMES = "keyframes"
"""Tier of a session of which only key frames are left."""


class Action(StrEnum):
    """What the budget does with a session."""

    KEEP = "keep"
    THIN = "thin"
    DROP = "drop"


@dataclass(frozen=True)
class Policy:
    """The limits that hold now.

    quota_bytes: what the file may hold. missing_bytes: what the disk lacks to its reserve, the file's own free pages
    counted as free disk. busy: sessions that a job reads now.
    """

    quota_bytes: int | None = None
    keyframes_after_days: float | None = None
    drop_after_days: float | None = None
    missing_bytes: int = 0
    busy: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Item:
    """A session and what is done with it. bytes: what goes (for THIN at least), or of what is kept, what it holds."""

    room: SessionRoom
    action: Action
    reason: str
    bytes: int


@dataclass(frozen=True)
class Plan:
    """items: oldest first, the rolling buffer left out. held_bytes: expected afterwards, garbage collected."""

    items: tuple[Item, ...]
    freed_bytes: int
    held_bytes: int

    @property
    def is_idle(self) -> bool:
        """Whether nothing is to be done."""
        return all(item.action is Action.KEEP for item in self.items)


@dataclass
class _State:
    """Bytes that are left while sessions are taken out one by one. groups: holders that are left, and bytes."""

    unique: dict[str, int]
    groups: list[tuple[set[str], int]]
    held_bytes: int
    groups_of: dict[str, list[int]] = field(default_factory=dict)
    actions: dict[str, tuple[Action, str, int]] = field(default_factory=dict)
    spared: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, survey: Surveyed) -> "_State":
        """Before anything is done but collecting garbage."""
        state = cls(
            unique={room.session: room.unique_bytes for room in survey.sessions},
            groups=[(set(shared.holders), shared.bytes) for shared in survey.shared],
            held_bytes=max(0, survey.held_bytes - survey.garbage_bytes),
        )
        for index, shared in enumerate(survey.shared):
            for holder in shared.holders:
                state.groups_of.setdefault(holder, []).append(index)
        return state

    def drop(self, session: str, reason: str) -> None:
        """The session goes, and with it what nobody else holds."""
        freed = self.unique[session]
        for holders, size in self._groups(session):
            holders.discard(session)
            freed += 0 if holders else size
        self._note(session, Action.DROP, reason, freed)

    def thin(self, room: SessionRoom, reason: str) -> None:
        """Only key frames stay."""
        self.unique[room.session] -= room.thinnable_bytes
        self._note(room.session, Action.THIN, reason, room.thinnable_bytes)

    def freeable(self, session: str, keepers: set[str]) -> int:
        """Bytes that this session holds and that would go if all but `keepers` went."""
        return self.unique[session] + sum(size for holders, size in self._groups(session) if not holders & keepers)

    def held_by(self, sessions: set[str]) -> int:
        """Bytes that these sessions hold together."""
        shared = sum(size for holders, size in self.groups if holders & sessions)
        return shared + sum(self.unique[session] for session in sessions)

    def is_dropped(self, session: str) -> bool:
        """Whether it went already."""
        return session in self.actions and self.actions[session][0] is Action.DROP

    def _groups(self, session: str) -> list[tuple[set[str], int]]:
        return [self.groups[index] for index in self.groups_of.get(session, ())]

    def _note(self, session: str, action: Action, reason: str, freed: int) -> None:
        before = self.actions[session][2] if session in self.actions else 0
        self.actions[session] = (action, reason, before + freed)
        self.held_bytes -= freed


def plan(survey: Surveyed, policy: Policy, now_wall_ns: int) -> Plan:
    """What to do with each session now. The same survey, policy and instant give the same plan."""
    rooms = sorted(survey.sessions, key=lambda room: (room.started_wall_ns, room.session))
    state = _State.of(survey)
    for room in rooms:
        if _is_free(room, policy):
            _apply_age(state, room, policy, now_wall_ns)
    stuck = ""
    if policy.quota_bytes is not None and state.held_bytes > policy.quota_bytes:
        pinned_bytes = state.held_by({room.session for room in rooms if room.pinned})
        if pinned_bytes > policy.quota_bytes:
            stuck = f"pinned sessions alone hold {size_text(pinned_bytes)} of a quota of {_quota(policy)}"
        else:
            _make_room(state, rooms, policy, policy.quota_bytes, f"over its quota of {_quota(policy)}")
    if policy.missing_bytes > 0:
        _make_room(state, rooms, policy, survey.held_bytes - policy.missing_bytes, "more than the disk has room for")
    items = tuple(_item(state, room, policy, stuck, now_wall_ns) for room in rooms if not room.buffer)
    freed = sum(item.bytes for item in items if item.action is not Action.KEEP)
    return Plan(items, freed, state.held_bytes)


def _is_free(room: SessionRoom, policy: Policy) -> bool:
    return not (room.pinned or room.running or room.buffer or room.session in policy.busy)


def _age_days(room: SessionRoom, now_wall_ns: int) -> float:
    return (now_wall_ns - room.started_wall_ns) / DAY_NS


def _apply_age(state: _State, room: SessionRoom, policy: Policy, now_wall_ns: int) -> None:
    age_days = _age_days(room, now_wall_ns)
    if policy.drop_after_days is not None and age_days >= policy.drop_after_days:
        state.drop(room.session, f"older than {age_text(policy.drop_after_days)}")
    elif policy.keyframes_after_days is not None and age_days >= policy.keyframes_after_days:
        older = f"older than {age_text(policy.keyframes_after_days)}"
        if room.tier == KEYFRAMES:
            state.spared[room.session] = f"{older}, and only its key frames are left"
        elif room.thinnable_bytes:
            state.thin(room, f"{older}: only its key frames stay")
        else:
            state.spared[room.session] = f"{older}, but what is not a key frame others hold, too"


def _make_room(state: _State, rooms: Sequence[SessionRoom], policy: Policy, limit: int, excess: str) -> None:
    """Drop sessions, oldest first, until no more than `limit` is held, as far as that goes."""
    shown = [room for room in rooms if not room.buffer]
    keepers = {room.session for room in rooms if not _is_free(room, policy)} | {room.session for room in shown[-1:]}
    for room in shown:
        if state.held_bytes <= limit:
            return
        if not _is_free(room, policy) or state.is_dropped(room.session):
            continue
        if room.session in keepers:
            state.spared[room.session] = "the newest: it stays whatever its size"
        elif not state.freeable(room.session, keepers):
            state.spared[room.session] = "sessions that stay hold all of it, too: dropping it would free nothing"
        else:
            over = size_text(state.held_bytes - limit)
            state.drop(room.session, f"the oldest, and the store holds {over} {excess}")


def _item(state: _State, room: SessionRoom, policy: Policy, stuck: str, now_wall_ns: int) -> Item:
    if room.session in state.actions:
        action, reason, freed = state.actions[room.session]
        return Item(room, action, reason, freed)
    reason = _why_kept(state, room, policy, stuck, now_wall_ns)
    return Item(room, Action.KEEP, reason, room.unique_bytes + room.shared_bytes)


def _why_kept(state: _State, room: SessionRoom, policy: Policy, stuck: str, now_wall_ns: int) -> str:
    if room.running:
        alone = policy.quota_bytes is not None and room.unique_bytes > policy.quota_bytes
        return (
            f"being recorded; its beginning stays, though it alone is over {_quota(policy)}"
            if alone
            else "being recorded"
        )
    if room.pinned:
        return f"pinned; {stuck}" if stuck else "pinned"
    if room.session in policy.busy:
        return "an export or a check reads it now"
    if stuck:
        return f"{stuck}: dropping others would not help"
    if room.session in state.spared:
        return state.spared[room.session]
    reasons = []
    age = age_text(_age_days(room, now_wall_ns))
    if policy.keyframes_after_days is not None and room.tier != KEYFRAMES:
        reasons.append(f"{age} old, whole for {age_text(policy.keyframes_after_days)}")
    elif policy.drop_after_days is not None:
        reasons.append(f"{age} old, kept for {age_text(policy.drop_after_days)}")
    if policy.quota_bytes is not None and state.held_bytes <= policy.quota_bytes:
        reasons.append(f"within the quota of {_quota(policy)}")
    return "; ".join(reasons) or "no limit is set"


def _quota(policy: Policy) -> str:
    return size_text(policy.quota_bytes or 0)
