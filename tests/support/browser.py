"""Chromium on a desk, as a person has it: on a real display and, where the desk has one, a real sound server."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Dialog, Page, sync_playwright

from tests.support.wait import until

QUIET = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--disable-dev-shm-usage",
)
"""Nothing of it asks anything of the network, and it needs no graphics hardware."""

READ_COUNTER = """(video) => {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const paint = canvas.getContext("2d", { willReadFrequently: true });
  paint.drawImage(video, 0, 0);
  const height = (Math.floor(Math.floor(canvas.height / 8) / 4) * 4) / 2;
  let number = 0;
  for (let index = 0; index < 32; index += 1) {
    const [left, right] = [0, 1].map((side) => Math.floor((((index % 16) + side) * canvas.width) / 16));
    const y = Math.floor(index / 16) * height + height / 2;
    number = number * 2 + (paint.getImageData((left + right) >> 1, y, 1, 1).data[0] > 128);
  }
  return number;
}"""
"""JavaScript: the number of the test pattern that a video element shows, as `pattern_source.read_counter`."""


@contextmanager
def chromium(env: Mapping[str, str], *words: str) -> Iterator[Browser]:
    """A browser with a profile of its own on the display of `env`."""
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_program(),
            headless=False,
            env={**env},
            args=[*QUIET, *sandbox, *words],
        )
        try:
            yield browser
        finally:
            browser.close()


class Seat:
    """A page in a browser, with what it complained about."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        self._context = browser.new_context(viewport=options.pop("viewport", {"width": 1200, "height": 900}), **options)
        self.page: Page = self._context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._refuse)
        self.page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        # What is answered with a refusal is said there, too; the page says it itself.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def _refuse(self, dialog: Dialog) -> None:
        self.complaints.append(dialog.message)
        dialog.dismiss()

    def view(self, words: str) -> Any:
        """What an expression over `view` (the open session), `player` and `conductor` is."""
        return self.page.evaluate(
            f"""async () => {{
              const view = document.querySelector("reeld-session");
              const player = view?.player, conductor = player?.conductor;
              return {words};
            }}"""
        )

    def number(self) -> int:
        """The number of the test pattern that the first video shows now."""
        return int(self.view(f"({READ_COUNTER})(document.querySelector('video'))"))

    def open_session(self, url: str) -> None:
        """Follow an address of `reelctl review` and wait until its session can be played."""
        self.page.goto(url)
        # Not `wait_for_function`: it evaluates a text in the page, which the page's own policy forbids.
        until(lambda: self.view("conductor?.isSettled"), 20, what="a session that can be played")

    def close(self) -> None:
        """Close the page; fails if it complained."""
        self._context.close()
        assert not self.complaints, self.complaints


def _program() -> str:
    for path in (
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
    ):
        if os.path.exists(path):  # noqa: PTH110 - a constant
            return path
    raise AssertionError("Chromium is not installed; `make test` installs it")
