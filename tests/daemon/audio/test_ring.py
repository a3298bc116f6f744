"""Harm guarded against: sound torn or lost between the device's thread and ours without anybody counting it."""

import threading

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.audio.ring import RING_BLOCKS_MAX, RING_FRAMES_MAX, BlockRing
from reeld.audio.samples import silence
from tests.daemon.audio.fakes import counting, numbers


def test_blocks_come_back_with_their_numbers_and_times() -> None:
    ring = BlockRing("mic")
    ring.write(counting(0, 3), 3, 10, 20)
    ring.write(counting(3, 2), 2, 30, 40)
    blocks = ring.read()
    assert [(block.frame, block.adc_ns, block.arrived_ns) for block in blocks] == [(0, 10, 20), (3, 30, 40)]
    assert [numbers(block.samples) for block in blocks] == [[0, 1, 2], [3, 4]]
    assert ring.read() == []


def test_a_mono_device_sounds_on_both_sides() -> None:
    ring = BlockRing("mic")
    ring.write(np.full((4, 1), 0.25, np.float32), 4, 0, 0)
    assert (ring.read()[0].samples == 0.25).all()


def test_what_is_read_is_not_overwritten_by_what_follows() -> None:
    ring = BlockRing("mic")
    ring.write(counting(0, 10), 10, 0, 0)
    (block,) = ring.read()
    for _ in range(RING_FRAMES_MAX // 4800 + 1):
        ring.write(silence(4800), 4800, 0, 0)
    assert numbers(block.samples) == list(range(10))


def test_a_full_ring_drops_the_newest_counts_it_and_shows_the_hole_in_the_numbers() -> None:
    ring = BlockRing("mic")
    blocks = RING_FRAMES_MAX // 4800
    for index in range(blocks + 3):
        ring.write(silence(4800), 4800, index, index)
    assert ring.statistics().dropped == 3 * 4800
    assert len(ring.read()) == blocks
    ring.write(silence(10), 10, 0, 0)
    assert ring.read()[0].frame == (blocks + 3) * 4800


def test_very_many_tiny_blocks_do_not_overwrite_their_own_table() -> None:
    ring = BlockRing("mic")
    for index in range(RING_BLOCKS_MAX + 5):
        ring.write(silence(1), 1, index, index)
    assert [block.adc_ns for block in ring.read()] == list(range(RING_BLOCKS_MAX))
    assert ring.statistics().dropped == 5


@settings(deadline=None)
@given(st.lists(st.integers(1, 30_000), min_size=20, max_size=60))
def test_every_frame_survives_the_wrap(lengths: list[int]) -> None:
    ring = BlockRing("mic")
    start = 0
    for length in lengths:
        ring.write(counting(start, length), length, 0, 0)
        (block,) = ring.read()
        assert block.frame == start
        assert np.array_equal(block.samples, counting(start, length))
        start += length
    assert ring.statistics().dropped == 0
    assert ring.statistics().peak == max(lengths)


def test_one_thread_writes_while_another_reads() -> None:
    ring = BlockRing("mic")
    total = 4000

    def write() -> None:
        for index in range(total):
            while ring.statistics().depth > RING_FRAMES_MAX - 1000:
                pass
            ring.write(counting(index * 500, 500), 500, index, index)

    thread = threading.Thread(target=write)
    thread.start()
    seen = 0
    while seen < total:
        for block in ring.read():
            assert block.frame == seen * 500
            assert block.adc_ns == seen
            assert numbers(block.samples[[0, -1]]) == [seen * 500, seen * 500 + 499]
            seen += 1
    thread.join()
