"""Harm guarded against: a clip that copies media, shows the wrong time, or loses its chunks when its source goes."""

from collections.abc import Sequence

import pytest
from msgspec import structs

from reeld.store import derive, manifests, sessions, verify
from reeld.store.api import Circumstances, Segment
from reeld.store.environment import StoreEnvironment
from reeld.store.keys import at, session_prefix, track_prefix
from reeld.store.reader import StoreReader
from reeld.store.records import ChunkEntry, ClockJumpEntry, PrerollEntry, References, SessionRecord
from reeld.store.staging import StagedChunk, StagingWriter
from reeld.store.timeline import Span
from reeld.store.transaction import Table, decode
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import GapReason, SessionState, TrackKind
from reeld_proto.store_orders import DeriveSession, EditRecord, LeftOut, RemoveSession, SessionPart
from reeld_proto.workers import RecordClockJump, RecordMarker, RecordPause, RecordState, TrackRecord
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, gap, land

CLIP = "20261122-180000-clip"
OTHER = "20261122-171000-abcd"
WALL = 1_700_000_000 * NS


@pytest.fixture
def recorded(store: StoreEnvironment) -> StoreEnvironment:
    """Ten seconds of pictures, a key frame every four, hidden from 6 to 7; sound in chunks of two seconds."""
    record(store, SESSION)
    with store.write() as txn:
        sessions.finish(txn, finish(10 * NS))
    return store


def record(store: StoreEnvironment, session: str, tracks: Sequence[str] = ("video-1", "mix")) -> None:
    for second in range(10) if "video-1" in tracks else ():
        start, end = second * NS, (second + 1) * NS
        if second == 6:
            land(store, gap(start, end, session=session))
        else:
            land(
                store,
                chunk(start, end, b"%s %d" % (session.encode(), second), session=session, keyframe=second % 4 == 0),
            )
    for second in range(0, 10, 2):
        payload = b"sound %s %d" % (session.encode(), second)
        land(store, chunk(second * NS, (second + 2) * NS, payload, track=tracks[-1], session=session, keyframe=False))


def made(store: StoreEnvironment, *parts: SessionPart, **fields: object) -> SessionRecord:
    values = {"session": CLIP, "name": "clip", "tags": [], "parts": list(parts), **fields}
    with store.write() as txn:
        derive.derive(txn, DeriveSession(**values), Circumstances(store.path, ()))  # type: ignore[arg-type]
    verified = verify.verify(store, None)
    assert verified.ok, verified.faults
    with store.read() as txn:
        return sessions.load(txn, str(values["session"]))


def part(start: float, end: float | None, session: str = SESSION, **fields: object) -> SessionPart:
    to_ns = None if end is None else round(end * NS)
    return SessionPart(session=session, from_ns=round(start * NS), to_ns=to_ns, **fields)  # type: ignore[arg-type]


def segments(store: StoreEnvironment, track: str = "video-1", session: str = CLIP) -> list[Segment]:
    return list(StoreReader(store).segments(session, track))


def shown(store: StoreEnvironment, track: str = "video-1") -> list[tuple[float, float, bytes, float]]:
    reader = StoreReader(store)
    return [
        (each.start_ns / NS, each.end_ns / NS, reader.chunk(each.chunk), each.shift_ns / NS)
        for each in segments(store, track)
    ]


def size_of_file(store: StoreEnvironment) -> int:
    return (store.path / "data.mdb").stat().st_size


# -- ranges -----------------------------------------------------------------------------------------------------------


def test_a_clip_shows_the_same_media_at_its_new_time(recorded: StoreEnvironment) -> None:
    clip = made(recorded, part(4.5, 8), tags=["a", "b", "a"], note="look")
    assert (clip.state, clip.end_ns, clip.tags, clip.origins) == (
        SessionState.COMPLETED,
        3.5 * NS,
        ["a", "b"],
        [SESSION],
    )
    name = SESSION.encode()
    assert shown(recorded) == [
        (0.0, 0.5, name + b" 4", -4.5),
        (0.5, 1.5, name + b" 5", -4.5),
        (2.5, 3.5, name + b" 7", -4.5),
    ]
    assert shown(recorded, "mix") == [
        (0.0, 1.5, b"sound " + name + b" 4", -4.5),
        (1.5, 3.5, b"sound " + name + b" 6", -4.5),
    ]
    info = StoreReader(recorded).show(CLIP)
    assert (info.note, info.duration_s, info.tracks[0].chunks, info.tracks[0].frames) == ("look", 3.5, 3, 9)
    assert [(each.reason, each.start_s, each.end_s) for each in info.gaps] == [(GapReason.HIDDEN, 1.5, 2.5)]


def test_no_media_is_copied_and_none_goes_with_the_source(recorded: StoreEnvironment) -> None:
    with recorded.write() as txn:
        sessions.create(txn, creation(OTHER))
    for second in range(30):
        land(recorded, chunk(second * NS, (second + 1) * NS, bytes([second]) * 200_000, session=OTHER))
    with recorded.write() as txn:
        sessions.finish(txn, finish(30 * NS, OTHER))
    with recorded.read() as txn:
        before = txn.count(Table.CHUNKS)
    size = size_of_file(recorded)
    made(recorded, part(1.5, 20.5, OTHER))
    made(recorded, part(0, None, OTHER), part(0, None, CLIP), session="merged")
    made(recorded, part(3, None, OTHER), session="trimmed")
    with recorded.read() as txn:
        assert txn.count(Table.CHUNKS) == before
    assert size_of_file(recorded) - size < 200_000
    with recorded.write() as txn:
        manifests.remove(txn, RemoveSession(session=OTHER, reason="test"), Circumstances(recorded.path, ()))
    reader = StoreReader(recorded)
    assert [len(reader.chunk(each.chunk)) for each in segments(recorded)] == [200_000] * 20
    assert verify.verify(recorded, None).ok


def test_a_clip_of_a_clip_leads_to_the_recording(recorded: StoreEnvironment) -> None:
    made(recorded, part(2.25, 9))
    again = made(recorded, part(2, 3, CLIP), session="again")
    assert (again.origins, again.end_ns) == ([SESSION], NS)
    found = segments(recorded, session="again")
    assert [(each.start_ns, each.end_ns, each.shift_ns) for each in found] == [
        (0, 0.75 * NS, -4.25 * NS),
        (0.75 * NS, NS, -4.25 * NS),
    ]
    direct = made(recorded, part(4.25, 5.25), session="direct")
    assert direct.tracks[0].bytes == again.tracks[0].bytes
    assert segments(recorded, session="direct") == found


def test_a_whole_session_merged_with_itself_plays_twice(recorded: StoreEnvironment) -> None:
    twice = made(recorded, part(0, None), part(0, None))
    assert (twice.end_ns, twice.tracks[0].chunks, twice.origins) == (20 * NS, 18, [SESSION])
    digest = segments(recorded, session=SESSION)[0].chunk
    with recorded.read() as txn:
        assert txn.record(Table.REFERENCES, digest, References) == References(3, len(SESSION) + 2)
    assert [each.shift_ns for each in segments(recorded)] == [0] * 9 + [10 * NS] * 9


def test_tracks_that_a_part_lacks_are_absent_there(recorded: StoreEnvironment) -> None:
    with recorded.write() as txn:
        sessions.create(txn, creation(OTHER, tracks=("mic",)))
    record(recorded, OTHER, ["mic"])
    with recorded.write() as txn:
        sessions.finish(txn, finish(10 * NS, OTHER))
    both = made(recorded, part(0, None), part(0, 5, OTHER), part(9, None))
    assert [track.id for track in both.tracks] == ["video-1", "mix", "mic"]
    assert both.origins == [SESSION, OTHER]
    reader = StoreReader(recorded)
    assert reader.gaps(CLIP, "mix") == [Span(10 * NS, 15 * NS, GapReason.ABSENT)]
    assert reader.gaps(CLIP, "mic") == [Span(0, 10 * NS, GapReason.ABSENT), Span(15 * NS, 16 * NS, GapReason.ABSENT)]


def test_a_running_session_is_taken_up_to_its_last_commit(store: StoreEnvironment) -> None:
    record(store, SESSION)
    land(store, chunk(10 * NS, 11 * NS))
    clip = made(store, part(9, None))
    assert clip.end_ns == 2 * NS
    assert StoreReader(store).gaps(CLIP, "mix") == [Span(NS, 2 * NS, GapReason.ABSENT)]
    land(store, chunk(11 * NS, 12 * NS))
    assert verify.verify(store, None).ok


def test_asking_twice_makes_one_session(recorded: StoreEnvironment) -> None:
    first = made(recorded, part(0, 5))
    assert made(recorded, part(2, 9), name="other") == first


# -- joints -----------------------------------------------------------------------------------------------------------


def test_a_part_that_begins_between_key_frames_brings_what_it_needs(recorded: StoreEnvironment) -> None:
    """Else its first seconds are grey, once the source was deleted and collected."""
    made(recorded, part(0, 1), part(7.5, 9))
    chain = [
        (each.chunk, each.init) for each in segments(recorded, session=SESSION) if each.start_ns in (4 * NS, 5 * NS)
    ]
    with recorded.read() as txn:
        prefix = track_prefix(CLIP, "video-1")
        rows = [(key, decode(value, PrerollEntry)) for key, value in txn.scan(Table.PREROLL)]
        assert rows == [(at(prefix, NS), PrerollEntry(chain))]
        assert txn.record(Table.REFERENCES, chain[0][0], References) == References(2, len(SESSION) + 2)
    made(recorded, part(0.5, None, CLIP), session="again")
    with recorded.read() as txn:
        key = at(track_prefix("again", "video-1"), NS // 2)
        assert txn.record(Table.PREROLL, key, PrerollEntry) == PrerollEntry(chain)


def test_the_clock_on_the_wall_is_kept_across_joints(recorded: StoreEnvironment) -> None:
    with recorded.write() as txn:
        jump = RecordClockJump(session=SESSION, media_ns=3 * NS, wall_ns=WALL + 100 * NS)
        sessions.clock_jump(txn, jump)
    clip = made(recorded, part(2, 5), part(1, 2))
    assert clip.started_wall_ns == WALL + 2 * NS
    prefix = session_prefix(CLIP)
    with recorded.read() as txn:
        jumps = {key: decode(value, ClockJumpEntry).wall_ns for key, value in txn.scan(Table.CLOCK_JUMPS, prefix)}
    assert jumps == {at(prefix, NS): WALL + 100 * NS, at(prefix, 3 * NS): WALL + NS}
    late = made(recorded, part(5, 6), session="late")
    assert late.started_wall_ns == WALL + 102 * NS


def test_markers_of_the_range_are_carried_over(recorded: StoreEnvironment) -> None:
    with recorded.write() as txn:
        for second, text in ((0, "start"), (2, "joint"), (5, "inside"), (5, "too"), (10, "end")):
            sessions.mark(txn, RecordMarker(session=SESSION, media_ns=second * NS, text=text))
    made(recorded, part(2, 5), part(5, None))
    found = [(each.at_s, each.text) for each in StoreReader(recorded).show(CLIP).markers]
    assert found[0] == (0.0, "joint")
    assert sorted(found[1:3]) == [(3.0, "inside"), (3.0, "too")]
    assert found[3:] == [(8.0, "end")]
    made(recorded, part(2, 5), session="short")
    assert [each.text for each in StoreReader(recorded).show("short").markers] == ["joint"]


def test_pauses_inside_the_range_are_carried_over(recorded: StoreEnvironment) -> None:
    with recorded.write() as txn:
        for start, end in ((0, 1), (4, 7), (9, 10)):  # at media time 0, 3 and 5
            sessions.pause(txn, RecordPause(session=SESSION, start_ns=start * NS, end_ns=end * NS))
    clip = made(recorded, part(2, 5), part(2, None))
    gaps = [each for each in StoreReader(recorded).show(CLIP).gaps if each.reason is GapReason.PAUSED]
    found = [(each.media_start_s, each.start_s, each.end_s) for each in gaps if each.track == "mix"]
    assert found == [(1.0, 1.0, 4.0), (4.0, 7.0, 10.0), (6.0, 12.0, 13.0)]
    # Media time 2 lay after the pause of a second at the beginning.
    assert clip.started_wall_ns == WALL + 3 * NS


def test_warnings_and_the_tier_are_carried_over(recorded: StoreEnvironment) -> None:
    with recorded.write() as txn:
        sessions.set_state(txn, RecordState(session=SESSION, state=SessionState.PARTIAL, warning="no microphone"))
        thin = sessions.load(txn, SESSION)
        thin.tier = "keyframes"
        sessions.save(txn, thin)
    assert made(recorded, part(1, 2)).tier == "keyframes"
    assert StoreReader(recorded).show(CLIP).warnings == ["no microphone"]


def test_an_edit_of_a_clip_does_not_reach_its_source(recorded: StoreEnvironment) -> None:
    made(recorded, part(1, 2), tags=["a"], note="clip's")
    with recorded.write() as txn:
        manifests.edit(txn, EditRecord(session=CLIP, name="renamed", note="", remove_tags=["a"]))
    info = StoreReader(recorded).show(SESSION)
    assert (info.name, info.note) == ("work", "")


# -- media made for it ------------------------------------------------------------------------------------------------


def staged(store: StoreEnvironment, *times: tuple[float, float], session: str = CLIP, track: str = "video-1") -> str:
    with StagingWriter(store.path) as writer:
        for start, end in times:
            writer.add(
                StagedChunk(
                    session=session,
                    track=track,
                    start_ns=round(start * NS),
                    end_ns=round(end * NS),
                    shift_ns=7,
                    frames=2,
                    keyframe=True,
                    codec="avc1",
                    dropped=0,
                    unchanged=0,
                    silence_ns=0,
                    payload=b"made %g" % start,
                    init=b"made init",
                )
            )
    return str(writer.path)


def test_staged_media_takes_the_place_of_what_was_left_out(recorded: StoreEnvironment) -> None:
    """A redaction from 4.5 to 7.25: the chunks at both ends hold pictures of it."""
    left_out = [LeftOut(track="video-1", from_ns=round(4.5 * NS), to_ns=round(7.25 * NS))]
    parts = part(0, 4.5, left_out=[LeftOut(track="video-1", from_ns=round(4.5 * NS) - 1, to_ns=5 * NS)])
    path = staged(recorded, (4, 4.5), (4.5, 5.25))
    clip = made(recorded, parts, part(7.25, None, left_out=left_out), staged=path)
    name = SESSION.encode()
    assert shown(recorded)[3:] == [
        (3.0, 4.0, name + b" 3", 0.0),
        (4.0, 4.5, b"made 4", 7e-9),
        (4.5, 5.25, b"made 4.5", 7e-9),
        (5.25, 6.25, name + b" 8", -2.75),
        (6.25, 7.25, name + b" 9", -2.75),
    ]
    assert StoreReader(recorded).gaps(CLIP, "video-1") == []
    assert (clip.tracks[0].chunks, clip.tracks[0].overlaps) == (8, 0)
    assert clip.revision


def test_what_is_left_out_and_not_made_anew_is_forgotten(recorded: StoreEnvironment) -> None:
    left_out = [LeftOut(track="mix", from_ns=2 * NS, to_ns=4 * NS)]
    made(recorded, part(0, 5, left_out=left_out), staged=staged(recorded, (2, 3), track="mix"))
    assert [(start, end) for start, end, _, _ in shown(recorded, "mix")] == [(0, 2), (2, 3), (4, 5)]
    reader = StoreReader(recorded)
    assert reader.gaps(CLIP, "mix") == [Span(3 * NS, 4 * NS, GapReason.FORGOTTEN)]
    assert reader.gaps(CLIP, "video-1") == []


@pytest.mark.parametrize(
    ("times", "fields"), [((9, 10), {}), ((0, 1), {"session": SESSION}), ((0, 1), {"track": "none"}), ((1, 1), {})]
)
def test_staged_media_without_a_place_stops_the_whole(
    recorded: StoreEnvironment, times: tuple[float, float], fields: dict[str, str]
) -> None:
    path = staged(recorded, times, **fields)
    with pytest.raises(RequestRejected):
        made(recorded, part(0, 2), staged=path)
    unchanged(recorded)


def unchanged(store: StoreEnvironment) -> None:
    with store.read() as txn:
        assert txn.count(Table.SESSIONS) == 1
        assert not list(txn.scan(Table.TIMELINE, session_prefix(CLIP)))
    assert verify.verify(store, None).ok


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_all_faults_are_told_at_once_and_nothing_changes(recorded: StoreEnvironment) -> None:
    parts = [part(-1, 5), part(3, 2), part(0, 10.5), part(12, 13), part(0, 1, "none")]
    with pytest.raises(RequestRejected) as caught:
        made(recorded, *parts, name="", tags=["x" * 256])
    text = " ".join(caught.value.faults)
    for expected in (
        "begins at -1.0 s",
        "ends at 2.0 s, not after its start at 3.0 s",
        "ends at 10.5 s, after",
        "begins at 12.0 s, outside",
        "no session none",
        "the name is empty",
        "256 characters",
    ):
        assert expected in text
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    unchanged(recorded)


def test_an_unknown_session_is_not_found(recorded: StoreEnvironment) -> None:
    with pytest.raises(RequestRejected) as caught:
        made(recorded, part(0, 1, "none"))
    assert (caught.value.code, bool(caught.value.remedy)) == (ErrorCode.NOT_FOUND, True)


def test_nothing_makes_no_session(recorded: StoreEnvironment) -> None:
    with pytest.raises(RequestRejected, match="no session was named"):
        made(recorded)
    with recorded.write() as txn:
        sessions.create(txn, creation(OTHER))
        sessions.finish(txn, finish(0, OTHER))
    with pytest.raises(RequestRejected, match="nothing was recorded"):
        made(recorded, part(0, None, OTHER))


def test_a_millisecond_beyond_the_end_is_the_end(recorded: StoreEnvironment) -> None:
    assert made(recorded, part(9, 10.0009)).end_ns == NS


def test_a_track_cannot_be_picture_and_sound(recorded: StoreEnvironment) -> None:
    with recorded.write() as txn:
        picture = TrackRecord(id="mix", kind=TrackKind.VIDEO, codec="", label="", source="")
        sessions.create(txn, structs.replace(creation(OTHER), tracks=[picture]))
    land(recorded, chunk(0, NS, session=OTHER, track="mix"))
    with pytest.raises(RequestRejected, match="track mix is audio in one session and video in another"):
        made(recorded, part(0, None), part(0, None, OTHER))


def test_a_record_never_grows_beyond_what_can_be_loaded_alone(recorded: StoreEnvironment) -> None:
    with pytest.raises(RequestRejected) as caught:
        made(recorded, part(0, 1), tags=[f"{number:0255}" for number in range(40)])
    assert caught.value.code is ErrorCode.TOO_LARGE
    unchanged(recorded)


def test_a_long_session_is_whole_in_its_clip(store: StoreEnvironment) -> None:
    for start in range(0, 2000, 500):
        land(store, *(chunk(number * NS, (number + 1) * NS) for number in range(start, start + 500)))
    made(store, part(0.5, None))
    assert len(segments(store)) == 2000
    with store.read() as txn:
        entry = txn.record(Table.TIMELINE, at(track_prefix(CLIP, "video-1"), 0), ChunkEntry)
    assert entry is not None
    assert entry.end_ns == NS // 2
