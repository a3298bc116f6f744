"""A desk, a daemon and a browser that looks at the review page: what the tests of the page begin with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser

from tests.support.browser import Seat, chromium
from tests.support.desk import TWO_MONITORS, Monitor, VirtualDesk
from tests.support.installation import Installation
from tests.support.wait import until


@dataclass
class ReviewStage:
    """All are running."""

    desk: VirtualDesk
    installation: Installation
    browser: Browser

    def seat(self, session: str = "", **options: Any) -> Seat:
        """A page that was let in, at the list or at a session that can be played."""
        return let_in(self.installation, self.browser, session, **options)

    def record(self, seconds: float, *words: str) -> str:
        """A recording of so long; its id."""
        session: str = self.installation.ok("start", *words)["session"]
        until(lambda: self.installation.elapsed_s() >= seconds, seconds + 30, what=f"{seconds} s of a recording")
        self.installation.ok("stop")
        return session


def let_in(installation: Installation, browser: Browser, session: str = "", **options: Any) -> Seat:
    """A page at the list or at a session that can be played. options: of the page."""
    seat = Seat(browser, **options)
    url = installation.ok("review", *([session] if session else []))["url"]
    if session:
        seat.open_session(url)
    else:
        seat.page.goto(url)
        until(lambda: seat.page.locator("#news").inner_text(), 10, what="a list")
    return seat


@contextmanager
def review_stage(
    *words: str, monitors: tuple[Monitor, ...] = TWO_MONITORS, sound: bool = False
) -> Iterator[ReviewStage]:
    """A warm daemon and a browser on a desk of their own. words: options of the browser."""
    with VirtualDesk(monitors=monitors, sound=sound) as desk, Installation(desk.env) as installation:
        installation.start_daemon()
        with chromium(desk.env, *words) as browser:
            yield ReviewStage(desk, installation, browser)
