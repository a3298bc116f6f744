"""The plan of what goes. Harm guarded against: a recording that was to be kept is dropped, or the disk runs full
because nothing is."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.store.budget import DAY_NS, Action, Plan, Policy, plan
from reeld_proto.store_orders import SessionRoom, SharedRoom, Surveyed

NOW_NS = 1_000 * DAY_NS


def room(session: str, age_days: float = 1, unique: int = 100, **fields: Any) -> SessionRoom:
    values: dict[str, Any] = {
        "name": session,
        "duration_ns": 1,
        "pinned": False,
        "running": False,
        "buffer": False,
        "tier": "full",
        "shared_bytes": 0,
        "thinnable_bytes": 0,
        **fields,
    }
    started_ns = NOW_NS - round(age_days * DAY_NS)
    return SessionRoom(session=session, started_wall_ns=started_ns, unique_bytes=unique, **values)


def surveyed(rooms: Sequence[SessionRoom], shared: Sequence[SharedRoom] = (), garbage: int = 0) -> Surveyed:
    live = sum(each.unique_bytes for each in rooms) + sum(each.bytes for each in shared)
    return Surveyed(
        held_bytes=live + garbage,
        live_bytes=live,
        garbage_bytes=garbage,
        sessions=list(rooms),
        tracks=[],
        days=[],
        shared=list(shared),
    )


def actions(made: Plan) -> dict[str, str]:
    return {item.room.session: item.action.value for item in made.items}


def reason(made: Plan, session: str) -> str:
    (found,) = [item.reason for item in made.items if item.room.session == session]
    return found


# -- by example -----------------------------------------------------------------------------------------------------


def test_without_a_limit_nothing_goes_and_that_is_the_reason() -> None:
    made = plan(surveyed([room("a", 5000)]), Policy(), NOW_NS)
    assert actions(made) == {"a": "keep"}
    assert reason(made, "a") == "no limit is set"
    assert made.is_idle


def test_a_session_loses_its_pictures_first_and_goes_later() -> None:
    rooms = [room("old", 91), room("middle", 31, thinnable_bytes=80), room("young", 29)]
    made = plan(surveyed(rooms), Policy(keyframes_after_days=30, drop_after_days=90), NOW_NS)
    assert actions(made) == {"old": "drop", "middle": "thin", "young": "keep"}
    assert [item.bytes for item in made.items] == [100, 80, 100]
    assert (made.freed_bytes, made.held_bytes) == (180, 120)
    assert reason(made, "old") == "older than 90 days"
    assert "30 days" in reason(made, "middle")
    assert reason(made, "young") == "29 days old, whole for 30 days"


def test_a_session_of_which_only_key_frames_are_left_is_not_thinned_again() -> None:
    made = plan(surveyed([room("a", 40, thinnable_bytes=9, tier="keyframes")]), Policy(keyframes_after_days=30), NOW_NS)
    assert actions(made) == {"a": "keep"}
    assert "only its key frames are left" in reason(made, "a")


def test_thinning_what_others_hold_too_would_only_cost_room() -> None:
    made = plan(surveyed([room("a", 40, thinnable_bytes=0)]), Policy(keyframes_after_days=30), NOW_NS)
    assert actions(made) == {"a": "keep"}


def test_the_oldest_go_until_the_rest_fits() -> None:
    rooms = [room("new", 1), room("older", 3), room("oldest", 4), room("old", 2)]
    made = plan(surveyed(rooms), Policy(quota_bytes=250), NOW_NS)
    assert actions(made) == {"oldest": "drop", "older": "drop", "old": "keep", "new": "keep"}
    assert [item.room.session for item in made.items] == ["oldest", "older", "old", "new"]
    assert "oldest" in reason(made, "oldest")
    assert "250 B" in reason(made, "oldest")
    assert "within the quota" in reason(made, "new")


def test_garbage_counts_as_gone_so_nothing_is_dropped_for_it() -> None:
    made = plan(surveyed([room("a", 2), room("b")], garbage=500), Policy(quota_bytes=250), NOW_NS)
    assert made.is_idle


def test_pinned_sessions_that_fill_the_quota_alone_cost_nobody_else_anything() -> None:
    rooms = [room("pinned", 9, 300, pinned=True), room("a", 5), room("b", 1)]
    made = plan(surveyed(rooms), Policy(quota_bytes=250), NOW_NS)
    assert made.is_idle
    assert "pinned sessions alone hold 300 B of a quota of 250 B" in reason(made, "pinned")
    assert "pinned sessions alone" in reason(made, "a")


def test_a_long_recording_that_is_over_the_quota_alone_goes_on_whole_and_the_plan_says_so() -> None:
    rooms = [room("old", 5), room("now", 0, 900, running=True)]
    made = plan(surveyed(rooms), Policy(quota_bytes=250), NOW_NS)
    assert actions(made) == {"old": "drop", "now": "keep"}
    assert "its beginning stays" in reason(made, "now")


def test_a_recording_that_has_just_ended_is_not_eaten_by_the_quota() -> None:
    made = plan(surveyed([room("old", 5), room("just", 0.1, 900)]), Policy(quota_bytes=250), NOW_NS)
    assert actions(made) == {"old": "drop", "just": "keep"}
    assert "newest" in reason(made, "just")


def test_shared_bytes_go_with_their_last_holder() -> None:
    rooms = [room("recording", 5, 0, shared_bytes=200), room("clip", 4, 0, shared_bytes=200), room("new", 1)]
    shared = [SharedRoom(holders=["recording", "clip"], bytes=200)]
    made = plan(surveyed(rooms, shared), Policy(quota_bytes=150), NOW_NS)
    assert [(item.room.session, item.action, item.bytes) for item in made.items[:2]] == [
        ("recording", Action.DROP, 0),
        ("clip", Action.DROP, 200),
    ]


def test_a_recording_whose_bytes_a_pinned_clip_holds_stays_because_dropping_it_would_free_nothing() -> None:
    rooms = [
        room("recording", 5, 0, shared_bytes=200),
        room("clip", 5, 0, shared_bytes=200, pinned=True),
        room("other", 4),
        room("new", 1),
    ]
    made = plan(
        surveyed(rooms, [SharedRoom(holders=["clip", "recording"], bytes=200)]), Policy(quota_bytes=310), NOW_NS
    )
    assert actions(made) == {"recording": "keep", "clip": "keep", "other": "drop", "new": "keep"}
    assert "free nothing" in reason(made, "recording")


def test_the_rolling_buffer_is_counted_but_neither_listed_nor_dropped() -> None:
    rooms = [room("buffer", 9, 150, buffer=True), room("old", 5), room("new", 1)]
    made = plan(surveyed(rooms), Policy(quota_bytes=250), NOW_NS)
    assert actions(made) == {"old": "drop", "new": "keep"}


def test_a_disk_below_its_reserve_costs_the_oldest() -> None:
    made = plan(surveyed([room("old", 5), room("old2", 4), room("new", 1)]), Policy(missing_bytes=150), NOW_NS)
    assert actions(made) == {"old": "drop", "old2": "drop", "new": "keep"}
    assert "disk" in reason(made, "old")


def test_garbage_that_is_collected_helps_the_disk_before_any_session_does() -> None:
    made = plan(surveyed([room("old", 5), room("new", 1)], garbage=200), Policy(missing_bytes=150), NOW_NS)
    assert made.is_idle


def test_pins_do_not_keep_a_full_disk_full() -> None:
    rooms = [room("pinned", 9, 300, pinned=True), room("a", 5), room("b", 1)]
    made = plan(surveyed(rooms), Policy(quota_bytes=250, missing_bytes=50), NOW_NS)
    assert actions(made) == {"pinned": "keep", "a": "drop", "b": "keep"}


@pytest.mark.parametrize("policy", [Policy(quota_bytes=1), Policy(missing_bytes=99), Policy(drop_after_days=1)])
def test_an_empty_store_has_nothing_to_give(policy: Policy) -> None:
    assert plan(surveyed([]), policy, NOW_NS) == Plan((), 0, 0)


# -- properties -----------------------------------------------------------------------------------------------------


@st.composite
def stores(draw: st.DrawFn) -> Surveyed:
    """Any mixture of sessions and of chunks that several hold."""
    count = draw(st.integers(0, 8))
    rooms = []
    for index in range(count):
        unique = draw(st.integers(0, 1000))
        rooms.append(
            room(
                f"s{index}",
                draw(st.integers(0, 100)),
                unique,
                pinned=draw(st.booleans()),
                running=draw(st.integers(0, 5)) == 0,
                buffer=draw(st.integers(0, 5)) == 0,
                tier=draw(st.sampled_from(["full", "keyframes"])),
                thinnable_bytes=draw(st.integers(0, unique)),
            )
        )
    names = [each.session for each in rooms]
    shared = []
    if len(names) >= 2:
        holders = st.lists(st.sampled_from(names), min_size=2, unique=True)
        shared = [
            SharedRoom(holders=draw(holders), bytes=draw(st.integers(1, 500))) for _ in range(draw(st.integers(0, 4)))
        ]
    return surveyed(rooms, shared, garbage=draw(st.integers(0, 300)))


def limits(most: int) -> st.SearchStrategy[float | None]:
    return st.none() | st.integers(1, most).map(float)


policies = st.builds(
    Policy,
    quota_bytes=st.none() | st.integers(1, 5000),
    keyframes_after_days=limits(100),
    drop_after_days=limits(100),
    missing_bytes=st.integers(0, 2000),
)


def left_bytes(survey: Surveyed, dropped: set[str], thinned: set[str]) -> int:
    """What a store holds without these sessions: counted anew, chunk by chunk."""
    own = sum(
        each.unique_bytes - (each.thinnable_bytes if each.session in thinned else 0)
        for each in survey.sessions
        if each.session not in dropped
    )
    return own + sum(each.bytes for each in survey.shared if not set(each.holders) <= dropped)


@given(stores(), policies)
def test_neither_what_is_pinned_nor_what_is_recorded_is_ever_touched(survey: Surveyed, policy: Policy) -> None:
    for item in plan(survey, policy, NOW_NS).items:
        if item.room.pinned or item.room.running:
            assert item.action is Action.KEEP
        assert not item.room.buffer
        assert item.reason


@given(stores(), policies)
def test_the_estimate_is_what_a_recount_gives(survey: Surveyed, policy: Policy) -> None:
    """Else the quota is believed to be kept and is not, or more goes than needs to."""
    made = plan(survey, policy, NOW_NS)
    dropped = {item.room.session for item in made.items if item.action is Action.DROP}
    thinned = {item.room.session for item in made.items if item.action is Action.THIN}
    assert made.held_bytes == left_bytes(survey, dropped, thinned)
    assert made.freed_bytes == survey.live_bytes - made.held_bytes


@given(stores(), st.integers(1, 5000))
def test_it_ends_below_the_quota_whenever_that_is_possible(survey: Surveyed, quota: int) -> None:
    made = plan(survey, Policy(quota_bytes=quota), NOW_NS)
    shown = [each for each in survey.sessions if not each.buffer]
    newest = max((each.session for each in shown), key=lambda name: _order(survey, name), default="")
    free = {each.session for each in shown if not (each.pinned or each.running)} - {newest}
    pinned = {each.session for each in survey.sessions if each.pinned}
    if left_bytes(survey, {each.session for each in survey.sessions} - pinned, set()) > quota:
        assert made.is_idle
    elif left_bytes(survey, free, set()) <= quota:
        assert made.held_bytes <= quota


def _order(survey: Surveyed, session: str) -> tuple[int, str]:
    (found,) = [each for each in survey.sessions if each.session == session]
    return found.started_wall_ns, session


@given(stores(), st.integers(1, 5000))
def test_no_more_goes_than_needs_to_and_the_oldest_first(survey: Surveyed, quota: int) -> None:
    made = plan(survey, Policy(quota_bytes=quota), NOW_NS)
    dropped = [item.room.session for item in made.items if item.action is Action.DROP]
    assert dropped == sorted(dropped, key=lambda name: _order(survey, name))
    if dropped:
        assert left_bytes(survey, set(dropped[:-1]), set()) > quota


@given(stores(), policies)
def test_the_same_store_gives_the_same_plan_whatever_the_order_it_is_listed_in(
    survey: Surveyed, policy: Policy
) -> None:
    """What a dry run shows is what a real run does."""
    turned = surveyed(survey.sessions[::-1], survey.shared[::-1], survey.garbage_bytes)
    assert plan(survey, policy, NOW_NS) == plan(turned, policy, NOW_NS)


@given(stores(), policies)
def test_once_carried_out_there_is_nothing_more_to_do(survey: Surveyed, policy: Policy) -> None:
    """Else each look would drop another one."""
    made = plan(survey, policy, NOW_NS)
    dropped = {item.room.session for item in made.items if item.action is Action.DROP}
    if any(item.action is Action.THIN for item in made.items) or policy.missing_bytes:
        return
    shared = [
        SharedRoom(holders=[h for h in each.holders if h not in dropped], bytes=each.bytes) for each in survey.shared
    ]
    own = {each.holders[0]: each.bytes for each in shared if len(each.holders) == 1}
    rooms = [
        room(
            each.session,
            (NOW_NS - each.started_wall_ns) / DAY_NS,
            each.unique_bytes + sum(s.bytes for s in shared if s.holders == [each.session]) * (each.session in own),
            pinned=each.pinned,
            running=each.running,
            buffer=each.buffer,
            tier=each.tier,
            thinnable_bytes=each.thinnable_bytes,
        )
        for each in survey.sessions
        if each.session not in dropped
    ]
    after = surveyed(rooms, [each for each in shared if len(each.holders) > 1])
    again = plan(after, policy, NOW_NS)
    assert [item.room.session for item in again.items if item.action is Action.DROP] == []
