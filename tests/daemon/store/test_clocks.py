"""Harm guarded against: a clock that is told in vain, that an older word overwrites, or that breaks a record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from reeld.store import derive, sessions, verify
from reeld.store.api import Circumstances, Fate, IngestItem
from reeld.store.clocks import MICROSECONDS_MAX, is_impossible, is_newer, kept, refusal, told
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld_proto.records import SoundClock
from reeld_proto.store_orders import SessionPart
from reeld_proto.workers import ClockFitted, DeriveSession
from tests.daemon.store.builders import CLOCK, NS, SESSION, chunk, finish, fitted, land


def stored(store: StoreEnvironment, session: str = SESSION) -> SoundClock | None:
    tracks = {track.id: track for track in StoreReader(store).show(session).tracks}
    return tracks["mix"].clock


def test_how_a_clock_ran_is_told_with_the_session(store: StoreEnvironment) -> None:
    assert stored(store) is None
    assert [landing.fate for landing in land(store, chunk(0, NS, track="mix"), fitted())] == [Fate.STORED] * 2
    assert stored(store) == CLOCK
    assert verify.verify(store, None).ok


def test_what_is_sent_again_or_overtaken_changes_nothing(store: StoreEnvironment) -> None:
    newer = SoundClock(ppm=1.0, residual_ms=0.0)
    items = [fitted(5 * NS), fitted(9 * NS, newer), fitted(5 * NS), fitted(9 * NS, newer), fitted(2 * NS, epoch=0)]
    fates = [landing.fate for landing in land(store, *items)]
    assert fates == [Fate.STORED, Fate.STORED, Fate.DUPLICATE, Fate.DUPLICATE, Fate.DUPLICATE]
    assert stored(store) == newer
    # A worker that was restarted knows the device anew.
    assert land(store, fitted(3 * NS, epoch=2))[0].fate is Fate.STORED
    assert stored(store) == CLOCK


@pytest.mark.parametrize(
    "item",
    [
        fitted(session="nobody"),
        fitted(track="nothing"),
        fitted(track="video-1"),
        fitted(-1),
        fitted(epoch=-1),
        fitted(clock=SoundClock(ppm=float("nan"), residual_ms=0)),
        fitted(clock=SoundClock(ppm=float("inf"), residual_ms=0)),
        fitted(clock=SoundClock(ppm=0, residual_ms=-1)),
        fitted(clock=SoundClock(ppm=0, residual_ms=0, corrected_ms=1e12)),
    ],
)
def test_what_cannot_be_is_refused_and_costs_the_others_nothing(store: StoreEnvironment, item: IngestItem) -> None:
    landings = land(store, chunk(0, NS, track="mix"), item, fitted())
    assert [landing.fate for landing in landings] == [Fate.STORED, Fate.REFUSED, Fate.STORED]
    assert landings[1].reason
    assert stored(store) == CLOCK


def test_a_session_made_of_others_has_the_clock_of_its_recording(store: StoreEnvironment) -> None:
    land(store, chunk(0, 10 * NS, track="mix"), chunk(0, 10 * NS), fitted(9 * NS))
    with store.write() as txn:
        sessions.finish(txn, finish(10 * NS))
    order = DeriveSession(session="cut", name="cut", tags=[], parts=[SessionPart(session=SESSION, to_ns=5 * NS)])
    with store.write() as txn:
        derive.derive(txn, order, Circumstances(store.path, ()))
    assert stored(store, "cut") == CLOCK


figures = st.floats(-2_000_000, 2_000_000)


@given(figures, st.floats(0, 2_000_000), figures, figures)
def test_a_clock_comes_back_to_the_microsecond(ppm: float, residual: float, offset: float, corrected: float) -> None:
    clock = SoundClock(ppm=ppm, residual_ms=residual, offset_ms=offset, corrected_ms=corrected)
    assert refusal(clock) == ""
    message = ClockFitted(session="s", track="t", epoch=1, at_ns=5, clock=clock)
    state = kept(message)
    assert not is_impossible(state)
    assert not is_newer(message, state)
    back = told(state)
    assert back is not None
    assert abs(back.ppm - ppm) <= 0.0005 + 1e-9
    assert abs(back.corrected_ms - corrected) <= 0.0005 + 1e-9


@pytest.mark.parametrize(
    "changed", [{"at_ns": -1}, {"epoch": -1}, {"residual_us": -1}, {"offset_us": MICROSECONDS_MAX + 1}]
)
def test_a_record_from_elsewhere_is_not_believed(changed: dict[str, int]) -> None:
    state = kept(ClockFitted(session="s", track="t", epoch=1, at_ns=5, clock=CLOCK))
    assert not is_impossible(None)
    assert is_impossible(structs.replace(state, **changed))
