"""Harm guarded against: a clip that shows what was cut off, or that cannot show its first seconds."""

import pytest
from msgspec import structs

from reeld.store import sessions
from reeld.store.cutting import CHAIN_BREAKS, Cut, cut
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import at, track_prefix
from reeld.store.records import ChunkEntry, PrerollEntry
from reeld.store.timeline import Span, cover_faults
from reeld.store.transaction import Table
from reeld_proto.records import GapReason
from tests.daemon.store.builders import SESSION, chunk, finish, gap, land

NS = 1_000_000_000


def record_chain(store: StoreEnvironment, *, keyframes: tuple[int, ...] = (0, 4), gaps: dict[int, GapReason]) -> None:
    """Eight seconds of pictures, a chunk a second, key frames at some of them; a gap in place of others."""
    for second in range(8):
        begin, end = second * NS, (second + 1) * NS
        if second in gaps:
            land(store, gap(begin, end, gaps[second]))
        else:
            land(store, chunk(begin, end, keyframe=second in keyframes, init=b"i%d" % (second // 4)))
    land(store, *(chunk(second * NS, (second + 1) * NS, track="mix", keyframe=False) for second in range(6)))


def cut_of(
    store: StoreEnvironment,
    start: float,
    end: float,
    track: str = "video-1",
    left_out: tuple[tuple[int, int], ...] = (),
) -> Cut:
    within = Span(round(start * NS), round(end * NS))
    with store.read() as txn:
        state = sessions.load(txn, SESSION).track(track)
        assert state is not None
        found = cut(txn, SESSION, state, within, left_out)
    spans = [Span(each.start_ns - within.start_ns, each.end_ns - within.start_ns) for each in found.pieces]
    spans += [Span(each.start_ns - within.start_ns, each.end_ns - within.start_ns) for each in found.gaps]
    assert not cover_faults(spans, within.end_ns - within.start_ns)
    return found


def entry_at(store: StoreEnvironment, second: int, track: str = "video-1") -> ChunkEntry:
    with store.read() as txn:
        entry = txn.record(Table.TIMELINE, at(track_prefix(SESSION, track), second * NS), ChunkEntry)
    assert entry is not None
    return entry


def test_entries_are_cut_at_both_ends_and_stay_what_they_were(store: StoreEnvironment) -> None:
    record_chain(store, gaps={})
    found = cut_of(store, 4.25, 6.5)
    assert [(each.start_ns / NS, each.end_ns / NS) for each in found.pieces] == [(4.25, 5.0), (5.0, 6.0), (6.0, 6.5)]
    assert [each.entry for each in found.pieces] == [entry_at(store, second) for second in (4, 5, 6)]
    assert [each.preroll for each in found.pieces] == [None, None, None]


def test_a_range_inside_one_chunk_is_one_piece(store: StoreEnvironment) -> None:
    record_chain(store, gaps={})
    (piece,) = cut_of(store, 4.25, 4.5).pieces
    assert (piece.start_ns, piece.end_ns) == (4.25 * NS, 4.5 * NS)


def test_pictures_that_build_on_others_bring_these_from_the_key_frame_on(store: StoreEnvironment) -> None:
    record_chain(store, gaps={})
    first, *others = cut_of(store, 6.5, 8).pieces
    chain = [(entry.chunk, entry.init) for entry in (entry_at(store, 4), entry_at(store, 5))]
    assert first.preroll == PrerollEntry(chain)
    assert [each.preroll for each in others] == [None]


def test_sound_needs_nothing_before_it(store: StoreEnvironment) -> None:
    record_chain(store, gaps={})
    assert [each.preroll for each in cut_of(store, 3, 5, "mix").pieces] == [None, None]


@pytest.mark.parametrize("reason", sorted(CHAIN_BREAKS))
def test_a_chain_with_a_link_missing_is_no_chain(store: StoreEnvironment, reason: GapReason) -> None:
    """A decoder that is fed half of it shows garbage."""
    record_chain(store, gaps={5: reason})
    assert cut_of(store, 6.5, 8).pieces[0].preroll == PrerollEntry([])


def test_a_chain_goes_through_a_time_in_which_nothing_was_to_be_seen(store: StoreEnvironment) -> None:
    record_chain(store, gaps={5: GapReason.HIDDEN})
    assert cut_of(store, 6.5, 8).pieces[0].preroll == PrerollEntry(
        [(entry_at(store, 4).chunk, entry_at(store, 4).init)]
    )


def test_without_any_key_frame_there_is_no_chain(store: StoreEnvironment) -> None:
    record_chain(store, keyframes=(), gaps={})
    assert cut_of(store, 6.5, 8).pieces[0].preroll == PrerollEntry([])


def test_gaps_are_cut_too(store: StoreEnvironment) -> None:
    record_chain(store, gaps={5: GapReason.HIDDEN})
    assert cut_of(store, 5.25, 5.75) == Cut([], [Span(5 * NS + NS // 4, 5 * NS + NS * 3 // 4, GapReason.HIDDEN)])


def test_what_a_track_does_not_have_yet_is_absent(store: StoreEnvironment) -> None:
    """Of a session that is being recorded, tracks end at different times."""
    record_chain(store, gaps={})
    found = cut_of(store, 5, 8, "mix")
    assert (len(found.pieces), found.gaps) == (1, [Span(6 * NS, 8 * NS, GapReason.ABSENT)])
    assert cut_of(store, 7, 8, "mix") == Cut([], [Span(7 * NS, 8 * NS, GapReason.ABSENT)])


def test_a_chunk_that_shows_any_of_what_is_left_out_is_not_taken_at_all(store: StoreEnvironment) -> None:
    """Its bytes hold pictures of the range, whatever its entry shows."""
    record_chain(store, gaps={})
    found = cut_of(store, 4.5, 8, left_out=((6 * NS - 1, 6 * NS),))
    assert [each.start_ns / NS for each in found.pieces] == [4.5, 6.0, 7.0]
    assert found.gaps == [Span(5 * NS, 6 * NS, GapReason.FORGOTTEN)]
    found = cut_of(store, 4.5, 8, left_out=((5 * NS - 1, 5 * NS + 1),))
    assert [each.start_ns / NS for each in found.pieces] == [6.0, 7.0]
    assert found.gaps == [
        Span(4 * NS + NS // 2, 5 * NS, GapReason.FORGOTTEN),
        Span(5 * NS, 6 * NS, GapReason.FORGOTTEN),
    ]


def test_what_is_left_out_is_not_brought_along_for_decoding(store: StoreEnvironment) -> None:
    record_chain(store, gaps={})
    found = cut_of(store, 4, 8, left_out=((5 * NS, 6 * NS),))
    assert [each.preroll for each in found.pieces] == [None, PrerollEntry([]), None]
    # Nor when it lies before the range altogether, as behind a redaction.
    found = cut_of(store, 6, 8, left_out=((5 * NS, 6 * NS),))
    assert [each.preroll for each in found.pieces] == [PrerollEntry([]), None]


def test_what_a_clip_needs_goes_on_to_the_clips_of_it(store: StoreEnvironment) -> None:
    record_chain(store, gaps={})
    own = PrerollEntry([(entry_at(store, 0).chunk, entry_at(store, 0).init)])
    with store.write() as txn:
        txn.put_record(Table.PREROLL, at(track_prefix(SESSION, "video-1"), 5 * NS), own)
    assert [each.preroll for each in cut_of(store, 4, 8).pieces] == [None, own, None, None]
    assert cut_of(store, 5.5, 8).pieces[0].preroll == own
    later = cut_of(store, 7, 8).pieces[0].preroll
    assert later == PrerollEntry(
        [*own.chunks, *((entry.chunk, entry.init) for entry in (entry_at(store, 5), entry_at(store, 6)))]
    )


def test_after_a_joint_without_a_chain_there_is_none_either(store: StoreEnvironment) -> None:
    record_chain(store, gaps={})
    with store.write() as txn:
        txn.put_record(Table.PREROLL, at(track_prefix(SESSION, "video-1"), 5 * NS), PrerollEntry([]))
    assert cut_of(store, 7, 8).pieces[0].preroll == PrerollEntry([])


def test_an_entry_that_was_cut_before_is_cut_again(store: StoreEnvironment) -> None:
    record_chain(store, gaps={})
    with store.write() as txn:
        sessions.finish(txn, finish(8 * NS))
        key = at(track_prefix(SESSION, "video-1"), 7 * NS)
        entry = txn.record(Table.TIMELINE, key, ChunkEntry)
        assert entry is not None
        txn.put_record(Table.TIMELINE, key, structs.replace(entry, shift_ns=-3 * NS))
    (piece,) = cut_of(store, 7.5, 7.75).pieces
    assert piece.entry.shift_ns == -3 * NS
