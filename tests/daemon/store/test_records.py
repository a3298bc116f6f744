from hypothesis import given
from hypothesis import strategies as st

from reeld.store.clocks import MICROSECONDS_MAX
from reeld.store.records import (
    SESSION_RECORD_BYTES_MAX,
    ChunkEntry,
    ClockState,
    GapEntry,
    SessionRecord,
    TrackState,
)
from reeld.store.sessions import NEW_RECORD_BYTES_MAX, TRACKS_MAX
from reeld.store.transaction import decode
from reeld_proto import codec
from reeld_proto.records import GapReason, SessionState, TrackKind

big = st.integers(0, 2**63 - 1)


@given(big, st.binary(min_size=32, max_size=32), big, st.booleans())
def test_a_chunk_entry_comes_back_as_it_was_stored(end_ns: int, digest: bytes, size: int, keyframe: bool) -> None:
    entry = ChunkEntry(end_ns, digest, digest, size, 1, keyframe, 2, 3, 4, 5)
    assert decode(codec.pack_record(entry), ChunkEntry) == entry


@given(big, st.sampled_from(GapReason))
def test_a_gap_entry_comes_back_as_it_was_stored(end_ns: int, reason: GapReason) -> None:
    assert decode(codec.pack_record(GapEntry(end_ns, reason)), GapEntry) == GapEntry(end_ns, reason)


def test_counters_that_grow_for_years_do_not_push_a_session_over_its_limit() -> None:
    # A session record over the limit could not be promised to load at once.
    def record(value: int, codec_name: str) -> SessionRecord:
        track = TrackState(id="t", kind=TrackKind.VIDEO, codec=codec_name, label="", source="")
        for name in ("end_ns", "chunks", "bytes", "frames", "dropped", "unchanged", "silence_ns", "overlaps", "epoch"):
            setattr(track, name, value)
        track.clock = ClockState(value, value, *[min(value, MICROSECONDS_MAX)] * 4) if value else None
        return SessionRecord(
            id="s",
            name="n",
            tags=[],
            state=SessionState.COMPLETED,
            started_wall_ns=2**62,
            started_mono_ns=2**62,
            tracks=[track] * TRACKS_MAX,
            end_ns=value,
        )

    grown = len(codec.pack_record(record(2**62, "c" * 32))) - len(codec.pack_record(record(0, "")))
    assert NEW_RECORD_BYTES_MAX + grown <= SESSION_RECORD_BYTES_MAX


def test_the_end_of_a_running_session_is_that_of_its_longest_track() -> None:
    tracks = [
        TrackState(id=str(end), kind=TrackKind.AUDIO, codec="", label="", source="", end_ns=end) for end in (3, 9, 5)
    ]
    record = SessionRecord(
        id="s", name="", tags=[], state=SessionState.ACTIVE, started_wall_ns=0, started_mono_ns=0, tracks=tracks
    )
    assert record.media_end_ns() == 9
    record.end_ns = 7
    assert record.media_end_ns() == 7
    assert record.track("9") is tracks[1]
    assert record.track("none") is None
