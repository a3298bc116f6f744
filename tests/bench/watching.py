"""What a person waits for on the review page, in a real browser: pictures, seeks, frames of list and timeline."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import psutil
from playwright.sync_api import Browser

from tests.bench.measure import percentile
from tests.support.browser import Seat
from tests.support.wait import until

FRAME_MS = 17.5
"""A frame at 60 Hz, and what clocks round; one that takes longer missed its turn."""
TWO_FRAMES_MS = 34.0

_WATCH_FOR_A_PICTURE = """
  addEventListener("readystatechange", () => {
    const watch = new MutationObserver(() => {
      const video = document.querySelector("video");
      if (!video || window.firstPictureMs !== undefined) return;
      window.firstPictureMs = 0;
      watch.disconnect();
      video.requestVideoFrameCallback(() => (window.firstPictureMs = performance.now()));
    });
    watch.observe(document, { childList: true, subtree: true });
  }, { capture: true, once: true });
"""

_SEEKS = """async ([count, inside, from, to, numbers]) => {
  const { player } = document.querySelector("reeld-session");
  const video = player.querySelector("video");
  const kept = (at) => {
    for (let index = 0; index < video.buffered.length; index += 1) {
      if (at > video.buffered.start(index) - 0.5 && at < video.buffered.end(index) + 0.5) {
        return at > video.buffered.start(index) + 0.2 && at < video.buffered.end(index) - 0.2 ? 1 : 0;
      }
    }
    return -1;
  };
  const took = [];
  for (const number of numbers) {
    if (took.length === count) break;
    let at = from + number * (to - from);
    if (inside) {
      const last = video.buffered.length - 1;
      at = video.buffered.start(last) + 0.3 + number * (video.buffered.end(last) - video.buffered.start(last) - 0.6);
    }
    if (kept(at) !== (inside ? 1 : -1) || Math.abs(at - video.currentTime) < 0.2) continue;
    const begun = performance.now();
    const shown = new Promise((resolve) => {
      const look = (now, frame) =>
        Math.abs(frame.mediaTime - at) < 0.1 ? resolve() : video.requestVideoFrameCallback(look);
      video.requestVideoFrameCallback(look);
    });
    player.seek(at);
    await shown;
    while (!player.conductor.isSettled) await new Promise((resolve) => setTimeout(resolve, 1));
    took.push(performance.now() - begun);
    // What is fetched meanwhile is not measured with the next one.
    if (inside) await new Promise((resolve) => setTimeout(resolve, 30));
  }
  return took;
}"""

_FRAMES = """async ([ms, work]) => {
  const view = document.querySelector("#sessions");
  const { timeline } = document.querySelector("reeld-session") ?? {};
  const works = {
    nothing: () => {},
    read: () => (view.scrollTop += 60),
    list: (share) => (view.scrollTop = share * (view.scrollHeight - view.clientHeight)),
    timeline: (share) => {
      timeline.zoom(Math.sin(share * 12.5) > 0 ? 0.95 : 1 / 0.95, timeline.manifest.duration * (0.3 + 0.4 * share));
      timeline.pan((timeline.view[1] - timeline.view[0]) * 0.01);
    },
  };
  const next = () => new Promise(requestAnimationFrame);
  await next();
  const begun = await next();
  const took = [];
  for (let last = begun, now; last - begun < ms; last = now) {
    works[work]((last - begun) / ms);
    now = await next();
    took.push(now - last);
  }
  return took;
}"""

_DRAWN = """() => {
  const { timeline } = document.querySelector("reeld-session");
  timeline.view = [0, timeline.manifest.duration];
  const took = [];
  for (let round = 0; round < 30; round += 1) {
    const begun = performance.now();
    timeline.drawNow();
    took.push(performance.now() - begun);
  }
  return took;
}"""


@dataclass(frozen=True)
class Frames:
    """How long frames took, in milliseconds."""

    took_ms: Sequence[float]

    def p(self, share: float) -> float:
        """A percentile."""
        return percentile(self.took_ms, share)

    def late(self, than_ms: float = FRAME_MS) -> float:
        """The share of frames, in per cent, that took longer."""
        return 100 * sum(each > than_ms for each in self.took_ms) / len(self.took_ms)

    def __str__(self) -> str:
        slow = f"{self.late():.0f} % late, {self.late(TWO_FRAMES_MS):.0f} % by two"
        return f"p50 {self.p(0.5):.1f} p95 {self.p(0.95):.1f} ms, {slow}"


def first_pictures(browser: Browser, address: str, visit: Any, rounds: int) -> list[float]:
    """From the navigation to the first decoded picture, each time with empty caches. visit: what lets a browser in.

    The browser has a tab open already: starting the process of one is no work of the page.
    """
    took = []
    for _ in range(rounds):
        seat = Seat(browser, storage_state=visit)
        seat.page.goto(urljoin(address, "/icon.svg"))
        seat.page.add_init_script(_WATCH_FOR_A_PICTURE)
        seat.page.goto(address)
        took.append(until(lambda seat=seat: seat.page.evaluate("window.firstPictureMs"), 20, what="a picture"))  # type: ignore[misc]
        seat.close()
    return took


def seeks(seat: Seat, count: int, *, inside: bool) -> list[float]:
    """Milliseconds until the picture of a time is shown and all tracks are there. inside: of what is in the buffer."""
    chance = random.Random(5)
    numbers = [chance.random() for _ in range(4 * count)]
    length_s = seat.view("view.manifest.duration")
    took: list[float] = seat.page.evaluate(_SEEKS, [count, inside, 0.5, length_s - 1.0, numbers])
    assert len(took) >= count // 2, took
    return took


def frames(seat: Seat, seconds: float, work: str) -> Frames:
    """Intervals of animation frames while `work` (`nothing`, `read`, `list`, `timeline`) changes something in each."""
    return Frames(seat.page.evaluate(_FRAMES, [seconds * 1000, work]))


def drawing_ms(seat: Seat) -> list[float]:
    """The whole timeline at once, without what the browser does with it afterwards."""
    took: list[float] = seat.page.evaluate(_DRAWN)
    return took


@dataclass(frozen=True)
class Weight:
    """Memory of a page: its JavaScript objects, and all of its process."""

    heap_bytes: int
    pss_bytes: int


def weight(seat: Seat) -> Weight:
    """After what is garbage was collected."""
    session = seat.page.context.new_cdp_session(seat.page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return Weight(int(metrics["JSHeapUsedSize"]), max(map(_pss_bytes, _renderers())))


def _renderers() -> list[psutil.Process]:
    below = psutil.Process().children(recursive=True)
    return [each for each in below if "--type=renderer" in each.cmdline()]


def _pss_bytes(process: psutil.Process) -> int:
    return int(process.memory_full_info().pss)
