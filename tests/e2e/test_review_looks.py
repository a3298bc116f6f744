"""How the review page looks, light and dark, and to those who do not see it. Harm guarded against: text that cannot be
read on its ground, and controls that a screen reader does not name. Its pictures are kept in `artefacts/review`, to be
looked at."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.support.browser import Seat
from tests.support.review_stage import ReviewStage, review_stage
from tests.support.wait import until

pytestmark = [pytest.mark.long, pytest.mark.paired, pytest.mark.slow, pytest.mark.timeout(120)]

FOLDER = Path(__file__).parents[2] / "artefacts" / "review"
CONTRAST_MIN = 4.5
"""Of text of ordinary size: WCAG 2.2, 1.4.3."""
WORST_CONTRAST = """() => {
  const channels = (colour) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b]
    .map((each) => each / 255)
    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, index) => sum + each * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  let worst = [99, ""];
  for (const node of document.querySelectorAll("body *")) {
    const text = [...node.childNodes].filter((each) => each.nodeType === 3).map((each) => each.data.trim()).join("");
    if (!text || !node.checkVisibility({ visibilityProperty: true })) continue;
    const [one, other] = [channels(getComputedStyle(node).color), ground(node)].map(light);
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < worst[0]) worst = [ratio, text];
  }
  return worst;
}"""
NAMELESS = """() => [...document.querySelectorAll("button, input, select, canvas, video, [role]")]
  .filter((node) => node.checkVisibility())
  .filter((node) => !(node.ariaLabel || node.labels?.length || node.textContent.trim()))
  .filter((node) => !["status", "none"].includes(node.role))
  .map((node) => node.outerHTML.slice(0, 120))"""


@dataclass
class Shown:
    stage: ReviewStage
    session: str


@pytest.fixture(scope="module")
def shown() -> Iterator[Shown]:
    with review_stage(sound=True) as stage:
        session = stage.installation.ok("start", "--name", "Lecture", "--test-pattern", "640x480")["session"]
        until(lambda: stage.installation.elapsed_s() > 2, 20, what="two seconds")
        stage.installation.ok("mark", "Definition")
        stage.installation.ok("pause")
        stage.installation.ok("resume")
        until(lambda: stage.installation.elapsed_s() > 4, 20, what="four seconds")
        stage.installation.ok("stop")
        stage.installation.ok("tag", session, "university")
        stage.installation.ok("note", session, "About the week's subject")
        yield Shown(stage, session)


def look(seat: Seat, name: str) -> "np.ndarray[Any, Any]":
    """Keep a picture of the page; its pixels."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.png"
    seat.page.screenshot(path=path)
    with av.open(str(path)) as container:
        picture: Any = next(container.decode(video=0)).to_ndarray(format="rgb24")
    return np.asarray(picture)


def is_fit(seat: Seat) -> None:
    ratio, text = seat.page.evaluate(WORST_CONTRAST)
    assert ratio >= CONTRAST_MIN, f"{text!r} has a contrast of {ratio:.1f}"
    assert seat.page.evaluate(NAMELESS) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_can_be_read_and_is_named(shown: Shown, scheme: str) -> None:
    seat = shown.stage.seat(color_scheme=scheme, reduced_motion="reduce")
    until(
        lambda: seat.page.evaluate("document.querySelector('.thumb img')?.complete"), 10, what="a picture in the list"
    )
    assert bool(look(seat, f"list-{scheme}").mean() > 128) is (scheme == "light")
    is_fit(seat)
    seat.page.get_by_role("option", name="Lecture").click()
    until(lambda: seat.view("conductor?.isSettled"), 10, what="the session")
    seat.view("(player.seek(2), view.timeline.select(1, 3), 0)")
    until(
        lambda: seat.view("conductor.isSettled && view.timeline.tiles && view.timeline.markers.length"), 10, what="all"
    )
    picture = look(seat, f"session-{scheme}")
    assert bool(picture[5:40, 600:1100].mean() > 128) is (scheme == "light")
    assert seat.page.get_by_role("slider", name="Timeline").is_visible()
    assert seat.page.get_by_role("button", name="Mute mix").is_visible()
    is_fit(seat)
    seat.page.click("[data-action=forget]")
    assert seat.page.get_by_role("dialog", name="Forget").is_visible()
    look(seat, f"dialog-{scheme}")
    is_fit(seat)
    seat.page.keyboard.press("Escape")
    seat.close()
