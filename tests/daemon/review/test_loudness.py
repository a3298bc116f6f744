"""Harm guarded against: a wave that is flat where somebody spoke, or a bad chunk that ends the drawing."""

import numpy as np
import pytest

from reeld.audio.encoder import encoder_for
from reeld.review.loudness import Meter
from reeld.review.peaks import STEP_NS
from reeld_proto.errors import StoreCorrupt
from reeld_proto.sound_graph import SoundCodec
from reeld_proto.units import NS_PER_S

RATE = 48_000


def encoded(codec: SoundCodec, seconds: float = 2.0) -> tuple[bytes, list[tuple[int, bytes]]]:
    """A tone at half of full scale, in the second channel alone; from 0.35 s to 0.5 s it is silent."""
    at = np.arange(int(seconds * RATE)) / RATE
    tone = np.where((at > 0.35) & (at < 0.5), 0, 0.5 * np.sin(2 * np.pi * 500 * at))
    encoder = encoder_for(codec)
    made = encoder.write(np.stack([0 * tone, tone], axis=1).astype(np.float32))
    return encoder.init, [(each.start_ns, each.data) for each in made]


@pytest.mark.parametrize("codec", SoundCodec)
def test_a_tone_is_as_loud_as_it_is_where_it_is(codec: SoundCodec) -> None:
    init, chunks = encoded(codec)
    meter = Meter()
    found = [meter.measure(init, data, glance=False) for _, data in chunks]
    assert [each.start_ns for each in found] == [start_ns for start_ns, _ in chunks]
    first = found[0].steps
    assert all(115 <= step <= 140 for step in (*first[5:30], *first[55:60]))
    assert max(first[40:45]) < 10


def test_a_glance_is_of_the_middle() -> None:
    init, chunks = encoded(SoundCodec.AAC)
    start_ns, data = chunks[0]
    whole, glance = (Meter().measure(init, data, glance=glance) for glance in (False, True))
    before = (glance.start_ns - start_ns) // STEP_NS
    after = len(whole.steps) - before - len(glance.steps)
    assert before > 15
    assert abs(before - after) <= 3
    assert NS_PER_S // 10 < len(glance.steps) * STEP_NS < NS_PER_S // 4


def test_what_cannot_be_read_is_told_and_the_next_one_is_measured() -> None:
    init, chunks = encoded(SoundCodec.AAC)
    meter = Meter()
    for bad in ((b"", chunks[0][1]), (init, b"junk"), (init[:-20], chunks[0][1])):
        with pytest.raises(StoreCorrupt):
            meter.measure(*bad, glance=False)
    assert max(meter.measure(init, chunks[1][1], glance=False).steps) > 100
