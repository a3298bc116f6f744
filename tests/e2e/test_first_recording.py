"""The whole path: two monitors, two sounds, a pause, an export. Harm guarded against: a file whose size looks right
and whose picture, sound or time is not what was there."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import MIC_HZ, SPEAKERS_HZ, Stage
from tests.support import media
from tests.support.desk import VirtualDesk
from tests.support.installation import Installation

FIRST_S, PAUSED_S, SECOND_S = 12.0, 3.0, 5.0
pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(240)]


def hold(seconds: float) -> None:
    """Let the recording run: here the passing of time is what is tested."""
    time.sleep(seconds)


@pytest.fixture(scope="module")
def recording(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Once for all tests: 12 s with a flash and a beep near the start, a pause of 3 s, 5 s with another pair."""
    path = tmp_path_factory.mktemp("export") / "session.mp4"
    with Installation(stage.desk.env) as installation:
        installation.start_daemon()
        words = ["start", "--display", "all", "--layout", "tracks", "--fps", "30", "--name", "two"]
        words += ["--mic", "virtual_mic", "--system-audio", "speakers.monitor"]
        started = installation.ok(*words)
        began = time.monotonic()
        hold(1.5)
        stage.flash_and_beep()
        hold(FIRST_S - (time.monotonic() - began))
        paused = installation.ok("pause")
        status = installation.ok("status")
        hold(PAUSED_S)
        installation.ok("resume")
        resumed = time.monotonic()
        hold(1.5)
        stage.flash_and_beep()
        hold(SECOND_S - (time.monotonic() - resumed))
        stopped = installation.ok("stop")
        exported = installation.ok("export", started["session"], "-o", str(path))
        part = path.with_name("part.mp4")
        part_result = installation.ok("export", started["session"], "-o", str(part), "--from", "5", "--to", "9.5")
        return {
            "started": started,
            "paused": paused,
            "status": status,
            "stopped": stopped,
            "exported": exported,
            "verify": installation.ok("verify"),
            "verify_one": installation.ok("verify", started["session"]),
            "show": installation.ok("show", started["session"]),
            "sessions": installation.ok("sessions"),
            "path": path,
            "looks": [media.looks(path, 0), media.looks(path, 1)],
            "part_looks": media.looks(part, 0),
            "sound": [media.samples(path, index)[:, 0] for index in range(3)],
            "part": part,
            "part_result": part_result,
            "log": installation.log,
        }


def test_start_tells_the_session_and_how_soon_the_first_frame_came(recording: Any) -> None:
    assert recording["started"]["state"] == "active"
    assert 0 < recording["started"]["first_frame_ms"] < 1000
    assert recording["paused"]["state"] == "paused"
    assert recording["status"]["session"]["state"] == "paused"


def test_duration_is_the_recorded_time_and_the_pause_is_closed_up(recording: Any) -> None:
    stated = recording["stopped"]["duration_s"]
    # reelctl itself takes a moment before each order reaches the daemon.
    assert FIRST_S + SECOND_S <= stated <= FIRST_S + SECOND_S + 3
    assert recording["exported"]["duration_s"] == pytest.approx(stated, abs=0.2)
    assert media.duration_s(recording["path"]) == pytest.approx(stated, abs=0.2)
    assert recording["exported"]["bytes"] == recording["path"].stat().st_size


def test_tracks_are_pictures_then_the_mix_and_the_separate_sounds(recording: Any) -> None:
    assert media.streams(recording["path"]) == ["video", "video", "audio", "audio", "audio"]
    ids = [track["id"] for track in recording["stopped"]["tracks"]]
    assert ids == ["video-1", "video-2", "mix", "mic", "system"]


@pytest.mark.parametrize(("index", "heard", "not_heard"), [(1, MIC_HZ, SPEAKERS_HZ), (2, SPEAKERS_HZ, MIC_HZ)])
def test_each_separate_track_holds_its_own_tone_alone(
    recording: Any, index: int, heard: float, not_heard: float
) -> None:
    sound = recording["sound"][index]
    # Between the flashes and their beeps.
    stretch = sound[5 * media.RATE : 11 * media.RATE]
    assert media.tone_level_db(stretch, heard) == pytest.approx(-14, abs=2)
    assert media.tone_level_db(stretch, not_heard) < -60


def test_the_mix_holds_both_tones(recording: Any) -> None:
    stretch = recording["sound"][0][5 * media.RATE : 11 * media.RATE]
    assert media.tone_level_db(stretch, MIC_HZ) > -22
    assert media.tone_level_db(stretch, SPEAKERS_HZ) > -22


@pytest.mark.parametrize("index", [0, 1, 2])
def test_no_sound_is_missing_in_the_middle(recording: Any, index: int) -> None:
    sound = recording["sound"][index]
    block = media.RATE // 10
    stretch = sound[4 * media.RATE : int((recording["stopped"]["duration_s"] - 0.5) * media.RATE)]
    loudness = [abs(stretch[at : at + block]).max() for at in range(0, len(stretch) - block, block)]
    assert min(loudness) > 0.05


def test_every_frame_shows_what_the_screen_showed_at_that_instant(recording: Any) -> None:
    gap = recording["stopped"]["gaps"][0]
    paused_at_s, paused_s = gap["media_start_s"], gap["end_s"] - gap["start_s"]
    for stream in (0, 1):
        offsets, previous = [], -1.0
        for shown in recording["looks"][stream]:
            assert shown.at_s > previous
            previous = shown.at_s
            if shown.stamp_ms is not None:
                offsets.append((shown.at_s, shown.stamp_ms / 1000 - shown.at_s))
        # A frame's time is a multiple of 1/90000 s: the first one after the pause may be stated some us before it.
        before = [offset for at_s, offset in offsets if at_s < paused_at_s - 0.001]
        after = [offset for at_s, offset in offsets if at_s >= paused_at_s - 0.001]
        assert len(before) > (FIRST_S - 1) * 25
        assert len(after) > (SECOND_S - 1) * 20
        # The clock on the screen runs with the recording, and the pause is the only jump between them. The first
        # picture of each part is grabbed a moment later than it is shown.
        for part in (before, after):
            assert max(part[5:]) - min(part) < 0.1, (stream, max(part[5:]) - min(part))
            assert max(part[:5]) - min(part) < 0.3
        assert min(after) - min(before) == pytest.approx(paused_s, abs=0.1)


BALL = (255, 208, 64)


def _strangeness(corner: tuple[float, float, float], tint: tuple[int, int, int]) -> float:
    """How far a colour is from every mixture of a monitor's own tint with the ball, which may cover a part of it."""
    way = [ball - own for ball, own in zip(BALL, tint, strict=True)]
    off = [seen - own for seen, own in zip(corner, tint, strict=True)]
    covered = min(1.0, max(0.0, sum(a * b for a, b in zip(way, off, strict=True)) / sum(a * a for a in way)))
    return max(abs(a - covered * b) for a, b in zip(off, way, strict=True))


def test_a_monitors_tint_is_told_from_the_others() -> None:
    left, right = (32, 64, 96), (96, 48, 32)
    assert _strangeness((95, 104, 87), left) < 12  # a part of the ball
    assert _strangeness(right, left) > 30
    assert _strangeness(left, right) > 30


def test_no_frame_mixes_two_monitors(recording: Any) -> None:
    for stream, tint in ((0, (32, 64, 96)), (1, (96, 48, 32))):
        painted = [shown.corner for shown in recording["looks"][stream] if not shown.white]
        assert painted
        for corner in painted:
            assert _strangeness(corner, tint) < 12, corner


def test_a_flash_and_a_beep_stay_together_at_start_and_end(recording: Any) -> None:
    flashes = media.flashes_s(recording["looks"][0])
    beeps = media.onsets_s(recording["sound"][2], 4000.0)
    assert len(flashes) == len(beeps) == 2
    offsets_ms = [(beep - flash) * 1000 for flash, beep in zip(flashes, beeps, strict=True)]
    assert all(abs(offset) <= 40 for offset in offsets_ms), offsets_ms


def test_chunks_and_gaps_cover_the_session_and_only_the_pause_is_a_gap(recording: Any) -> None:
    assert recording["verify"]["ok"], recording["verify"]
    assert recording["verify_one"]["ok"]
    assert recording["verify"]["checked_chunks"] > 5 * 12
    gaps = recording["stopped"]["gaps"]
    assert {gap["reason"] for gap in gaps} == {"paused"}
    assert sorted(gap["track"] for gap in gaps) == sorted(track["id"] for track in recording["stopped"]["tracks"])
    # reelctl itself takes a moment before each order reaches the daemon.
    assert all(PAUSED_S <= gap["end_s"] - gap["start_s"] < PAUSED_S + 3 for gap in gaps)
    assert recording["show"]["gaps"] == gaps


def test_the_session_is_listed_as_completed(recording: Any) -> None:
    (listed,) = recording["sessions"]
    assert (listed["name"], listed["state"]) == ("two", "completed")
    assert listed["bytes"] > 0


def test_hardly_a_frame_was_dropped(recording: Any) -> None:
    """Two cores draw, play and record everything here, and workers start; `make bench` wants none dropped."""
    video = [track for track in recording["stopped"]["tracks"] if track["kind"] == "video"]
    assert sum(track["dropped"] for track in video) <= 0.01 * sum(track["frames"] for track in video)


def test_a_range_begins_and_ends_where_it_was_asked(recording: Any) -> None:
    assert recording["part_result"]["duration_s"] == pytest.approx(4.5, abs=0.05)
    expected = next(look for look in recording["looks"][0] if look.at_s >= 5).stamp_ms
    got = next(look for look in recording["part_looks"] if look.at_s >= 0).stamp_ms
    assert expected is not None
    assert got is not None
    assert abs(expected - got) <= 70


def test_nothing_was_logged_as_an_error(recording: Any) -> None:
    assert '"level": "error"' not in recording["log"]


@pytest.mark.long
def test_one_still_monitor_is_small_and_has_no_gap(tmp_path: Path, x_desk: VirtualDesk) -> None:
    """An idle hour must stay under 5 MB: here some seconds of it."""
    with Installation(x_desk.env) as installation:
        installation.start_daemon()
        installation.ok("start", "--display", "LEFT", "--mic", "none", "--system-audio", "none")
        hold(6)
        stopped = installation.ok("stop")
        (track,) = stopped["tracks"]
        assert len(installation.ok("snapshots", stopped["session"])) == 1
        assert stopped["gaps"] == []
        # Without the first key frame, which is paid once.
        assert (track["bytes"] - 20_000) / stopped["duration_s"] * 3600 < 5e6
        exported = installation.ok("export", stopped["session"], "-o", str(tmp_path / "still.mp4"))
        assert exported["duration_s"] == pytest.approx(stopped["duration_s"], abs=0.1)
        assert installation.ok("verify")["ok"]
