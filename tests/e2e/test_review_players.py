"""The playlists in players that people have, while a recording goes on and after it. Harm guarded against: an address
for mpv, VLC or ffmpeg behind which a player shows nothing, stops early, or gives up on what is being recorded."""

import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.test_review import Visitor, play_url
from tests.support.desk import ONE_MONITOR, VirtualDesk
from tests.support.installation import Installation
from tests.support.wait import until

pytestmark = [pytest.mark.long, pytest.mark.paired, pytest.mark.slow, pytest.mark.timeout(120)]

RECORDED_S = 6.0
WATCHED_S = 3.0


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with VirtualDesk(monitors=ONE_MONITOR, sound=True) as desk, Installation(desk.env) as installation:
        installation.start_daemon()
        yield installation


def address(installation: Installation, session: str) -> str:
    visitor = Visitor(int(re.findall(r":(\d+)/", installation.ok("review")["url"])[0]))
    visitor.enter(installation.ok("review")["url"])
    return play_url(visitor, session)


def ffmpeg(url: str, *words: str) -> tuple[int, int, float]:
    """Frames of pictures, packets of sound, and where the last picture is."""
    command = ("ffmpeg", "-nostdin", "-v", "error", "-live_start_index", "0", *words, "-i", url)
    rows = run(*command, "-map", "0:v:0", "-map", "0:a:0", "-f", "framecrc", "-").splitlines()
    pictures = [int(row.split(",")[2]) for row in rows if row.startswith("0,")]
    (base,) = re.findall(r"#tb 0: (\d+)/(\d+)", "\n".join(rows))
    return len(pictures), sum(row.startswith("1,") for row in rows), pictures[-1] * int(base[0]) / int(base[1])


def mpv(url: str, *words: str) -> tuple[str, float]:
    """Size of the picture and where playing ended."""
    quiet = ("--no-config", "--vo=null", "--ao=null", "--untimed", "--no-input-terminal", "--load-scripts=no")
    says = ("--term-playing-msg=SIZE ${width}x${height}", "--term-status-msg=AT ${=time-pos} ")
    out = run("mpv", *quiet, *says, *words, url)
    return re.findall(r"SIZE (\S+)", out)[0], float(re.findall(r"AT ([\d.]+)", out)[-1])


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ})
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout + done.stderr


def test_players_play_what_is_being_recorded_and_what_was(installation: Installation) -> None:
    session = installation.ok("start", "--test-pattern", "640x480", "--fps", "30")["session"]
    until(lambda: installation.elapsed_s() >= RECORDED_S, 30, what="some seconds of it")
    url = address(installation, session)
    frames, packets, last_s = ffmpeg(url, "-t", str(WATCHED_S))
    assert frames > WATCHED_S * 20  # a busy machine may drop some; below each that was recorded is counted
    assert packets > WATCHED_S * 20
    assert last_s == pytest.approx(WATCHED_S, abs=0.2)
    assert mpv(url, f"--length={WATCHED_S}", "--demuxer-lavf-o=live_start_index=0")[0] == "640x480"
    installation.ok("stop")
    shown = installation.ok("show", session)
    recorded = {track["id"]: track for track in shown["tracks"]}
    frames, packets, last_s = ffmpeg(url)
    assert frames == recorded["video-1"]["frames"]
    assert packets == recorded["mix"]["frames"]
    assert last_s == pytest.approx(shown["duration_s"], abs=0.3)
    size, ended_s = mpv(url)
    assert size == "640x480"
    assert ended_s == pytest.approx(shown["duration_s"], abs=0.7)
