"""Harm guarded against: a mix made anew that is not the mix that was heard, or begins elsewhere, or loses frames."""

from collections.abc import Iterator

import numpy as np
import pytest

from reeld.audio.samples import RATE, Samples
from reeld.export.remix import RemixSource
from reeld.store import automation
from reeld.store.reader import StoreReader
from reeld_proto.errors import RequestRejected
from reeld_proto.sound_graph import SoundChange, SoundCodec, SoundGraph
from reeld_proto.workers import RecordAutomation
from tests.daemon.audio.fakes import tone
from tests.daemon.audio.graph.samples import graph_of
from tests.daemon.export.recording import Recording

END_S = 12
MIC, SYSTEM = tone(600, 0, END_S * RATE, 0.25), tone(1000, 0, END_S * RATE, 0.125)
PLAIN = """
    mic-in microphone
    system-in system-audio
    mic-volume volume < mic-in
    mix-bus mixer < mic-volume system-in : limit = false
    mix track < mix-bus
    mic track < mic-in
    system track < system-in
"""


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    """Twelve seconds of two lossless tracks; the microphone is muted from 4 to 6 s, another graph from 9 s on."""
    made = Recording.new(tmp_path_factory.mktemp("remix") / "store")
    # Whole numbers of 24 bits, as the codec keeps them.
    for track, samples in (("mic", MIC), ("system", SYSTEM), ("mix", MIC)):
        made.samples(samples, codec=SoundCodec.FLAC, track=track)
    with made.store.write() as txn:
        automation.put_graph(txn, made.session, 0, graph_of(PLAIN))
        for at_s, muted in ((4, True), (6, False)):
            change = SoundChange(node="mic-volume", setting="muted", value=muted)
            order = RecordAutomation(session=made.session, media_ns=at_s * 10**9, changes=[change])
            automation.record_changes(txn, order)
        automation.put_graph(txn, made.session, 9 * 10**9, louder())
    made.finish(float(END_S))
    yield made
    made.store.close()


def louder() -> SoundGraph:
    return graph_of(PLAIN.replace("volume < mic-in", "volume < mic-in : gain_db = -20.0"))


def remix(talk: Recording, start_s: float = 0.0, length_s: float = END_S, *changes: SoundChange) -> Samples:
    source = RemixSource(StoreReader(talk.store), talk.session, "mix", round(start_s * 1e9), changes)
    parts = [source.read(frames) for frames in (100, 1, round(length_s * RATE) - 101)]
    assert source.skipped == 0
    return np.concatenate(parts)


def near(found: Samples, expected: Samples, tolerance: float = 1e-6) -> bool:
    return bool(np.abs(found - expected).max() < tolerance)


def test_it_is_what_was_heard_change_by_change_and_graph_by_graph(talk: Recording) -> None:
    found = remix(talk)
    s = RATE
    both = MIC + SYSTEM
    ramp = RATE // 50  # 20 ms
    assert near(found[: 4 * s], both[: 4 * s])
    assert near(found[4 * s + ramp : 6 * s], SYSTEM[4 * s + ramp : 6 * s])
    assert near(found[6 * s + ramp : 9 * s], both[6 * s + ramp : 9 * s])
    assert near(found[9 * s :], (0.1 * MIC + SYSTEM)[9 * s :])


@pytest.mark.parametrize("start_s", [0.5, 3.999, 4.5, 8.9, 11.0])
def test_a_range_is_the_same_frames_of_the_whole(talk: Recording, start_s: float) -> None:
    whole = remix(talk)
    first = round(start_s * RATE)
    length = min(RATE, END_S * RATE - first)
    assert near(remix(talk, start_s, length / RATE), whole[first : first + length])


def test_a_setting_that_is_asked_for_holds_from_beginning_to_end(talk: Recording) -> None:
    found = remix(talk, 0.0, 9.0, SoundChange(node="mic-volume", setting="muted", value=False))
    assert near(found, (MIC + SYSTEM)[: 9 * RATE])
    quiet = remix(talk, 0.0, END_S, SoundChange(node="mic-volume", setting="gain_db", value=-120.0))
    assert near(quiet, SYSTEM, 1e-5)


def test_beyond_the_end_there_is_silence(talk: Recording) -> None:
    source = RemixSource(StoreReader(talk.store), talk.session, "mix", (END_S - 1) * 10**9)
    found = source.read(3 * RATE)
    assert found.shape == (3 * RATE, 2)
    assert not found[RATE + 10 :].any()


def test_a_value_that_a_setting_cannot_have_is_refused(talk: Recording) -> None:
    with pytest.raises(RequestRejected, match="gain_db"):
        remix(talk, 0.0, 1.0, SoundChange(node="mic-volume", setting="gain_db", value=900.0))
    with pytest.raises(RequestRejected, match="volum"):
        remix(talk, 0.0, 1.0, SoundChange(node="mic-volume", setting="volum", value=1.0))
