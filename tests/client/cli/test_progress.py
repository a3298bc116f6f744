"""A bar only where somebody can see it, and only when there is something to wait for."""

import io
import threading
import time
from typing import Self

import pytest

from reeld_client.cli.progress import working
from tests.support.wait import until


class Screen(io.StringIO):
    """A terminal as stderr for the length of a `with`; a fixture's would be put back by pytest before the test."""

    def isatty(self) -> bool:
        return True

    def __enter__(self) -> Self:
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr("sys.stderr", self)
        self._patch.setenv("TERM", "xterm-256color")
        return self

    def __exit__(self, *exc: object) -> None:
        self._patch.undo()


def bars() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if type(thread).__name__ in {"_RefreshThread", "Timer"}]


def test_off_a_terminal_nothing_is_written(capfd: pytest.CaptureFixture[str], no_leaks: None) -> None:
    with working("exporting", at_once=True) as report:
        report(1.0, 2.0)
    assert capfd.readouterr() == ("", "")


def test_quick_work_shows_no_bar(no_leaks: None) -> None:
    """It would only flicker."""
    with Screen() as screen, working("exporting") as report:
        report(1.0, 2.0)
    assert "exporting" not in screen.getvalue()


def test_long_work_shows_a_bar_and_cleans_up() -> None:
    with Screen() as screen:
        with working("exporting", at_once=True) as report:
            report(1.0, 2.0)
            until(lambda: "exporting" in screen.getvalue() and "50%" in screen.getvalue())
        assert screen.getvalue().endswith("\x1b[2K"), "the bar's line is empty again"
        assert "\x1b[?25h" in screen.getvalue(), "the cursor is back"
    until(lambda: not bars())


def test_an_error_takes_the_bar_away() -> None:
    with Screen() as screen:
        with pytest.raises(ZeroDivisionError), working("exporting", at_once=True):
            raise ZeroDivisionError
        assert "\x1b[?25l" not in screen.getvalue() or "\x1b[?25h" in screen.getvalue()
    until(lambda: not bars())


def test_leaving_does_not_wait_for_the_bar() -> None:
    begun = time.monotonic()
    with Screen(), working("exporting"):
        pass
    assert time.monotonic() - begun < 0.9
