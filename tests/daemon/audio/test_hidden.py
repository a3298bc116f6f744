"""Sound that is hidden. Harm guarded against: a stretch that nobody explains; a worker replaced for its silence."""

from reeld.audio.hidden import HiddenSound
from reeld.runtime.clock import SessionClock, monotonic_ns
from reeld_proto.records import GapReason
from reeld_proto.workers import AnyIngest, GapFound
from tests.daemon.audio.harness import ALL_TRACKS, start_order


def hidden(sent: list[AnyIngest], *, since_ns: int) -> HiddenSound:
    def send(message: AnyIngest, _payload: bytes, _init: bytes) -> bool:
        sent.append(message)
        return True

    order = start_order(ALL_TRACKS, epoch=3)
    return HiddenSound(order, SessionClock(monotonic_ns() - 10**9), since_ns=since_ns, detail="private", send=send)


def test_every_track_has_a_gap_from_the_beginning_to_the_end() -> None:
    sent: list[AnyIngest] = []
    hidden(sent, since_ns=5).end(9)
    expected = [
        GapFound(
            session="s",
            track=spec.track,
            epoch=3,
            start_ns=5,
            end_ns=9,
            reason=GapReason.HIDDEN,
            detail="private",
        )
        for spec in ALL_TRACKS
    ]
    assert sent == expected


def test_what_lasted_no_time_is_no_gap() -> None:
    """Harm: the store refuses a gap without length, and counts a fault."""
    sent: list[AnyIngest] = []
    hidden(sent, since_ns=5).end(5)
    assert sent == []


def test_its_counters_advance_with_the_session() -> None:
    first, second = hidden([], since_ns=0), hidden([], since_ns=0)
    assert [track.id for track in first.statistics()] == [spec.track for spec in ALL_TRACKS]
    assert all(track.media_s >= 1.0 for track in second.statistics())
