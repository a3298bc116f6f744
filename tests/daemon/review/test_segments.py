"""Harm guarded against: a player that gets what lies before a clip as a part of it, or not what a decoder needs."""

import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reeld.media.fragments import Sample, pack_chunk, parse_chunk, parse_init
from reeld.review.segments import are_raw, is_raw, segment_bytes
from reeld.store import derive, sessions
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld.store.transaction import Table
from reeld_proto.errors import RequestRejected
from reeld_proto.store_orders import DeriveSession, SessionPart
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, land, new_store

CLIP = "20261122-180000-clip"
SCALE = 1000
FRAMES = 10


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def init(label: bytes = b"") -> bytes:
    mdhd = box(b"mdhd", struct.pack(">IIIII", 0, 0, 0, SCALE, 0))
    trex = box(b"trex", struct.pack(">IIIIII", 0, 1, 1, 0, 0, 0))
    return box(b"moov", box(b"trak", box(b"mdia", mdhd)) + box(b"mvex", trex)) + box(b"free", label)


def media(second: int) -> bytes:
    """Ten pictures, each of which says its tenth of a second."""
    ticks = SCALE // FRAMES
    numbers = range(second * FRAMES, (second + 1) * FRAMES)
    return pack_chunk(
        [Sample(at * ticks, at * ticks, ticks, at % FRAMES == 0, memoryview(bytes([at]))) for at in numbers]
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreEnvironment]:
    """Four seconds, a key frame every two; for the last there is another init segment."""
    with new_store(tmp_path / "store", creation()) as opened:
        for second in range(4):
            about = init(b"other" if second == 3 else b"")
            at = (second * NS, (second + 1) * NS, media(second))
            land(opened, chunk(*at, keyframe=second % 2 == 0, init=about), chunk(*at, track="mix", init=about))
        with opened.write() as txn:
            sessions.finish(txn, finish(4 * NS))
        yield opened


def clip(store: StoreEnvironment, from_s: float, to_s: float) -> StoreReader:
    part = SessionPart(session=SESSION, from_ns=int(from_s * NS), to_ns=int(to_s * NS), left_out=[])
    order = DeriveSession(session=CLIP, name="clip", tags=[], parts=[part])
    with store.write() as txn:
        derive.derive(txn, order, Circumstances(store.path, ()))
    return StoreReader(store)


def shown(reader: StoreReader, start_s: float, session: str = CLIP, track: str = "video-1") -> list[tuple[int, int]]:
    """Time in milliseconds and tenth of a second of all that a player gets."""
    found = parse_chunk(segment_bytes(reader, session, track, round(start_s * NS)), parse_init(init()))
    return [(each.pts, each.data[0]) for each in found]


def test_what_was_recorded_here_is_the_stored_chunk_itself(store: StoreEnvironment) -> None:
    reader = StoreReader(store)
    for segment in reader.segments(SESSION, "video-1"):
        assert is_raw(reader, SESSION, "video-1", segment)
        assert segment_bytes(reader, SESSION, "video-1", segment.start_ns) == reader.chunk(segment.chunk)
    with pytest.raises(RequestRejected, match="nothing begins"):
        segment_bytes(reader, SESSION, "video-1", 5)


def test_a_clip_begins_with_the_picture_on_view_and_hides_all_that_a_decoder_needs_before(
    store: StoreEnvironment,
) -> None:
    reader = clip(store, 1.35, 2.55)
    first, second = reader.segments(CLIP, "video-1")
    assert not is_raw(reader, CLIP, "video-1", first)
    found = shown(reader, 0)
    assert found[:14] == [(at, at) for at in range(14)]
    assert found[14:] == [(50 + 100 * at, 14 + at) for at in range(6)]
    assert shown(reader, second.start_ns / NS) == [(650 + 100 * at, 20 + at) for at in range(6)]


def test_what_may_be_cut_is_never_given_as_it_is(store: StoreEnvironment) -> None:
    reader = clip(store, 0, 3.5)
    segments = list(reader.segments(CLIP, "video-1"))
    assert are_raw(reader, CLIP, "video-1", segments) == [False, True, True, False]
    assert are_raw(reader, CLIP, "video-1", []) == []
    assert are_raw(reader, CLIP, "video-1", [segments[0], segments[2], segments[3]]) == [False] * 3, "a gap"
    moved = [replace(each, shift_ns=1) for each in segments]
    assert are_raw(reader, CLIP, "video-1", moved) == [False] * 4


def test_a_clip_from_the_beginning_ends_where_it_says(store: StoreEnvironment) -> None:
    reader = clip(store, 0, 0.42)
    found = parse_chunk(segment_bytes(reader, CLIP, "video-1", 0), parse_init(init()))
    assert [(each.pts, each.duration) for each in found] == [(0, 100), (100, 100), (200, 100), (300, 100), (400, 20)]


def test_sound_has_no_lead_in(store: StoreEnvironment) -> None:
    assert shown(clip(store, 1.36, 1.76), 0, track="mix") == [(40, 14), (140, 15), (240, 16), (340, 17)]


@pytest.mark.parametrize(("second", "missing"), [(1, True), (3, False)])
def test_where_the_lead_in_cannot_be_had_the_chunk_alone_is_in_its_place(
    store: StoreEnvironment, second: int, missing: bool
) -> None:
    reader = clip(store, second + 0.5, second + 1.0)
    ((digest, about),) = reader.preroll(CLIP, "video-1", 0) or []
    if missing:
        with store.write() as txn:
            txn.delete(Table.CHUNKS, digest)
    else:
        assert about != next(reader.segments(CLIP, "video-1")).init
    first = 10 * second
    hidden = [(at, first + at) for at in range(5)]
    assert shown(reader, 0) == [*hidden, (5, first + 5), *((100 * at, first + 5 + at) for at in range(1, 5))]
