"""Harm guarded against: tracks that do not cover the session, or hold another one's sound, whatever the devices do."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from reeld.audio.api import SoundSource
from reeld.audio.recorder import Recorder
from reeld.audio.samples import RATE
from reeld.audio.telling import LevelBoard
from reeld.runtime.clock import monotonic_ns
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.sound_graph import SoundChange, SoundCodec
from reeld_proto.workers import AnyIngest, AudioTrackSpec, ChunkCaptured, StartAudio
from tests.daemon.audio.fakes import LiveSource, tone
from tests.daemon.audio.graph.samples import graph_of
from tests.daemon.audio.harness import ALL_TRACKS, MIC, SYSTEM, decoded, start_order
from tests.support.media import tone_level_db
from tests.support.wait import until

HZ = {"virtual_mic": 600.0, "speakers.monitor": 1000.0}
MS = 1_000_000


@dataclass
class Studio:
    """Recorders over live fake devices, and everything they sent."""

    sent: list[tuple[ChunkCaptured, bytes, bytes]] = field(default_factory=list)
    opened: list[LiveSource] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    troubles: list[tuple[str, str, str]] = field(default_factory=list)
    recorders: list[Recorder] = field(default_factory=list)
    broken: bool = False

    def open(self, device: str) -> SoundSource:
        if device in self.missing:
            raise RequestRejected(f"no {device}", code=ErrorCode.NOT_FOUND)
        self.opened.append(LiveSource(lambda start, frames: tone(HZ[device], start, frames)))
        return self.opened[-1]

    def send(self, message: AnyIngest, payload: bytes, init: bytes) -> bool:
        if self.broken:
            raise OSError("no room")
        assert isinstance(message, ChunkCaptured)
        self.sent.append((message, payload, init))
        return True

    def record(self, tracks: list[AudioTrackSpec], *, start_ns: int | None = None, epoch: int = 1) -> Recorder:
        return self.start(start_order(tracks, start_ns=start_ns, epoch=epoch))

    def start(self, order: StartAudio, board: LevelBoard | None = None) -> Recorder:
        recorder = Recorder(
            order,
            open_source=self.open,
            send=self.send,
            complain=lambda *words: self.troubles.append(words),
            board=board,
        )
        self.recorders.append(recorder)
        recorder.wait_open(5)
        return recorder

    def chunks(self, track: str) -> list[ChunkCaptured]:
        return [message for message, _, _ in self.sent if message.track == track]

    def level(self, track: str, hz: float, *, at_s: float = 0.3) -> float:
        parts = [part for part in self.sent if part[0].track == track]
        sound = decoded(parts[0][2], [payload for _, payload, _ in parts])[:, 0]
        begin = int(at_s * RATE)
        return tone_level_db(sound[begin : begin + RATE // 5], hz)

    def assert_covered(self, track: str, start_ns: int, end_ns: int) -> None:
        chunks = self.chunks(track)
        assert [chunk.start_ns for chunk in chunks] == [start_ns, *(chunk.end_ns for chunk in chunks[:-1])]
        assert chunks[-1].end_ns == end_ns


@pytest.fixture
def studio(no_leaks: None) -> Iterator[Studio]:
    studio = Studio()
    yield studio
    for recorder in studio.recorders:
        recorder.close()


def wait_for(at_ns: int) -> None:
    until(lambda: monotonic_ns() >= at_ns, 20)


def test_each_track_holds_its_own_tone_and_the_mix_both(studio: Studio) -> None:
    start_ns = monotonic_ns()
    recorder = studio.record(ALL_TRACKS, start_ns=start_ns)
    wait_for(start_ns + 1500 * MS)
    at_ns = monotonic_ns()
    recorder.stop(at_ns)
    for track in ("mix", "mic", "system"):
        studio.assert_covered(track, 0, at_ns - start_ns)
    for track, present, absent in (("mic", 600, 1000), ("system", 1000, 600)):
        assert studio.level(track, present) > -20
        assert studio.level(track, absent) < -60
    assert min(studio.level("mix", 600), studio.level("mix", 1000)) > -20


@pytest.mark.parametrize("length_ms", [0, 5, 300, 1000])
def test_however_short_the_recording_its_length_is_exact(studio: Studio, length_ms: int) -> None:
    start_ns = monotonic_ns()
    recorder = studio.record([MIC], start_ns=start_ns)
    wait_for(start_ns + length_ms * MS)
    recorder.stop(start_ns + length_ms * MS)
    if length_ms:
        studio.assert_covered("mic", 0, length_ms * MS)
    assert sum(chunk.frames for chunk in studio.chunks("mic")) == -(-length_ms * 48 // 1024)


def test_a_stop_waits_for_the_sound_that_the_device_still_owes(studio: Studio) -> None:
    start_ns = monotonic_ns()
    recorder = studio.record([MIC], start_ns=start_ns)
    wait_for(start_ns + 700 * MS)
    recorder.stop(start_ns + 700 * MS)
    opened_ns = studio.opened[0].opened_ns
    silent_ns = sum(chunk.silence_ns for chunk in studio.chunks("mic"))
    assert silent_ns == pytest.approx(opened_ns - start_ns, abs=MS)
    assert studio.level("mic", 600, at_s=0.49) > -20


def test_a_pause_takes_its_time_out_of_every_track(studio: Studio) -> None:
    start_ns = monotonic_ns()
    recorder = studio.record(ALL_TRACKS, start_ns=start_ns)
    wait_for(start_ns + 600 * MS)
    recorder.pause(start_ns + 600 * MS)
    wait_for(start_ns + 1400 * MS)
    recorder.resume(start_ns + 1400 * MS)
    wait_for(start_ns + 1900 * MS)
    recorder.stop(start_ns + 1900 * MS)
    for track in ("mix", "mic", "system"):
        studio.assert_covered(track, 0, 1100 * MS)
        assert studio.level(track, 1000 if track == "system" else 600, at_s=0.8) > -20


def test_a_stop_while_paused_ends_at_the_pause(studio: Studio) -> None:
    start_ns = monotonic_ns()
    recorder = studio.record([MIC], start_ns=start_ns)
    wait_for(start_ns + 400 * MS)
    recorder.pause(start_ns + 400 * MS)
    wait_for(start_ns + 900 * MS)
    recorder.stop(start_ns + 900 * MS)
    studio.assert_covered("mic", 0, 400 * MS)


def test_a_missing_microphone_leaves_the_mix_and_the_other_track_whole(studio: Studio) -> None:
    studio.missing.add("virtual_mic")
    start_ns = monotonic_ns()
    recorder = studio.record(ALL_TRACKS, start_ns=start_ns)
    wait_for(start_ns + 1500 * MS)
    recorder.stop(start_ns + 1500 * MS)
    for track in ("mix", "mic", "system"):
        studio.assert_covered(track, 0, 1500 * MS)
    assert studio.level("mix", 1000) > -20
    assert sum(chunk.silence_ns for chunk in studio.chunks("mic")) == pytest.approx(1500 * MS, abs=2)
    system = sum(chunk.silence_ns for chunk in studio.chunks("system"))
    assert sum(chunk.silence_ns for chunk in studio.chunks("mix")) == pytest.approx(system, abs=2)


def test_a_device_that_falls_mute_does_not_hold_up_the_other(studio: Studio) -> None:
    start_ns = monotonic_ns()
    recorder = studio.record(ALL_TRACKS, start_ns=start_ns)
    wait_for(start_ns + 1200 * MS)
    studio.opened[0].muted_ns = start_ns + 1200 * MS
    wait_for(start_ns + 3000 * MS)
    tracks, queues = recorder.statistics()
    assert {track.id for track in tracks} == {"mix", "mic", "system"}
    assert all(track.media_s >= 1.3 for track in tracks)
    assert all(queue.depth < queue.limit for queue in queues)
    recorder.stop(start_ns + 3000 * MS)
    studio.assert_covered("mix", 0, 3000 * MS)
    muted = sum(chunk.silence_ns for chunk in studio.chunks("mic"))
    assert muted == pytest.approx(1800 * MS + studio.opened[0].opened_ns - start_ns, abs=25 * MS)


def test_a_restarted_worker_begins_where_it_came_to_life(studio: Studio) -> None:
    start_ns = monotonic_ns() - 10_000 * MS
    recorder = studio.record([MIC], start_ns=start_ns, epoch=2)
    wait_for(start_ns + 10_800 * MS)
    recorder.stop(start_ns + 10_800 * MS)
    first = studio.chunks("mic")[0]
    assert first.start_ns == pytest.approx(10_000 * MS, abs=50 * MS)
    assert first.epoch == 2
    studio.assert_covered("mic", first.start_ns, 10_800 * MS)


def test_statistics_tell_level_silence_and_lag(studio: Studio) -> None:
    recorder = studio.record([SYSTEM])
    until(lambda: (recorder.statistics()[0][0].peak_db or -99) > -20, what="a level")
    until(lambda: recorder.statistics()[0][0].chunks > 0, what="a chunk")
    (track,), queues = recorder.statistics()
    assert track.lag_ms < 2500
    assert {queue.name for queue in queues} == {"ring fake", "system-in-system"}


def test_a_broken_pump_is_told_and_shows_as_failed(studio: Studio) -> None:
    studio.broken = True
    recorder = studio.record([MIC])
    until(lambda: recorder.failed, what="a failure")
    ((code, message, _),) = studio.troubles
    assert code == "internal"
    assert "no room" in message


def test_giving_up_may_be_done_twice(studio: Studio) -> None:
    recorder = studio.record([MIC])
    recorder.close()
    recorder.close()


@pytest.mark.parametrize(
    ("tracks", "graph", "fault"),
    [
        ([], "", "no source"),
        ([MIC], "mic-in microphone\nv volume < mic-in\nmic track < v\nmic track < v", "two nodes called mic"),
        ([MIC], "mic-in microphone\nother track < mic-in", "no track other"),
        ([MIC], 'f file : path = "/nowhere.wav"\nmic track < f', "no file /nowhere.wav"),
        ([MIC], 'i tone\nmic track < i\nw wav < i : path = "/nowhere/x.wav"', "/nowhere/x.wav cannot be written"),
    ],
)
def test_a_graph_that_cannot_work_is_refused_and_leaves_nothing_behind(
    tracks: list[AudioTrackSpec], graph: str, fault: str, studio: Studio
) -> None:
    order = structs.replace(start_order(tracks), graph=graph_of(graph))
    with pytest.raises(RequestRejected, match=fault):
        studio.start(order)
    assert studio.opened == []


def test_a_cut_hands_over_what_has_sounded_and_recording_goes_on(studio: Studio) -> None:
    recorder = studio.record([MIC])
    until(lambda: recorder.statistics()[0][0].frames or studio.opened, 5, what="a device")
    until(lambda: bool(studio.chunks(MIC.track)), 5, what="a first chunk")
    sent = len(studio.chunks(MIC.track))

    def cut_one() -> bool:
        recorder.cut()
        return len(studio.chunks(MIC.track)) > sent

    until(cut_one, 5, what="a chunk that was cut")
    end_ns = monotonic_ns()
    recorder.stop(end_ns)
    recorder.cut()  # too late: nothing
    spans = [(chunk.start_ns, chunk.end_ns) for chunk in studio.chunks(MIC.track)]
    assert all(first[1] == second[0] for first, second in pairwise(spans))


FLAC_MIC = structs.replace(MIC, codec=SoundCodec.FLAC)
STEADY = """
    mic-in tone : frequency_hz = 1000.0 ; level_db = -6.0
    volume volume < mic-in
    meter meter < volume
    mic track < meter : codec = "flac"
    levels level-feed < meter.levels
"""


def recorded(studio: Studio, track: str) -> "np.ndarray[Any, np.dtype[np.float32]]":
    parts = [part for part in studio.sent if part[0].track == track]
    return decoded(parts[0][2], [payload for _, payload, _ in parts])


def loudness(samples: "np.ndarray[Any, np.dtype[np.float32]]", at_ms: float, length_ms: float = 20.0) -> float:
    start = int(at_ms * RATE / 1000)
    part = samples[start : start + int(length_ms * RATE / 1000), 0]
    return float(20 * np.log10(np.sqrt(2 * np.mean(part**2)) + 1e-9))


def test_gain_and_mute_apply_at_the_instant_of_the_command_without_a_click(studio: Studio) -> None:
    """Harm: a voice that is muted too late is heard, a change that jumps is heard as a click. The bar is 50 ms."""
    start_ns = monotonic_ns()
    order = structs.replace(start_order([FLAC_MIC], start_ns=start_ns), graph=graph_of(STEADY))
    recorder = studio.start(order)
    wait_for(start_ns + 400 * MS)
    lower_ns = monotonic_ns()
    recorder.adjust(lower_ns, [SoundChange(node="volume", setting="gain_db", value=-12.0)])
    wait_for(start_ns + 800 * MS)
    mute_ns = monotonic_ns()
    recorder.adjust(mute_ns, [SoundChange(node="volume", setting="muted", value=True)])
    wait_for(start_ns + 1200 * MS)
    recorder.stop(start_ns + 1200 * MS)
    sound = recorded(studio, "mic")
    lower_ms, mute_ms = (lower_ns - start_ns) / MS, (mute_ns - start_ns) / MS
    assert loudness(sound, lower_ms - 21) == pytest.approx(-6, abs=0.1)
    assert loudness(sound, lower_ms + 30) == pytest.approx(-18, abs=0.1)
    assert loudness(sound, mute_ms - 21) == pytest.approx(-18, abs=0.1)
    assert loudness(sound, mute_ms + 30) < -100
    # A sine of 1 kHz at half of full scale moves by 0.066 a frame; a click would be a larger step, or a bend.
    assert np.abs(np.diff(sound[:, 0])).max() < 0.067
    assert np.abs(np.diff(sound[:, 0], 2)).max() < 0.009


def test_another_graph_takes_over_at_the_instant_of_the_command_and_the_track_has_no_hole(studio: Studio) -> None:
    start_ns = monotonic_ns()
    order = structs.replace(start_order([FLAC_MIC], start_ns=start_ns), graph=graph_of(STEADY))
    recorder = studio.start(order)
    wait_for(start_ns + 500 * MS)
    at_ns = monotonic_ns()
    recorder.edit(at_ns, graph_of("mic-in tone : frequency_hz = 3000.0\nmic track < mic-in : codec = 'flac'"), {})
    wait_for(start_ns + 1000 * MS)
    recorder.stop(start_ns + 1000 * MS)
    studio.assert_covered("mic", 0, 1000 * MS)
    sound = recorded(studio, "mic")
    frame = (at_ns - start_ns) * RATE // 10**9
    assert tone_level_db(sound[frame - 4800 : frame - 5, 0], 1000) > -10
    assert tone_level_db(sound[frame - 4800 : frame - 5, 0], 3000) < -60
    assert tone_level_db(sound[frame + 5 : frame + 4800, 0], 3000) > -25
    assert tone_level_db(sound[frame + 5 : frame + 4800, 0], 1000) < -60


def test_devices_come_and_go_with_the_graph(studio: Studio) -> None:
    recorder = studio.record([MIC])
    until(lambda: bool(studio.opened), 5, what="a device")
    recorder.edit(monotonic_ns(), graph_of("a system-audio\nmic track < a"), {"a": "speakers.monitor"})
    until(lambda: len(studio.opened) == 2 and studio.opened[0].closed, 10, what="the other device alone")
    assert not studio.opened[1].closed
    until(lambda: (recorder.statistics()[0][0].device) == "speakers.monitor", 5, what="its name in the statistics")


def test_a_graph_that_cannot_be_made_leaves_the_recording_as_it_was(studio: Studio) -> None:
    start_ns = monotonic_ns()
    recorder = studio.record([MIC], start_ns=start_ns)
    with pytest.raises(RequestRejected):
        recorder.edit(
            monotonic_ns(), graph_of('a system-audio\nf file : path = "/none.wav"\nmic track < f\nk null < a'), {}
        )
    wait_for(start_ns + 700 * MS)
    recorder.stop(start_ns + 700 * MS)
    studio.assert_covered("mic", 0, 700 * MS)
    assert len(studio.opened) == 1


def test_levels_are_told_for_each_100_ms_while_somebody_watches(studio: Studio) -> None:
    board = LevelBoard()
    start_ns = monotonic_ns()
    order = structs.replace(start_order([FLAC_MIC], start_ns=start_ns), graph=graph_of(STEADY))
    recorder = studio.start(order, board)
    wait_for(start_ns + 500 * MS)
    assert board.take() == []
    board.wanted = True
    wait_for(start_ns + 1500 * MS)
    moments = board.take()
    assert 7 <= len(moments) <= 11
    assert {later.at_ns - earlier.at_ns for earlier, later in pairwise(moments)} == {100 * MS}
    assert all(moment.levels[0].peak_db[0] == pytest.approx(-6, abs=0.1) for moment in moments)
    described = recorder.describe()
    assert {node.name for node in described.nodes} == {"mic-in", "volume", "meter", "mic", "levels"}
    assert all(node.blocks > 0 and node.took_p99_ms >= node.took_p50_ms for node in described.nodes)
    assert len(described.edges) == 4
    assert described.levels[0].node == "meter"
    assert described.latency is not None
    assert 50 < described.latency.p50_ms <= described.latency.p99_ms < 1000
