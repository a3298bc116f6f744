"""Sound from end to end, through reelctl. Harm guarded against: a sample lost, changed or shifted on its way."""

import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reeld.audio.codecs.file_sinks import wav_sink
from reeld_client import Client
from reeld_proto.events import LevelsMeasured
from reeld_proto.sound_graph import SampleFormat
from tests.daemon.audio.fakes import counting, numbers, tone
from tests.daemon.audio.harness import Player
from tests.daemon.audio.sounds import ffmpeg_decoded
from tests.support.desk import ONE_MONITOR, VirtualDesk
from tests.support.installation import Installation
from tests.support.media import RATE, tone_level_db

pytestmark = [pytest.mark.slow, pytest.mark.paired]

SOUND_ONLY = ("--display", "none", "--no-snapshots")
EXACT_SINK = (
    "module-null-sink",
    "sink_name=exact",
    "format=float32le",
    f"rate={RATE}",
    "channels=2",
)
METERS = {"mic-meter", "system-meter", "mix-meter"}
BLOCK_FRAMES = 4800
"""What a device delivers at once."""


@pytest.fixture(scope="module")
def desk() -> Iterator[VirtualDesk]:
    with VirtualDesk(monitors=ONE_MONITOR, sound=True) as made:
        made.run("pactl", "load-module", *EXACT_SINK)
        yield made


@pytest.fixture(scope="module")
def reel(desk: VirtualDesk) -> Iterator[Installation]:
    with Installation(desk.env) as installation:
        installation.start_daemon()
        yield installation


@pytest.fixture(autouse=True)
def nothing_is_left_recording(reel: Installation) -> Iterator[None]:
    """One test's failure is not the next one's."""
    yield
    if reel.ok("status")["session"] is not None:
        reel.ok("stop")


def written(path: Path, sound: "np.ndarray[Any, np.dtype[np.float32]]") -> Path:
    """A WAV file of 24 bits."""
    sink = wav_sink(path, SampleFormat.I24, replace=True)
    sink.write(sound)
    sink.finish()
    sink.close()
    return path


def exported(reel: Installation, session: str, path: Path, *words: str) -> "np.ndarray[Any, np.dtype[np.float32]]":
    reel.ok("export", session, "-o", str(path), *words)
    return ffmpeg_decoded(path)


@pytest.mark.parametrize("seconds", [0.3, 1.0, pytest.param(10.01, marks=pytest.mark.long)])
def test_a_counting_signal_comes_back_bit_for_bit_up_to_the_stop(
    seconds: float, reel: Installation, tmp_path: Path
) -> None:
    source = written(tmp_path / "count.wav", counting(0, 14 * RATE))
    graph = tmp_path / "graph.toml"
    graph.write_text(
        f"""
        [[nodes]]
        name = "play"
        type = "file"
        path = "{source}"
        [[nodes]]
        name = "exact"
        type = "track"
        inputs = ["play"]
        codec = "flac"
        """
    )
    reel.ok("start", *SOUND_ONLY, "--audio-graph", str(graph))
    time.sleep(seconds)  # the length of the recording is what is tried
    stopped = reel.ok("stop")
    found = exported(reel, stopped["session"], tmp_path / "out.wav", "--track", "exact")
    assert len(found) == pytest.approx(stopped["duration_s"] * RATE, abs=1)
    assert numbers(found) == list(range(len(found)))
    assert stopped["duration_s"] >= seconds
    assert reel.ok("verify", stopped["session"])["ok"]


def test_what_a_device_plays_comes_back_bit_for_bit_with_a_constant_offset(
    desk: VirtualDesk, reel: Installation, tmp_path: Path
) -> None:
    graph = tmp_path / "graph.toml"
    graph.write_text(
        """
        [[nodes]]
        name = "play"
        type = "system-audio"
        device = "exact.monitor"
        [[nodes]]
        name = "exact"
        type = "track"
        inputs = ["play"]
        codec = "flac"
        """
    )
    reel.ok("start", *SOUND_ONLY, "--audio-graph", str(graph))
    time.sleep(3)  # a device's clock is known 2 s after it was opened
    signal = counting(0, 4 * RATE)
    player = ("pacat", "--device=exact", "--raw", "--format=float32le", f"--rate={RATE}", "--channels=2")
    subprocess.run(player, env=desk.env, input=signal.tobytes(), check=True, timeout=30)
    stopped = reel.ok("stop")
    found = numbers(exported(reel, stopped["session"], tmp_path / "out.wav", "--track", "exact"))
    first = found.index(next(number for number in found if number >= 0))
    number = found[first]
    heard = found[first : first + 4 * RATE - number]
    # The server fades nothing in, but may drop what it is given before the stream runs.
    assert number < BLOCK_FRAMES
    assert heard == list(range(number, 4 * RATE)), "a sample was lost, doubled, shifted or changed"
    (track,) = stopped["tracks"]
    assert track["clock"] is None or track["clock"]["corrected_ms"] == 0


@pytest.mark.long
def test_a_mix_is_changed_while_it_is_recorded_and_made_otherwise_later(
    desk: VirtualDesk, reel: Installation, tmp_path: Path
) -> None:
    players = [Player(desk, "speakers", 1000), Player(desk, "mic_sink", 600)]
    session = reel.ok("start", *SOUND_ONLY, "--mic", "virtual_mic", "--system-audio", "speakers.monitor")["session"]
    time.sleep(3.5)
    with Client(reel.runtime) as client, client.events("levels") as events:
        seen: list[LevelsMeasured] = []
        while len(seen) < 5:
            event = events.receive(5)
            assert event is not None, "no levels"
            whole = isinstance(event, LevelsMeasured) and {level.node for level in event.levels} == METERS
            # At first a device may be behind until its clock is known; then each instant is told as a whole.
            assert whole or not seen, f"{event} is not of all meters"
            seen += [event] if isinstance(event, LevelsMeasured) and whole else []
    steps = {round(later.at_s - earlier.at_s, 3) for earlier, later in pairwise(seen)}
    assert steps == {0.1}
    muted_s = reel.ok("audio", "mute", "system")["at_s"]
    time.sleep(1.5)
    shown = reel.ok("audio", "graph")
    assert {node["name"] for node in shown["nodes"]} >= {"mic-volume", "mix-bus", "mix"}
    reel.ok("stop")
    for player in players:
        player.stop()
    told = reel.ok("timeline", session)["automation"]
    assert [(each["node"], each["setting"], each["value"]) for each in told] == [("system-volume", "muted", True)]
    mix = exported(reel, session, tmp_path / "mix.wav")
    again = exported(reel, session, tmp_path / "again.wav", "--remix")
    other = exported(reel, session, tmp_path / "other.wav", "--unmute", "system", "--mute", "mic")
    before, after = int((muted_s - 0.6) * RATE), int((muted_s + 0.05) * RATE)

    def heard(sound: "np.ndarray[Any, Any]", at: int) -> tuple[bool, bool]:
        part = sound[at : at + RATE // 2, 0]
        return tone_level_db(part, 600) > -30, tone_level_db(part, 1000) > -30

    assert heard(mix, before) == heard(again, before) == (True, True)
    assert heard(mix, after) == heard(again, after) == (True, False)
    assert heard(other, before) == heard(other, after) == (False, True)
    system = exported(reel, session, tmp_path / "system.wav", "--track", "system")
    assert heard(system, after)[1], "the track beside the mix has what was muted in it"


def test_graphs_that_make_no_sense_are_refused_with_every_fault(reel: Installation, tmp_path: Path) -> None:
    graph = tmp_path / "graph.toml"
    graph.write_text('[[nodes]]\nname = "a"\ntype = "microphon"\n[[nodes]]\nname = "t"\ntype = "track"\ninputs = ["b"]')
    for words in (("start", *SOUND_ONLY, "--audio-graph", str(graph)), ("audio", "check", str(graph))):
        result = reel.ctl(*words)
        assert result.code == 2, result.out
        assert "microphone" in result.json["error"]["message"]
    assert reel.ok("status")["session"] is None


def test_a_second_that_was_played_is_found_again_by_range(reel: Installation, tmp_path: Path) -> None:
    """Harm: a range of a sound that begins a packet early."""
    source = written(tmp_path / "tone.wav", tone(1000, 0, 8 * RATE))
    graph = tmp_path / "graph.toml"
    graph.write_text(
        f'[[nodes]]\nname = "play"\ntype = "file"\npath = "{source}"\n'
        '[[nodes]]\nname = "t"\ntype = "track"\ninputs = ["play"]\ncodec = "opus"'
    )
    reel.ok("start", *SOUND_ONLY, "--audio-graph", str(graph))
    time.sleep(3)
    session = reel.ok("stop")["session"]
    whole = exported(reel, session, tmp_path / "whole.wav")
    part = exported(reel, session, tmp_path / "part.wav", "--from", "1.2345", "--to", "2.2345")
    assert len(part) == RATE
    first = round(1.2345 * RATE)
    assert np.abs(part - whole[first : first + RATE]).max() < 1e-6
