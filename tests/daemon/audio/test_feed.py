"""Harm guarded against: sound at the wrong time after a late start, a hole, a pause or a lost device."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.audio.assembler import Span
from reeld.audio.feed import HOLD_NS, TAKE_FRAMES_MAX, Feed
from reeld.audio.samples import RATE, Samples, join, nearest_frame
from reeld.audio.stream import IDLE_NS
from reeld.runtime.clock import SessionClock
from reeld_proto.units import NS_PER_MS, NS_PER_S
from tests.daemon.audio.crystals import Crystal
from tests.daemon.audio.fakes import FakeSource, counting, numbers

START = 7_000_000_000_000
BLOCK = RATE // 10
BLOCK_NS = 100 * NS_PER_MS


class Stage:
    """A feed, a device that captures frame n of the session's line with value n, and a pump that turns every 100 ms."""

    def __init__(self, first_frame: int = 0) -> None:
        self.clock = SessionClock(START)
        self.feed = Feed("mic", self.clock, first_frame)
        self.source = FakeSource()
        self.got: list[Samples] = []
        self.now_ns = START
        self._sent = 0
        self._opened = 0

    def open(self) -> None:
        self.source = FakeSource()
        self._sent = 0
        self._opened = (self.now_ns - START) * RATE // NS_PER_S
        self.feed.attach(self.source)

    def run(self, turns: int, *, sounding: bool = True) -> None:
        for _ in range(turns):
            self.now_ns += BLOCK_NS
            if sounding:
                line = self._opened + self._sent
                adc_ns = START + line * NS_PER_S // RATE
                self.source.deliver(counting(line, BLOCK), self._sent, adc_ns)
                self._sent += BLOCK
            self.feed.advance(self.now_ns)
            self.got.append(self.feed.take(self.now_ns))

    def skip(self, frames: int) -> None:
        """The device loses frames on its way here and knows it: its numbers go on counting."""
        self._sent += frames

    def finish(self, end_frame: int) -> list[int]:
        while self.feed.media_frame < end_frame:
            self.got.append(self.feed.take_until(end_frame))
        return numbers(join(self.got))


def test_a_device_that_starts_late_is_preceded_by_counted_silence_not_shifted() -> None:
    stage = Stage()
    stage.run(20, sounding=False)
    stage.open()
    stage.run(30)
    sound = stage.finish(5 * RATE - BLOCK)
    assert sound == [-1] * 2 * RATE + list(range(2 * RATE, 5 * RATE - BLOCK))
    assert stage.feed.silent_frames == 2 * RATE
    assert stage.feed.silences.within(0, 10 * RATE) == [Span(0, 2 * RATE)]


def test_the_line_goes_on_while_a_device_is_lost_and_its_return_finds_its_place() -> None:
    stage = Stage()
    stage.open()
    stage.run(20)
    stage.feed.detach()
    stage.run(30, sounding=False)
    assert stage.feed.media_frame == 5 * RATE - nearest_frame(IDLE_NS)
    stage.open()
    stage.run(20)
    assert stage.finish(7 * RATE) == [*range(2 * RATE), *([-1] * 3 * RATE), *range(5 * RATE, 7 * RATE)]


def test_sound_that_is_late_by_less_than_the_idle_time_is_not_replaced_by_silence() -> None:
    stage = Stage()
    stage.open()
    stage.run(20)
    for _ in range(4):
        stage.now_ns += BLOCK_NS
        stage.feed.advance(stage.now_ns)
        stage.got.append(stage.feed.take(stage.now_ns))
    for index in range(4):
        frame = 2 * RATE + index * BLOCK
        stage.source.deliver(counting(frame, BLOCK), frame, START + frame * NS_PER_S // RATE, stage.now_ns)
    stage.feed.advance(stage.now_ns)
    assert stage.finish(2 * RATE + 4 * BLOCK) == list(range(2 * RATE + 4 * BLOCK))


def test_sound_after_a_device_stood_still_is_neither_lost_nor_shifted() -> None:
    """A suspended device does not count the frames of its sleep."""
    stage = Stage()
    stage.open()
    stage.run(20)
    stage.run(20, sounding=False)
    for index in range(20):
        line = 4 * RATE + index * BLOCK
        stage.now_ns += BLOCK_NS
        stage.source.deliver(counting(line, BLOCK), 2 * RATE + index * BLOCK, START + line * NS_PER_S // RATE)
        stage.feed.advance(stage.now_ns)
        stage.got.append(stage.feed.take(stage.now_ns))
    assert stage.finish(6 * RATE) == [*range(2 * RATE), *([-1] * 2 * RATE), *range(4 * RATE, 6 * RATE)]


def test_blocks_lost_in_the_ring_leave_silence_of_their_length() -> None:
    stage = Stage()
    stage.open()
    stage.run(20)
    stage.skip(BLOCK)
    stage.now_ns += BLOCK_NS
    stage.run(20)
    expected = list(range(4 * RATE + BLOCK))
    expected[2 * RATE : 2 * RATE + BLOCK] = [-1] * BLOCK
    assert stage.finish(4 * RATE + BLOCK) == expected


def test_a_pause_is_cut_to_the_frame_on_both_sides() -> None:
    stage = Stage()
    stage.open()
    stage.run(20)
    stage.clock.pause(START + 2 * NS_PER_S - 30 * NS_PER_MS)
    stage.run(20)
    stage.clock.resume(START + 4 * NS_PER_S - 10 * NS_PER_MS)
    stage.run(20)
    before, after = 2 * RATE - 1440, 4 * RATE - 480
    media_end = before + 6 * RATE - after
    assert stage.finish(media_end) == [*range(before), *range(after, 6 * RATE)]
    assert stage.feed.silent_frames == 0


def test_an_order_to_pause_that_arrives_late_still_cuts_exactly() -> None:
    stage = Stage()
    stage.open()
    stage.run(20)
    stage.clock.pause(START + 2 * NS_PER_S - HOLD_NS + NS_PER_MS)
    stage.run(5)
    assert numbers(join(stage.got))[-1] == 2 * RATE - nearest_frame(HOLD_NS - NS_PER_MS) - 1


def test_stopping_while_paused_ends_at_the_pause() -> None:
    stage = Stage()
    stage.open()
    stage.run(20)
    stage.clock.pause(START + 2 * NS_PER_S - HOLD_NS)
    stage.run(30)
    end = 2 * RATE - nearest_frame(HOLD_NS)
    assert stage.feed.covers(end)
    assert stage.finish(end) == list(range(end))


def test_a_stop_before_the_clock_is_settled_keeps_what_was_heard() -> None:
    stage = Stage()
    stage.open()
    stage.run(3)
    assert stage.feed.media_frame == 0
    assert stage.feed.covers(3 * BLOCK)
    assert stage.finish(3 * BLOCK) == list(range(3 * BLOCK))


def test_a_stop_fills_what_never_came() -> None:
    stage = Stage()
    stage.open()
    stage.run(15)
    assert not stage.feed.covers(2 * RATE)
    assert stage.finish(2 * RATE) == [*range(15 * BLOCK), *([-1] * 5 * BLOCK)]


def test_a_stream_that_stops_before_its_clock_is_known_does_not_hold_up_the_track() -> None:
    stage = Stage()
    stage.open()
    stage.run(3)
    stage.run(30, sounding=False)
    assert stage.feed.media_frame >= 2 * RATE
    assert numbers(join(stage.got))[: 3 * BLOCK] == list(range(3 * BLOCK))


def test_a_restarted_worker_begins_at_its_own_media_time() -> None:
    stage = Stage(first_frame=RATE)
    stage.now_ns += NS_PER_S
    stage.open()
    stage.run(20)
    assert stage.finish(3 * RATE) == list(range(RATE, 3 * RATE))


def test_after_a_long_stop_of_this_process_frames_come_in_bounded_helpings() -> None:
    stage = Stage()
    stage.now_ns += 35 * NS_PER_S
    stage.feed.advance(stage.now_ns)
    helpings = []
    while len(helping := stage.feed.take(stage.now_ns)):
        helpings.append(len(helping))
    assert max(helpings) <= TAKE_FRAMES_MAX
    assert sum(helpings) == 35 * RATE - nearest_frame(IDLE_NS)


def test_a_device_of_another_rate_is_resampled_in_place() -> None:
    clock = SessionClock(START)
    feed = Feed("mic", clock, 0)
    source = FakeSource(rate=44_100)
    feed.attach(source)
    click = counting(0, 4410) * 0
    for index in range(30):
        block = click.copy()
        if index == 15:
            block[0] = 0.9
        source.deliver(block, index * 4410, START + index * BLOCK_NS)
        feed.advance(START + (index + 1) * BLOCK_NS)
    out = feed.take(START + 3 * NS_PER_S)
    assert int(abs(out[:, 0]).argmax()) == 15 * BLOCK


def test_what_a_filter_holds_when_a_drifting_device_falls_silent_is_not_lost() -> None:
    """A person stops, and no block comes any more to push the last 20 ms out."""
    crystal, feed = Crystal(80.0, late=0.0), Feed("mic", SessionClock(START), 0)
    feed.attach(crystal.open(START))
    now_ns = START
    out = []
    while now_ns < START + 60 * NS_PER_S:
        now_ns += BLOCK_NS
        crystal.run(now_ns)
        feed.advance(now_ns)
        out.append(feed.take(now_ns))
    clock = feed.sound_clock()
    assert clock is not None
    assert clock.corrected_ms < -1
    end = 60 * RATE + RATE
    while feed.media_frame < end:
        out.append(feed.take_until(end))
    (heard,) = np.nonzero(join(out)[:, 0])
    given_s = crystal.delivered_frames / (RATE * (1 + 80e-6))
    assert abs(int(heard[-1]) + 1 - given_s * RATE) < 3 * RATE / 1000
    assert len(join(out)) == end


def test_how_a_clock_ran_is_known_after_its_device_is_gone() -> None:
    crystal, feed = Crystal(-50.0), Feed("mic", SessionClock(START), 0)
    assert feed.sound_clock() is None
    now_ns = START
    corrected = []
    for _ in range(2):
        feed.attach(crystal.open(now_ns))
        for _ in range(1200):
            now_ns += BLOCK_NS
            crystal.run(now_ns)
            feed.advance(now_ns)
            feed.take(now_ns)
        feed.detach()
        clock = feed.sound_clock()
        assert clock is not None
        assert abs(clock.ppm + 50) < 2
        corrected.append(clock.corrected_ms)
    assert corrected[1] == pytest.approx(2 * corrected[0], abs=1), "the sum over both"


@pytest.mark.parametrize("is_open", [True, False])
def test_whether_sound_is_expected_follows_the_stream(is_open: bool) -> None:
    stage = Stage()
    assert not stage.feed.expects_sound
    assert stage.feed.statistics() is None
    stage.open()
    assert stage.feed.statistics() is not None
    stage.run(1)
    if not is_open:
        stage.feed.detach()
    assert stage.feed.expects_sound is is_open


events = st.lists(st.sampled_from(["sound", "pause", "resume", "lose", "open"]), max_size=40)


@settings(deadline=None, max_examples=60)
@given(events)
def test_whatever_happens_each_media_frame_is_its_own_sound_or_counted_silence(story: list[str]) -> None:
    stage = Stage()
    stage.open()
    sounding = True
    for event in story:
        match event:
            case "pause":
                stage.clock.pause(stage.now_ns)
            case "resume":
                stage.clock.resume(stage.now_ns)
            case "lose":
                stage.feed.detach()
                sounding = False
            case "open":
                stage.feed.detach()
                stage.open()
                sounding = True
            case _:
                stage.run(3, sounding=sounding)
    stage.clock.resume(stage.now_ns)
    stage.run(3, sounding=sounding)
    end = nearest_frame(stage.clock.media_ns(stage.now_ns))
    sound = stage.finish(end)
    assert len(sound) == end
    for media in range(0, end, 997):
        line = nearest_frame(stage.clock.monotonic_ns(media * NS_PER_S // RATE + 1) - START)
        assert sound[media] in {-1, line}
    assert sound.count(-1) == stage.feed.silent_frames
