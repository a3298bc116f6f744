"""A known signal through recorder and codec. Harm guarded against: a sample that is lost, doubled or changed.

Issue 5: stop after 0.3 s and 1 s of a counting signal, and every sample up to the stop is in the track.
"""

from itertools import dropwhile

import pytest
from msgspec import structs

from reeld.audio.recorder import Recorder
from reeld.audio.samples import ns_to_frames
from reeld.runtime.clock import monotonic_ns
from reeld_proto.sound_graph import SoundCodec
from reeld_proto.workers import AnyIngest, AudioTrackSpec, ChunkCaptured
from tests.daemon.audio.fakes import LiveSource, counting, numbers
from tests.daemon.audio.harness import MIC, decoded, start_order
from tests.support.wait import until

MS = 1_000_000


class Sent:
    """What a recording of one track sent."""

    def __init__(self) -> None:
        self.messages: list[ChunkCaptured] = []
        self.payloads: list[bytes] = []
        self.init = b""

    def send(self, message: AnyIngest, payload: bytes, init: bytes) -> bool:
        assert isinstance(message, ChunkCaptured)
        self.messages.append(message)
        self.payloads.append(payload)
        self.init = init
        return True


def recorded(spec: AudioTrackSpec, length_ms: int) -> Sent:
    """So much of a counting signal; the recording lasts exactly so long."""
    sent = Sent()
    start_ns = monotonic_ns()
    recorder = Recorder(
        start_order([spec], start_ns=start_ns),
        open_source=lambda _device: LiveSource(counting),
        send=sent.send,
        complain=lambda *_: None,
    )
    try:
        recorder.wait_open(5)
        until(lambda: monotonic_ns() >= start_ns + length_ms * MS, 20)
        recorder.stop(start_ns + length_ms * MS)
    finally:
        recorder.close()
    return sent


@pytest.mark.parametrize("length_ms", [300, 1000])
def test_every_sample_up_to_the_stop_is_in_a_lossless_track(no_leaks: None, length_ms: int) -> None:
    sent = recorded(structs.replace(MIC, codec=SoundCodec.FLAC), length_ms)
    found = numbers(decoded(sent.init, sent.payloads))
    assert len(found) == ns_to_frames(length_ms * MS)
    # The device needs a moment to open; from then on nothing is missing, twice there or changed by a single bit.
    heard = list(dropwhile(lambda number: number == -1, found))
    assert heard == list(range(heard[0], heard[0] + len(heard)))
    assert heard[0] <= 1, "the first frame that the device gave is the first one heard"
    assert len(heard) > len(found) // 2
    assert {message.codec for message in sent.messages} == {"flac"}


@pytest.mark.parametrize("codec", [SoundCodec.AAC, SoundCodec.OPUS])
def test_an_encoded_track_is_as_long_as_the_recording(no_leaks: None, codec: SoundCodec) -> None:
    sent = recorded(structs.replace(MIC, codec=codec), 300)
    assert (sent.messages[0].start_ns, sent.messages[-1].end_ns) == (0, 300 * MS)
    assert len(decoded(sent.init, sent.payloads)) >= ns_to_frames(300 * MS)
