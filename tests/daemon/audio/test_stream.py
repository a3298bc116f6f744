"""Harm guarded against: frames lost, doubled or shifted between a device and the session's line."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.audio.api import Block
from reeld.audio.assembler import Assembler
from reeld.audio.feed import Feed
from reeld.audio.samples import RATE, Samples, join
from reeld.audio.stream import OpenStream
from reeld.runtime.clock import SessionClock
from reeld_proto.units import NS_PER_MS, NS_PER_S
from tests.daemon.audio.fakes import FakeSource, counting, numbers

START = 7_000_000_000_000
BLOCK = 4800
EXAMPLES = int(os.environ.get("REELD_EXAMPLES", "25"))


def captured_ns(frame: int, ppm: float = 0.0, rate: int = RATE) -> int:
    return START + round(frame * NS_PER_S / (rate * (1 + ppm * 1e-6)))


def block(frame: int, frames: int = BLOCK, *, ppm: float = 0.0, late_ns: int = 0) -> Block:
    arrived_ns = captured_ns(frame + frames, ppm) + late_ns
    return Block(counting(frame, frames), frame, captured_ns(frame, ppm), arrived_ns)


def lay(stream: OpenStream) -> tuple[list[int], int]:
    """Which frame of the device is at each frame of the line from START on, -1 for silence; how many were cut."""
    line = Assembler(0)
    for start, samples in stream.take_placed(START):
        line.lay(samples, start)
    return numbers(line.read(0, line.end)[0]), line.cut_frames


def test_nothing_is_placed_before_it_is_known_where_it_belongs() -> None:
    stream = OpenStream("mic", FakeSource())
    for index in range(10):
        stream.take_block(block(index * BLOCK))
    assert not stream.settled
    assert stream.take_placed(START) == []
    stream.settle()
    assert lay(stream) == (list(range(10 * BLOCK)), 0)
    assert stream.waiting == []


def test_a_drifting_device_is_fitted_and_its_sound_shortened() -> None:
    stream = OpenStream("mic", FakeSource())
    total = 0
    for index in range(1200):
        stream.take_block(block(index * BLOCK, ppm=100))
        total += sum(len(samples) for _, samples in stream.take_placed(START))
    assert stream.estimate is not None
    assert abs(stream.estimate.ppm - 100) < 2
    assert abs(stream.error_ns) < NS_PER_MS
    stream.finish()
    total += sum(len(samples) for _, samples in stream.take_placed(START))
    true_frames = 1200 * BLOCK / (1 + 100e-6)
    assert abs(total - true_frames) < RATE / 1000
    assert abs(total - (1200 * BLOCK + stream.corrected_frames)) <= 1


def test_a_stream_that_was_finished_goes_on_where_it_was() -> None:
    """A person stops and the last samples are asked for; or the device stood still and sounds again."""
    stream = OpenStream("mic", FakeSource(rate=44_100))
    for index in range(30):
        frame = index * 4410
        stream.take_block(
            Block(counting(frame, 4410), frame, captured_ns(frame, rate=44_100), captured_ns(frame + 4410))
        )
        if index == 20:
            stream.finish()
    stream.finish()
    parts = stream.take_placed(START)
    ends = [start + len(samples) for start, samples in parts]
    assert [start for start, _ in parts[1:]] == ends[:-1]
    assert ends[-1] == 30 * BLOCK


@pytest.mark.timeout(120 + EXAMPLES)
@settings(deadline=None, max_examples=EXAMPLES)
@given(
    st.lists(st.sampled_from(["plain"] * 4 + ["late", "missing", "again", "short", "lost"]), min_size=5, max_size=60),
    st.integers(0, 10_000),
)
def test_any_sequence_of_late_missing_repeated_and_lost_blocks_puts_each_frame_at_its_place(
    story: list[str], seed: int
) -> None:
    """Exactly the right number of frames, each its own sound or silence that is counted; nothing else is cut."""
    chance = np.random.default_rng(seed)
    clock = SessionClock(START)
    feed = Feed("mic", clock, 0)
    source = FakeSource()
    feed.attach(source)
    opened = frame = 0
    now_ns = START
    heard: set[int] = set()
    late_ns = 0
    out: list[Samples] = []

    def deliver(first: int, frames: int) -> None:
        nonlocal now_ns
        now_ns = max(now_ns, captured_ns(first + frames)) + late_ns
        source.deliver(counting(first, frames), first - opened, captured_ns(first), now_ns)
        heard.update(range(first, first + frames, 997))

    for event in [*["plain"] * 3, *story, *["plain"] * 25]:
        late_ns = int(chance.integers(0, 300)) * NS_PER_MS if event == "late" else 0
        frames = int(chance.integers(1, BLOCK)) if event == "short" else BLOCK
        if event == "lost":
            feed.advance(now_ns)
            feed.detach()
            frame += int(chance.integers(0, 2 * RATE))
            now_ns = max(now_ns, captured_ns(frame))
            source = FakeSource()
            feed.attach(source)
            opened = frame
        elif event != "missing":
            deliver(frame, frames)
            if event == "again":
                deliver(frame, frames)
        if event != "lost":
            frame += frames
        feed.advance(now_ns)
        out.append(feed.take(now_ns))
    assert feed.covers(frame)
    while feed.media_frame < frame:
        out.append(feed.take_until(frame))
    sound = numbers(join(out))
    assert len(sound) == frame
    assert sound.count(-1) == feed.silent_frames
    wrong = [index for index, value in enumerate(sound) if value not in {-1, index}]
    assert wrong == []
    assert {index for index in heard if sound[index] == -1} == set()
