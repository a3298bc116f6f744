"""Harm guarded against: a session that does not know how its devices ran, or a store that is told it every second."""

from msgspec import structs

from reeld.audio.clocknews import EVERY_NS, ClockNews
from reeld_proto.records import SoundClock
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import AnyIngest, ClockFitted

CLOCK = SoundClock(ppm=80.0, residual_ms=0.2, offset_ms=0.1, corrected_ms=-3.0)


class Desk:
    def __init__(self) -> None:
        self.clock: SoundClock | None = None
        self.told: list[ClockFitted] = []
        self.full = False
        self.news = ClockNews(session="s", track="mic", epoch=3, clock=lambda: self.clock, send=self.send)

    def send(self, message: AnyIngest, payload: bytes, init: bytes) -> bool:
        assert isinstance(message, ClockFitted)
        assert payload == init == b""
        if not self.full:
            self.told.append(message)
        return not self.full


def test_nothing_is_told_while_nothing_is_known() -> None:
    desk = Desk()
    desk.news.tell(NS_PER_S, last=True)
    assert desk.told == []


def test_what_is_known_is_told_at_once_and_then_now_and_then() -> None:
    desk = Desk()
    desk.clock = CLOCK
    for second in range(40):
        desk.clock = structs.replace(CLOCK, corrected_ms=-3.0 - second / 10)
        desk.news.tell(second * NS_PER_S)
    assert [each.at_ns for each in desk.told] == [0, EVERY_NS, 2 * EVERY_NS, 3 * EVERY_NS]
    assert (desk.told[0].session, desk.told[0].track, desk.told[0].epoch) == ("s", "mic", 3)
    assert desk.told[1].clock.corrected_ms == -4.0


def test_a_change_that_matters_does_not_wait() -> None:
    desk = Desk()
    desk.clock = CLOCK
    desk.news.tell(0)
    for second, change in enumerate(({"ppm": 70.0}, {"offset_ms": 5.0}), 1):
        desk.clock = structs.replace(CLOCK, **change)
        desk.news.tell(second * NS_PER_S)
    assert len(desk.told) == 3


def test_the_end_of_a_track_is_told_unless_it_is_known() -> None:
    desk = Desk()
    desk.clock = CLOCK
    desk.news.tell(0)
    desk.news.tell(NS_PER_S, last=True)
    assert len(desk.told) == 1
    desk.clock = structs.replace(CLOCK, corrected_ms=-3.5)
    desk.news.tell(2 * NS_PER_S, last=True)
    assert desk.told[-1].at_ns == 2 * NS_PER_S


def test_what_the_producer_had_no_room_for_is_told_again() -> None:
    desk = Desk()
    desk.clock, desk.full = CLOCK, True
    desk.news.tell(0)
    desk.full = False
    desk.news.tell(NS_PER_S)
    assert [each.at_ns for each in desk.told] == [NS_PER_S]
