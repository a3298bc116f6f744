"""Other media in the place of old. Harm guarded against: a session with holes, or bytes counted wrong and so lost."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.store import sessions
from reeld.store.api import Circumstances
from reeld.store.chunks import digest_of
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld.store.records import GarbageEntry, References
from reeld.store.replace import replace
from reeld.store.staging import StagedChunk, StagingWriter
from reeld.store.transaction import Table
from reeld.store.verify import verify
from reeld_proto.errors import ErrorCode, RequestRejected, StoreCorrupt
from reeld_proto.records import GapReason
from reeld_proto.store_orders import ReplaceMedia
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, gap, land, new_store


def staged(store: StoreEnvironment, *spans: tuple[float, float], track: str = "video-1", **fields: Any) -> str:
    """A staged file with a chunk for each span, in seconds."""
    with StagingWriter(store.path) as writer:
        for start_s, end_s in spans:
            values = {
                "session": SESSION,
                "track": track,
                "start_ns": round(start_s * NS),
                "end_ns": round(end_s * NS),
                "shift_ns": 0,
                "frames": 1,
                "keyframe": True,
                "codec": "new",
                "dropped": 0,
                "unchanged": 0,
                "silence_ns": 0,
                "payload": f"new {track} {start_s} {end_s}".encode(),
                "init": b"new init",
                **fields,
            }
            writer.add(StagedChunk(**values))
    return str(writer.path)


def give(store: StoreEnvironment, path: str, *, drop: Sequence[str] = (), tier: str = "") -> None:
    order = ReplaceMedia(session=SESSION, staged=path, reason="compressed", drop_tracks=list(drop), tier=tier)
    with store.write() as txn:
        replace(txn, order, Circumstances(store.path, ()))


def recorded(store: StoreEnvironment, seconds: int = 6, tracks: Sequence[str] = ("video-1", "mix")) -> None:
    """A chunk a second on every track."""
    for track in tracks:
        land(store, *(chunk(at * NS, (at + 1) * NS, track=track, seq=at + 1) for at in range(seconds)))
    with store.write() as txn:
        sessions.finish(txn, finish(seconds * NS))


def spans(store: StoreEnvironment, track: str = "video-1") -> list[tuple[float, float]]:
    return [(each.start_ns / NS, each.end_ns / NS) for each in StoreReader(store).segments(SESSION, track)]


def gaps(store: StoreEnvironment, track: str = "video-1") -> list[tuple[float, float, GapReason | None]]:
    found = StoreReader(store).gaps(SESSION, track)
    return [(each.start_ns / NS, each.end_ns / NS, each.reason) for each in found]


def is_sound(store: StoreEnvironment) -> bool:
    """Covers and counters are right, and every reference is counted, garbage not taken for a fault."""
    faults = verify(store, SESSION).faults
    with store.read() as txn:
        for digest, _ in txn.scan(Table.REFERENCES):
            known = txn.record(Table.REFERENCES, digest, References)
            assert known is not None
            assert (txn.get(Table.GARBAGE, digest) is not None) == (known.count == 0)
    return faults == []


def test_new_media_takes_the_place_of_what_it_covers_and_nothing_else(store: StoreEnvironment) -> None:
    recorded(store)
    give(store, staged(store, (1, 3), (3, 4)))
    assert spans(store) == [(0, 1), (1, 3), (3, 4), (4, 5), (5, 6)]
    assert spans(store, "mix") == [(at, at + 1) for at in range(6)]
    assert gaps(store) == []
    info = StoreReader(store).show(SESSION)
    assert info.tracks[0].chunks == 5
    assert (info.tracks[0].codec, info.tier) == ("new", "full")
    assert is_sound(store)


def test_what_was_replaced_is_garbage_with_the_reason_and_what_is_shown_is_not(store: StoreEnvironment) -> None:
    recorded(store)
    give(store, staged(store, (0, 6)))
    with store.read() as txn:
        old = txn.record(Table.GARBAGE, digest_of(b"video-1 0 1000000000"), GarbageEntry)
        assert old is not None
        assert old.reason == "compressed"
        assert txn.get(Table.GARBAGE, digest_of(b"new video-1 0 6")) is None
        # The mix still needs the init segment that both tracks had.
        assert txn.get(Table.GARBAGE, digest_of(b"init")) is None
    assert is_sound(store)


def test_a_dropped_track_becomes_a_gap_beside_the_gaps_it_had(store: StoreEnvironment) -> None:
    land(store, chunk(0, NS, track="mix"), gap(NS, 2 * NS, track="mix"), chunk(2 * NS, 3 * NS, track="mix", seq=2))
    land(store, chunk(0, 3 * NS))
    with store.write() as txn:
        sessions.finish(txn, finish(3 * NS))
    give(store, staged(store, (0, 2)), drop=["video-1", "mix"], tier="keyframes")
    assert spans(store) == [(0, 2)]
    assert gaps(store) == [(2, 3, GapReason.THINNED)]
    assert spans(store, "mix") == []
    assert gaps(store, "mix") == [(0, 1, GapReason.THINNED), (1, 2, GapReason.HIDDEN), (2, 3, GapReason.THINNED)]
    assert StoreReader(store).show(SESSION).tier == "keyframes"
    assert is_sound(store)


def test_neighbouring_thinned_gaps_are_one(store: StoreEnvironment) -> None:
    recorded(store)
    give(store, staged(store, (2, 3)), drop=["video-1"])
    give(store, "", drop=["video-1"])
    assert gaps(store) == [(0, 6, GapReason.THINNED)]
    assert is_sound(store)


def test_asked_again_after_a_crash_it_changes_nothing(store: StoreEnvironment) -> None:
    """The store may have died between its commit and its answer."""
    recorded(store)
    path = staged(store, (1, 3))
    give(store, path)
    before = StoreReader(store).show(SESSION)
    give(store, path)
    assert StoreReader(store).show(SESSION) == before
    assert is_sound(store)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ([(1.0, 2.5)], "uncovered"),
        ([(0.5, 2.0)], "uncovered"),
        ([(1.0, 1.5), (1.7, 2.0)], "uncovered"),
        ([(5.0, 7.0)], "fits no old one"),
        ([(8.0, 9.0)], "fits no old one"),
        ([(1.0, 2.0), (1.5, 2.0)], "fits no old one"),
    ],
)
def test_media_that_does_not_fit_is_refused_and_nothing_changed(
    store: StoreEnvironment, wanted: list[tuple[float, float]], why: str
) -> None:
    recorded(store)
    with pytest.raises(RequestRejected, match=why):
        give(store, staged(store, *wanted))
    assert spans(store) == [(at, at + 1) for at in range(6)]
    assert is_sound(store)


def test_media_never_takes_the_time_of_a_gap(store: StoreEnvironment) -> None:
    land(store, chunk(0, NS), gap(NS, 2 * NS), chunk(2 * NS, 3 * NS, seq=2))
    with store.write() as txn:
        sessions.finish(txn, finish(3 * NS))
    with pytest.raises(RequestRejected, match="fits no old one"):
        give(store, staged(store, (0, 3)))
    assert gaps(store) == [(1, 2, GapReason.HIDDEN)]


def test_roundings_of_another_clock_leave_no_hole(store: StoreEnvironment) -> None:
    recorded(store)
    give(store, staged(store, (0.0004, 1.9996), (2.0002, 3.0001)))
    assert spans(store) == [(0, 1.9996), (1.9996, 3), (3, 4), (4, 5), (5, 6)]
    assert is_sound(store)


def test_a_picture_that_needs_the_one_before_keeps_it(store: StoreEnvironment) -> None:
    """Else what follows could not be decoded any more."""
    land(store, *(chunk(at * NS, (at + 1) * NS, seq=at + 1, keyframe=at % 2 == 0) for at in range(4)))
    with store.write() as txn:
        sessions.finish(txn, finish(4 * NS))
    with pytest.raises(RequestRejected, match="needs the one before"):
        give(store, staged(store, (0, 1)))
    give(store, staged(store, (0, 2)))
    assert is_sound(store)


def test_wrong_orders_are_refused(store: StoreEnvironment) -> None:
    with pytest.raises(RequestRejected) as caught:
        give(store, staged(store, (0, 1)))
    assert caught.value.code == ErrorCode.WRONG_STATE
    recorded(store)
    for path, code in (
        (staged(store, (0, 1), track="nothing"), ErrorCode.NOT_FOUND),
        (staged(store, (0, 1), session="other"), ErrorCode.INVALID_REQUEST),
        ("/etc/passwd", ErrorCode.INVALID_REQUEST),
        (str(store.path / "staging" / "gone.chunks"), ErrorCode.DISK_FAILED),
    ):
        with pytest.raises(RequestRejected) as caught:
            give(store, path)
        assert caught.value.code == code
    assert is_sound(store)


def test_a_staged_file_that_is_cut_off_changes_nothing(store: StoreEnvironment) -> None:
    recorded(store)
    path = Path(staged(store, (0, 2), (2, 3)))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(StoreCorrupt):
        give(store, str(path))
    assert spans(store) == [(at, at + 1) for at in range(6)]
    assert is_sound(store)


@settings(deadline=None)  # each example makes a store and syncs it
@given(
    shown=st.lists(st.booleans(), min_size=1, max_size=8),
    cuts=st.sets(st.integers(0, 79), max_size=6),
    drop=st.booleans(),
)
def test_whatever_is_replaced_the_track_stays_covered_and_every_byte_counted(
    tmp_path_factory: pytest.TempPathFactory, shown: list[bool], cuts: set[int], drop: bool
) -> None:
    """shown: whether each second has media or a gap. cuts: tenths of a second between which new chunks lie."""
    with new_store(tmp_path_factory.mktemp("store"), creation()) as store:
        for at, media in enumerate(shown):
            make = chunk if media else gap
            land(store, make(at * NS, (at + 1) * NS, seq=at + 1))
        with store.write() as txn:
            sessions.finish(txn, finish(len(shown) * NS))
        bounds = sorted(cuts)
        wanted = [(low / 10, high / 10) for low, high in pairwise(bounds)]
        path = staged(store, *wanted)
        try:
            give(store, path, drop=["video-1"] if drop else [])
        except RequestRejected:
            assert spans(store) == [(at, at + 1) for at, media in enumerate(shown) if media]
        else:
            assert set(wanted) <= set(spans(store))
        assert is_sound(store)
