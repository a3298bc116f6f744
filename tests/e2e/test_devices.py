"""One recording through everything that happens to devices in a day. Harm guarded against: a track that falls silent
for good, is shorter than the session, or holds the sound of a device that nobody asked for."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tests.support import media
from tests.support.desk import SOUND_SETUP, VirtualDesk
from tests.support.installation import Installation

pytestmark = [pytest.mark.slow, pytest.mark.paired, pytest.mark.timeout(240)]

MIC_HZ, SPEAKERS_HZ, HEADSET_HZ = 700.0, 1300.0, 1900.0
BACK_S_MAX = 5.0
WATCHED_S = 5.5
"""How long each event is given: the limit, and what of it is looked at."""
AWAY_S = 2.0
LONG_AWAY_S = 5.5
"""People are told within 5 s."""
LOOK_S = 0.4
"""Looked at around the limit."""
MISLED_S_MAX = 0.5
"""Until it is noticed that the server moved a stream."""
FOREIGN_DB = -30.0
"""Half the level of the tones, well above the clicks of a player without a processor."""
PACKET_S = 1024 / media.RATE
MICROPHONE = SOUND_SETUP[-1]


@dataclass
class Day:
    """A recording at a desk with two outputs, and when what happened, in seconds of the session."""

    desk: VirtualDesk
    installation: Installation
    players: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    happened: dict[str, float] = field(default_factory=dict)

    def note(self, what: str) -> None:
        """It happened now."""
        self.happened[what] = self.installation.elapsed_s()

    def play(self) -> None:
        """A tone of its own on every sink."""
        self.desk.load_module("module-null-sink", "sink_name=headset")
        for sink, tone in (("mic_sink", MIC_HZ), ("speakers", SPEAKERS_HZ), ("headset", HEADSET_HZ)):
            words = [sys.executable, "-m", "tests.support.speaker", "--sink", sink, "--tone", str(tone)]
            player = self.desk.spawn(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            assert player.stdout is not None
            assert player.stdout.readline()
            self.players.append(player)

    def crash(self, what: str, away_s: float) -> None:
        """The sound server dies and is started again."""
        self.desk.kill_sound()
        self.note(f"{what} lost")
        hold(away_s)
        self.desk.start_sound()
        self.play()
        self.note(f"{what} back")
        hold(WATCHED_S)


def hold(seconds: float) -> None:
    """Let the recording run: here the passing of time is what is tested."""
    time.sleep(seconds)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Once for all tests: the microphone is asked for by name, what the computer plays as the default."""
    path = tmp_path_factory.mktemp("export") / "day.mp4"
    with VirtualDesk(sound=True) as desk, Installation(desk.env) as installation:
        desk.set_default("sink", "speakers")
        happening = Day(desk, installation)
        happening.play()
        installation.start_daemon()
        words = ["start", "--display", "none", "--mic", "virtual_mic", "--system-audio", "default"]
        session = installation.ok(*words)["session"]
        hold(WATCHED_S)
        happening.note("default changes")
        desk.set_default("sink", "headset")
        hold(WATCHED_S)
        devices = {track["id"]: track["device"] for track in installation.ok("stats")["tracks"]}
        happening.crash("first", LONG_AWAY_S)
        happening.note("unplugged")
        desk.unload_module(desk.module_of("source_name=virtual_mic"))
        hold(AWAY_S)
        desk.load_module(*MICROPHONE.split())
        happening.note("plugged in")
        hold(WATCHED_S)
        happening.crash("second", AWAY_S)
        stopped = installation.ok("stop")
        installation.ok("export", session, "-o", str(path))
        yield {
            "happened": happening.happened,
            "stopped": stopped,
            "devices": devices,
            "verify": installation.ok("verify", session),
            "sound": {name: media.samples(path, index)[:, 0] for index, name in enumerate(("mix", "mic", "system"))},
            "log": installation.log,
        }


def heard(sound: "np.ndarray[Any, Any]", tone_hz: float, threshold_db: float = -20.0) -> "np.ndarray[Any, Any]":
    """For each twentieth of a second whether the tone sounds in it."""
    step = media.RATE // 20
    levels = [media.tone_level_db(sound[at : at + step], tone_hz) for at in range(0, len(sound) - step + 1, step)]
    return np.array(levels) > threshold_db


@pytest.mark.parametrize(
    ("track", "tone_hz", "event"),
    [
        ("system", HEADSET_HZ, "default changes"),
        ("mic", MIC_HZ, "first back"),
        ("system", SPEAKERS_HZ, "first back"),
        ("mic", MIC_HZ, "plugged in"),
        ("mic", MIC_HZ, "second back"),
        ("system", SPEAKERS_HZ, "second back"),
        ("mix", MIC_HZ, "second back"),
        ("mix", SPEAKERS_HZ, "second back"),
    ],
)
def test_sound_is_back_within_five_seconds_and_stays(day: Any, track: str, tone_hz: float, event: str) -> None:
    begin = int((day["happened"][event] + BACK_S_MAX - LOOK_S) * 20)
    marks = heard(day["sound"][track], tone_hz)[begin : begin + int(LOOK_S * 40)]
    # A player that gets no processor for a moment leaves holes of its own.
    assert np.mean(marks) > 0.6, (event, marks)


@pytest.mark.parametrize("track", ["mix", "mic", "system"])
def test_every_track_is_as_long_as_the_session_to_a_packet(day: Any, track: str) -> None:
    assert abs(len(day["sound"][track]) / media.RATE - day["stopped"]["duration_s"]) <= PACKET_S
    assert day["stopped"]["gaps"] == []
    assert day["verify"]["ok"], day["verify"]


@pytest.mark.parametrize(("track", "tones_hz"), [("mic", [MIC_HZ]), ("system", [SPEAKERS_HZ, HEADSET_HZ])])
def test_what_was_silent_is_counted_as_silence(day: Any, track: str, tones_hz: list[float]) -> None:
    marks = np.any([heard(day["sound"][track], tone_hz, -60.0) for tone_hz in tones_hz], axis=0)
    (counted_s,) = [found["silence_s"] for found in day["stopped"]["tracks"] if found["id"] == track]
    silent_s = float(np.count_nonzero(~marks)) / 20
    assert silent_s > LONG_AWAY_S + AWAY_S
    # What an output gives before a player has begun is silence that it delivered.
    assert counted_s - 0.5 < silent_s < counted_s + 3.0


def test_no_track_holds_the_sound_of_another_device(day: Any) -> None:
    """PulseAudio moves streams to the default device when theirs vanishes, and when the default changes."""
    happened, sound = day["happened"], day["sound"]
    foreign = [
        heard(sound["mic"], SPEAKERS_HZ, FOREIGN_DB),
        heard(sound["mic"], HEADSET_HZ, FOREIGN_DB),
        heard(sound["system"], MIC_HZ, FOREIGN_DB),
        heard(sound["system"], HEADSET_HZ, FOREIGN_DB)[: int(happened["default changes"] * 20) - 1],
    ]
    assert max(np.count_nonzero(marks) / 20 for marks in foreign) <= MISLED_S_MAX


def test_people_are_told_what_was_lost_and_that_it_is_back(day: Any) -> None:
    troubles = [json.loads(line) for line in day["log"].splitlines() if '"worker.trouble"' in line]
    for track in ("mic", "system"):
        codes = [trouble["code"] for trouble in troubles if trouble["track"] == track]
        assert codes[:2] == ["device-lost", "device-back"]


def test_the_device_that_is_recorded_now_is_told(day: Any) -> None:
    assert day["devices"] == {"mix": "", "mic": "virtual_mic", "system": "headset.monitor"}
    assert "audio.default_changed" in day["log"]
    assert '"level": "error"' not in day["log"]
