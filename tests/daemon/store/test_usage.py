"""What takes room. Harm guarded against: a person deletes a session to make room, and none is made."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.store import sessions
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.manifests import remove
from reeld.store.orders import carry_out
from reeld.store.records import SessionRecord
from reeld.store.transaction import Table, decode
from reeld.store.usage import is_quick, survey
from reeld_proto.store_orders import DeriveSession, KeyRoom, RemoveSession, SessionPart, SessionRoom, Surveyed
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, gap, land, new_store

OTHER = "20261123-080000-aaaa"
DAY_NS = 86_400 * NS


def room(found: Surveyed, session: str = SESSION) -> SessionRoom:
    (wanted,) = [each for each in found.sessions if each.session == session]
    return wanted


def named(rooms: list[KeyRoom], key: str) -> tuple[int, int]:
    (wanted,) = [each for each in rooms if each.key == key]
    return wanted.unique_bytes, wanted.shared_bytes


def end(store: StoreEnvironment, session: str = SESSION, end_ns: int = 4 * NS) -> None:
    with store.write() as txn:
        sessions.finish(txn, finish(end_ns, session))


def clip(store: StoreEnvironment, name: str, from_ns: int, to_ns: int) -> None:
    part = SessionPart(session=SESSION, from_ns=from_ns, to_ns=to_ns)
    order = DeriveSession(session=name, name=name, tags=[], parts=[part])
    with store.write() as txn:
        carry_out(txn, order, Circumstances(store.path, ()))


def test_what_one_session_holds_is_its_own_its_init_segment_once(store: StoreEnvironment) -> None:
    land(store, chunk(0, NS, b"a" * 100), chunk(NS, 2 * NS, b"b" * 50, seq=2, keyframe=False))
    land(store, chunk(0, NS, b"c" * 30, track="mix"))
    end(store)
    found = survey(store)
    assert (room(found).unique_bytes, room(found).shared_bytes) == (184, 0)
    # The sound, and the picture that is no key frame; the init segment is shared by both tracks and stays.
    assert room(found).thinnable_bytes == 80
    assert (found.live_bytes, found.garbage_bytes, found.shared) == (184, 0, [])
    assert sum(named(found.tracks, "video-1")) == 154
    assert named(found.tracks, "mix") == (30, 0)


def test_what_a_clip_holds_too_is_shared_by_the_sessions_but_not_by_the_day(store: StoreEnvironment) -> None:
    for at in range(4):
        land(store, chunk(at * NS, (at + 1) * NS, b"%d" % at * 100, seq=at + 1))
    end(store)
    clip(store, "clip", 0, 2 * NS)
    found = survey(store)
    assert (room(found).unique_bytes, room(found).shared_bytes) == (200, 204)
    assert (room(found, "clip").unique_bytes, room(found, "clip").shared_bytes) == (0, 204)
    assert [(each.holders, each.bytes) for each in found.shared] == [([SESSION, "clip"], 204)]
    assert named(found.tracks, "video-1") == (404, 0)
    (day,) = found.days
    assert (day.unique_bytes, day.shared_bytes) == (404, 0)
    assert day.duration_ns == 4 * NS  # the clip is no recording
    assert found.live_bytes == 404


def test_a_session_deleted_leaves_garbage_of_what_was_its_own(store: StoreEnvironment) -> None:
    for at in range(4):
        land(store, chunk(at * NS, (at + 1) * NS, b"%d" % at * 100, seq=at + 1))
    end(store)
    clip(store, "clip", 0, 2 * NS)
    own = room(survey(store)).unique_bytes
    with store.write() as txn:
        remove(txn, RemoveSession(session=SESSION, reason="test"), Circumstances(store.path, ()))
    found = survey(store)
    assert found.garbage_bytes == own
    assert (room(found, "clip").unique_bytes, room(found, "clip").shared_bytes) == (204, 0)


def test_bytes_of_two_days_are_counted_on_each(tmp_path: Path) -> None:
    start_ns = 1_700_000_000 * NS
    orders = [
        creation(started_wall_ns=start_ns),
        creation(OTHER, started_wall_ns=start_ns + 3 * DAY_NS),
    ]
    with new_store(tmp_path / "store", *orders) as store:
        land(store, chunk(0, NS, b"a" * 100), chunk(0, NS, b"b" * 50, session=OTHER))
        land(store, chunk(NS, 2 * NS, b"same"), chunk(NS, 2 * NS, b"same", session=OTHER, seq=2))
        end(store)
        end(store, OTHER)
        found = survey(store)
        assert [(each.unique_bytes, each.shared_bytes) for each in found.days] == [(100, 8), (50, 8)]
        assert [each.duration_ns for each in found.days] == [4 * NS, 4 * NS]
        assert found.live_bytes == 158


def test_a_session_being_recorded_is_told_apart(store: StoreEnvironment) -> None:
    land(store, chunk(0, NS))
    assert room(survey(store)).running
    end(store)
    assert not room(survey(store)).running
    assert room(survey(store)).duration_ns == 4 * NS


def test_the_file_holds_what_its_pages_say(store: StoreEnvironment) -> None:
    """The quota is about the file, not about a sum of sizes."""
    for at in range(10):
        land(store, chunk(at * NS, (at + 1) * NS, os.urandom(20_000), seq=at + 1))
    found = survey(store)
    assert found.live_bytes == 200_004
    assert 200_004 < found.held_bytes < 300_000
    assert found.held_bytes <= (store.path / "data.mdb").stat().st_size


def test_a_small_store_is_surveyed_in_passing(store: StoreEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    land(store, chunk(0, NS), chunk(NS, 2 * NS, seq=2))
    assert is_quick(store)
    monkeypatch.setattr("reeld.store.usage.ENTRIES_IN_PASSING", 1)
    assert not is_quick(store)


def test_an_empty_store_takes_hardly_any_room(tmp_path: Path) -> None:
    with new_store(tmp_path / "store") as store:
        found = survey(store)
    assert (found.sessions, found.days, found.tracks, found.live_bytes) == ([], [], [], 0)


@settings(deadline=None)  # each example makes a store and syncs it
@given(
    st.lists(
        st.tuples(st.sampled_from([SESSION, OTHER]), st.sampled_from(["video-1", "mix"]), st.integers(0, 5)),
        max_size=12,
    )
)
def test_the_sums_agree_whoever_holds_what(
    tmp_path_factory: pytest.TempPathFactory, held: list[tuple[str, str, int]]
) -> None:
    """Each entry holds one of six contents; every content is counted once in the whole and once a holder."""
    with new_store(tmp_path_factory.mktemp("store"), creation(), creation(OTHER)) as store:
        next_ns: dict[tuple[str, str], int] = {}
        for seq, (session, track, content) in enumerate(held, 1):
            at_ns = next_ns.get((session, track), 0)
            land(store, gap(at_ns, at_ns + NS, track=track, session=session, seq=seq))
            payload = bytes([content]) * (100 + content)
            land(store, chunk(at_ns + NS, at_ns + 2 * NS, payload, track=track, session=session, seq=seq, init=b"i"))
            next_ns[session, track] = at_ns + 2 * NS
        found = survey(store)
        contents = {session: {c for s, _, c in held if s == session} for session in (SESSION, OTHER)}
        everything = {content for _, _, content in held}
        assert found.live_bytes == sum(100 + each for each in everything) + bool(everything)
        for session, own in contents.items():
            assert room(found, session).unique_bytes + room(found, session).shared_bytes == sum(
                100 + each for each in own
            ) + bool(own)
        both = contents[SESSION] & contents[OTHER]
        assert sum(each.bytes for each in found.shared) == sum(100 + each for each in both) + all(contents.values())
        assert sum(each.unique_bytes for each in found.sessions) + sum(each.bytes for each in found.shared) == (
            found.live_bytes
        )
        for kind in (found.tracks, found.days):
            assert sum(each.unique_bytes for each in kind) <= found.live_bytes
        with store.read() as txn:
            records = [decode(value, SessionRecord) for _, value in txn.scan(Table.SESSIONS)]
        assert {record.id for record in records} == {each.session for each in found.sessions}
