"""One recording through changes of resolution and crashes of the X server, as a person meets them in a day."""

import os
from pathlib import Path

import pytest

from tests.daemon.capture.canvas import BLUE, GREEN, Canvas
from tests.support import media
from tests.support.desk import Monitor, VirtualDesk, desk_environment
from tests.support.installation import Installation
from tests.support.monitors import remove_monitor, set_resolution
from tests.support.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.paired]

SIZES = ((1024, 600), (800, 600), (1280, 720), (640, 480), (720, 720))


def wait_for_media(installation: Installation, more_s: float) -> None:
    """Until the picture has come so much further."""

    def media_s() -> float:
        return max((float(track["media_s"]) for track in installation.ok("stats")["tracks"]), default=0.0)

    goal_s = media_s() + more_s
    until(lambda: media_s() >= goal_s, 10, what="a recording that goes on")


@pytest.mark.long
def test_five_resolutions_and_two_dead_servers_are_one_session_that_plays_to_its_end(tmp_path: Path) -> None:
    """Harm: a projector, or a crash of the desktop, ends the recording or leaves a file that stops in the middle."""
    only = Monitor("ONLY", 0, 0, 1280, 720)
    # A name that no other server takes while this one is dead.
    with (
        VirtualDesk(monitors=(only,), display=f":{60_000 + os.getpid() % 5_000}") as desk,
        desk_environment(desk),
        Installation(desk.env) as installation,
    ):
        remove_monitor(desk, "ONLY")  # then the whole screen is the one monitor, whatever its size
        installation.start_daemon()
        session = installation.ok("start", "--display", "screen", "--mic", "none", "--system-audio", "none")["session"]
        with Canvas(0, 0, 1280, 720, GREEN) as canvas:
            for width, height in SIZES:
                set_resolution(desk, width, height)
                canvas.fill(BLUE, [(100, 60, 200, 200)])
                wait_for_media(installation, 0.5)
        for last in (False, True):
            desk.kill_display()
            wait_for_media(installation, 1.0)
            gaps = len(installation.ok("show", session)["gaps"])
            desk.start_display()
            remove_monitor(desk, "ONLY")
            with Canvas(0, 0, 1280, 720, GREEN):
                until(lambda known=gaps: len(installation.ok("show", session)["gaps"]) > known, 8, what="a gap's end")  # type: ignore[misc]
                wait_for_media(installation, 1.5)
                stopped = installation.ok("stop") if last else None
        assert stopped is not None
        assert [gap["reason"] for gap in stopped["gaps"]] == ["device-lost"] * 2
        assert installation.ok("verify", session)["ok"]
        path = tmp_path / "film.mp4"
        installation.ok("export", session, "-o", str(path))
    shown = list(media.frames(path))
    assert {frame.rgb.shape for frame in shown} == {(720, 1280, 3)}
    assert media.duration_s(path) == pytest.approx(stopped["duration_s"], abs=0.1)
    # Beside the pointer, which stands in the middle.
    assert shown[-1].rgb[10, 10, 1] > 128
