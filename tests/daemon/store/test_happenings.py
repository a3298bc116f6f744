"""Harm guarded against: a timeline that lacks what happened, and a silence that is said to be half as long as it is."""

import pytest

from reeld.store import automation, happenings, heard, sessions
from reeld.store.environment import StoreEnvironment
from reeld.store.timeline import Span
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import GapReason, MarkerInfo
from reeld_proto.sound import AutomationPoint, HeardSpan, SessionTimeline, SpanKind
from reeld_proto.sound_graph import SoundChange
from reeld_proto.workers import RecordAutomation, RecordMarker
from tests.daemon.store.builders import NS, SESSION, chunk, creation, finish, gap, land


@pytest.fixture
def full(store: StoreEnvironment) -> StoreEnvironment:
    """Ten seconds; two of the mix are counted silence, one is lost."""
    land(store, chunk(0, 10 * NS, b"picture"))
    land(store, chunk(0, 6 * NS, b"one", track="mix", silence_ns=2 * NS))
    land(store, gap(6 * NS, 7 * NS, track="mix", reason=GapReason.DEVICE_LOST))
    land(store, chunk(7 * NS, 10 * NS, b"two", track="mix", seq=2))
    with store.write() as txn:
        sessions.finish(txn, finish(10 * NS))
    return store


def ratio(store: StoreEnvironment) -> dict[str, float | None]:
    with store.read() as txn:
        return {track.id: track.silence_ratio for track in happenings.shown(txn, SESSION).tracks}


def hear(store: StoreEnvironment, kind: SpanKind, *spans: tuple[int, int]) -> None:
    with store.write() as txn:
        heard.put(txn, SESSION, "mix", kind, [Span(start * NS, end * NS) for start, end in spans])


def test_everything_that_happened_is_told_in_order(full: StoreEnvironment) -> None:
    hear(full, SpanKind.VOICE, (4, 5), (1, 2))
    hear(full, SpanKind.SILENCE, (2, 4))
    with full.write() as txn:
        sessions.mark(txn, RecordMarker(session=SESSION, media_ns=3 * NS, text="decided"))
        for at_ns, value in ((5 * NS, True), (2 * NS, False)):
            changes = [SoundChange(node="mic-volume", setting="muted", value=value)]
            automation.record_changes(txn, RecordAutomation(session=SESSION, media_ns=at_ns, changes=changes))
    with full.read() as txn:
        found = happenings.timeline_of(txn, SESSION)
    assert found == SessionTimeline(
        session=SESSION,
        duration_s=10.0,
        gaps=found.gaps,
        markers=[MarkerInfo(at_s=3.0, text="decided")],
        voice=[HeardSpan(track="mix", start_s=1.0, end_s=2.0), HeardSpan(track="mix", start_s=4.0, end_s=5.0)],
        silence=[HeardSpan(track="mix", start_s=2.0, end_s=4.0)],
        automation=[
            AutomationPoint(at_s=2.0, node="mic-volume", setting="muted", value=False),
            AutomationPoint(at_s=5.0, node="mic-volume", setting="muted", value=True),
        ],
    )
    assert [(each.track, each.reason) for each in found.gaps] == [("mix", GapReason.DEVICE_LOST)]


def test_silence_is_what_was_counted_or_detected_and_what_was_lost(full: StoreEnvironment) -> None:
    assert ratio(full) == {"video-1": None, "mix": 0.3}
    hear(full, SpanKind.SILENCE, (0, 1))
    assert ratio(full)["mix"] == 0.3  # what was filled in is silent whether a detector listens or not
    hear(full, SpanKind.SILENCE, (1, 5))
    assert ratio(full)["mix"] == 0.6
    hear(full, SpanKind.VOICE, (5, 6))
    assert ratio(full)["mix"] == 0.6


def test_a_ratio_is_never_more_than_all(full: StoreEnvironment) -> None:
    hear(full, SpanKind.SILENCE, (0, 10))
    assert ratio(full)["mix"] == 1.0


def test_of_no_time_there_is_no_ratio(store: StoreEnvironment) -> None:
    assert ratio(store) == {"video-1": None, "mix": None}


def test_an_unknown_session_and_the_rolling_buffer_are_not_found(store: StoreEnvironment) -> None:
    with store.write() as txn:
        sessions.create(txn, creation(session="hidden", buffer=True))
    for session in ("nobody", "hidden"):
        with store.read() as txn, pytest.raises(RequestRejected) as caught:
            happenings.timeline_of(txn, session)
        assert caught.value.code == ErrorCode.NOT_FOUND
