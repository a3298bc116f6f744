"""Harm guarded against: chunks, silence or refusals that nobody counts."""

from collections.abc import Iterator

import numpy as np
import pytest
from msgspec import structs
from structlog.testing import capture_logs

from reeld.audio.samples import RATE, frames_to_ns, silence
from reeld.audio.silences import Silences
from reeld.audio.track import SILENCE_DB, TrackWriter
from reeld_proto.records import SoundClock
from reeld_proto.sound_graph import SoundCodec
from reeld_proto.workers import AnyIngest, ChunkCaptured, ClockFitted
from tests.daemon.audio.fakes import counting, numbers, tone
from tests.daemon.audio.harness import MIC, decoded

END_NS = frames_to_ns(3 * RATE)


class Store:
    def __init__(self) -> None:
        self.messages: list[ChunkCaptured] = []
        self.payloads: list[bytes] = []
        self.init = b""
        self.full = False

    def send(self, message: AnyIngest, payload: bytes, init: bytes) -> bool:
        assert isinstance(message, ChunkCaptured)
        assert payload[4:8] == b"moof"
        assert init[4:8] == b"ftyp"
        if not self.full:
            self.messages.append(message)
            self.payloads.append(payload)
            self.init = init
        return not self.full


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def silences() -> Silences:
    return Silences()


@pytest.fixture
def track(store: Store, silences: Silences) -> Iterator[TrackWriter]:
    track = TrackWriter(session="s", spec=MIC, epoch=2, first_frame=0, send=store.send, silences=[silences])
    yield track
    track.close()


def test_chunks_name_their_session_track_and_epoch_and_cover_it_all(track: TrackWriter, store: Store) -> None:
    track.write(tone(440, 0, 3 * RATE))
    track.finish(3 * RATE, END_NS)
    assert {(chunk.session, chunk.track, chunk.epoch, chunk.codec) for chunk in store.messages} == {
        ("s", "mic", 2, "aac")
    }
    assert store.messages[0].start_ns == 0
    assert store.messages[-1].end_ns == END_NS == track.sent_ns
    assert sum(chunk.frames for chunk in store.messages) == -(-3 * RATE // 1024)


def test_silence_is_counted_in_the_chunk_in_which_it_lies(track: TrackWriter, store: Store, silences: Silences) -> None:
    silences.add(0, 1000)
    silences.add(2 * RATE, 2 * RATE + 500)
    track.write(silence(3 * RATE))
    track.finish(3 * RATE, END_NS)
    counted = [chunk.silence_ns for chunk in store.messages if chunk.silence_ns]
    assert counted == [frames_to_ns(1000), frames_to_ns(500)]
    assert track.statistics(0).silence_s == pytest.approx(1500 / RATE, abs=1e-6)


def test_a_full_outbox_is_counted_and_logged_and_the_track_goes_on(track: TrackWriter, store: Store) -> None:
    store.full = True
    with capture_logs() as logs:
        track.write(tone(440, 0, RATE))
    store.full = False
    track.write(tone(440, RATE, 2 * RATE))
    track.finish(3 * RATE, END_NS)
    assert [entry["event"] for entry in logs] == ["chunk.refused"]
    stats = track.statistics(END_NS)
    assert stats.dropped == 32
    assert stats.frames + stats.dropped == -(-3 * RATE // 1024)
    assert stats.chunks == len(store.messages)


def test_the_peak_is_that_since_the_last_question(track: TrackWriter) -> None:
    assert track.statistics(0).peak_db == SILENCE_DB
    track.write(tone(1000, 0, RATE, level=0.5))
    assert track.statistics(0).peak_db == pytest.approx(-6.0, abs=0.1)
    assert track.statistics(0).peak_db == SILENCE_DB


def test_lag_is_the_age_of_what_was_sent_last(track: TrackWriter) -> None:
    track.write(tone(440, 0, RATE))
    stats = track.statistics(1_000_000_000)
    assert stats.lag_ms == pytest.approx(1000 - 32 * 1024 / 48, abs=0.2)
    assert stats.media_s == pytest.approx(32 * 1024 / RATE, abs=1e-6)


def test_a_cut_sends_at_once_what_is_encoded(store: Store, silences: Silences) -> None:
    writer = TrackWriter(session="s", spec=MIC, epoch=1, first_frame=0, send=store.send, silences=[silences])
    writer.write(tone(440, 0, RATE // 4))
    assert not store.messages
    writer.cut()
    (message,) = store.messages
    assert message.start_ns == 0
    assert writer.sent_ns == message.end_ns > 150_000_000
    writer.finish(3 * RATE, END_NS)
    writer.close()
    assert store.messages[-1].end_ns == END_NS


@pytest.mark.parametrize("codec", list(SoundCodec))
@pytest.mark.parametrize("end", [14_400, RATE, 480_480])
def test_every_sample_up_to_the_stop_is_in_the_track(codec: SoundCodec, end: int, store: Store) -> None:
    """Harm: the last word before the stop is lost. Issue 5: 0.3 s, 1 s and 10.01 s of a counting signal."""
    writer = TrackWriter(
        session="s", spec=structs.replace(MIC, codec=codec), epoch=1, first_frame=0, send=store.send, silences=[]
    )
    for start in range(0, end, 7200):
        writer.write(counting(start, min(7200, end - start)))
    writer.finish(end, frames_to_ns(end))
    writer.close()
    borders = [0, *(message.end_ns for message in store.messages)]
    assert [message.start_ns for message in store.messages] == borders[:-1]
    assert borders[-1] == frames_to_ns(end)
    assert {message.codec for message in store.messages} == {codec}
    out = decoded(store.init, store.payloads)
    if codec is SoundCodec.FLAC:
        assert numbers(out) == list(range(end))
    assert end <= len(out) < end + 1024


def test_silence_is_counted_at_the_rate_of_the_line(store: Store, silences: Silences) -> None:
    """Harm: a track of 16 kHz reports a third of its silence."""
    spec = structs.replace(MIC, rate=16_000, channels=1)
    writer = TrackWriter(session="s", spec=spec, epoch=1, first_frame=0, send=store.send, silences=[silences])
    silences.add(0, 2 * RATE)
    writer.write(np.zeros((2 * 16_000, 1), np.float32))
    writer.finish(2 * 16_000, frames_to_ns(2 * RATE))
    writer.close()
    assert sum(message.silence_ns for message in store.messages) == pytest.approx(2e9, abs=100)


def test_how_the_clock_of_its_device_runs_is_told_and_counted() -> None:
    told: list[ClockFitted] = []

    def send(message: AnyIngest, payload: bytes, init: bytes) -> bool:
        if isinstance(message, ClockFitted):
            told.append(message)
        return True

    clock = SoundClock(ppm=80.0, residual_ms=0.1)
    track = TrackWriter(
        session="s", spec=MIC, epoch=2, first_frame=0, send=send, silences=[Silences()], clock=lambda: clock
    )
    track.write(tone(440, 0, 3 * RATE))
    assert track.statistics(0).clock == clock
    track.finish(3 * RATE, END_NS)
    track.close()
    assert [(news.track, news.epoch, news.clock) for news in told] == [("mic", 2, clock)]
