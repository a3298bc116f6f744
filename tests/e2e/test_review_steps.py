"""One recording from beginning to end by command and browser, on two displays. Harm guarded against: a product of which
every part works and the whole does not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld_proto.records import Layout
from tests.e2e.conftest import start_on
from tests.support.media import duration_s, streams
from tests.support.review_stage import ReviewStage, review_stage
from tests.support.wait import until

pytestmark = [pytest.mark.paired, pytest.mark.slow, pytest.mark.timeout(120)]

TINTS = {"LEFT": (32, 64, 96), "RIGHT": (96, 48, 32)}
# The browser itself is on the left display, in its upper left.
COLOURS = """(() => {
  const video = document.querySelector("video");
  const canvas = new OffscreenCanvas(8, 4);
  const paint = canvas.getContext("2d");
  paint.drawImage(video, 0, 0, 8, 4);
  return [[3, 2], [6, 2]].map(([x, y]) => [...paint.getImageData(x, y, 1, 1).data].slice(0, 3));
})()"""


@pytest.fixture(scope="module")
def stage() -> Iterator[ReviewStage]:
    with review_stage() as stage:
        for place, name in ((0, "LEFT"), (1920, "RIGHT")):
            tint = ",".join(map(str, TINTS[name]))
            start_on(stage.desk, "painter", "--at", f"{place},0,1920,1080", "--tint", tint)
        yield stage


def test_sixteen_steps_from_an_empty_list_to_a_grid_of_both_displays(stage: ReviewStage, tmp_path: Path) -> None:
    # 1: the list is open. 2: the sources are seen. 3: two displays are chosen.
    seat = stage.seat()
    assert "Nothing was recorded yet" in seat.page.inner_text("#news")
    displays = [each["id"] for each in stage.installation.ok("sources")["displays"]]
    assert displays == ["LEFT", "RIGHT"]
    # 4: layouts are offered. 5: grid is chosen.
    offered = stage.installation.ctl("start", "--layout", "?")
    assert offered.code == 2
    assert all(layout in offered.out for layout in Layout)
    # 6: it starts. 7: the page shows it.
    chosen = [word for display in displays for word in ("--display", display)]
    session = stage.installation.ok("start", "--name", "Both", *chosen, "--layout", "grid")["session"]
    until(lambda: seat.page.get_attribute("#live", "data-state") == "active", 10, what="a running session on the page")
    # 8: frame counts rise. 9: the drop rate shows.
    frames = until(lambda: _frames(seat.page.inner_text("#live")), 10, what="frames on the page")
    until(lambda: _frames(seat.page.inner_text("#live")) > frames + 20, 10, what="more frames on the page")
    assert "% dropped" in seat.page.inner_text("#live")
    # 10: it stops. 11: the file is there.
    stopped = stage.installation.ok("stop")
    assert stopped["session"] == session
    exported = tmp_path / "both.mp4"
    stage.installation.ok("export", session, "-o", str(exported))
    assert streams(exported)[0] == "video"
    assert duration_s(exported) > 1
    # 12: the session names its video. 13: it is in the list as completed.
    (video,) = [track for track in stage.installation.ok("show", session)["tracks"] if track["kind"] == "video"]
    assert video["label"] == "LEFT + RIGHT"
    until(lambda: seat.page.locator(f".row[data-session='{session}'] .state").count(), 10, what="its row")
    until(lambda: seat.page.inner_text(".row .state") == "completed", 10, what="a completed session in the list")
    # 14: its detail opens. 15: the video plays.
    seat.page.click(f".row[data-session='{session}']")
    until(lambda: seat.view("conductor?.isSettled"), 10, what="its first picture")
    assert "LEFT + RIGHT (h264)" in seat.page.inner_text(".about")
    seat.page.click(".play")
    until(lambda: seat.view("player.position") > 0.5, 10, what="a video that plays")
    # 16: the picture shows both displays in a grid.
    for seen, tint in zip(seat.view(COLOURS), TINTS.values(), strict=True):
        assert all(abs(one - other) < 16 for one, other in zip(seen, tint, strict=True)), (seen, tint)
    seat.close()


def _frames(text: str) -> int:
    words = text.split()
    return int(words[words.index("frames") - 1]) if "frames" in words else 0
