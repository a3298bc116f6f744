"""What the rules of `[privacy]` say about a window, a screen and an hour. Pure: no display, no clock.

Minutes are those of the civil day, 0-1439, in local time.
"""

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reeld_proto.privacy import PrivacyRule, parse_hours

DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class WindowMatch:
    """A rule that hides a window. screen: pattern of the monitors on which it does; None: on all."""

    rule: str
    screen: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    app: re.Pattern[str] | None
    title: re.Pattern[str] | None
    screen: re.Pattern[str] | None
    hours: tuple[int, int] | None

    @property
    def is_of_windows(self) -> bool:
        return self.app is not None or self.title is not None

    def holds_at(self, minute: int) -> bool:
        if self.hours is None:
            return True
        start, end = self.hours
        return start <= minute < end if start < end else minute >= start or minute < end


class PrivacyRules:
    """The rules, ready to be asked. Without any it answers that nothing is hidden."""

    def __init__(self, rules: Sequence[PrivacyRule] = ()) -> None:
        made = [
            _Rule(
                name=rule.name,
                app=_glob(rule.app),
                title=_glob(rule.title),
                screen=_glob(rule.screen),
                hours=None if rule.hours is None else parse_hours(rule.hours),
            )
            for rule in rules
        ]
        self._windows = [rule for rule in made if rule.is_of_windows]
        self._screens = [rule for rule in made if not rule.is_of_windows]

    @property
    def mask_pixels(self) -> bool:
        """Whether any rule can ever hide a part of the desktop."""
        return bool(self._windows or self._screens)

    @property
    def hide_windows(self) -> bool:
        """Whether any rule can ever hide a window."""
        return bool(self._windows)

    @property
    def name_screens(self) -> bool:
        """Whether it matters on which monitor something is."""
        return bool(self._screens) or any(rule.screen is not None for rule in self._windows)

    @property
    def watch_clock(self) -> bool:
        """Whether any answer depends on the hour."""
        return any(rule.hours is not None for rule in (*self._windows, *self._screens))

    def window(self, apps: Iterable[str], titles: Iterable[str], minute: int) -> list[WindowMatch]:
        """The rules that hide a window with these names and titles; any one of each is enough."""
        apps, titles = tuple(apps), tuple(titles)
        return [
            WindowMatch(rule.name, rule.screen)
            for rule in self._windows
            if rule.holds_at(minute) and _matches(rule.app, apps) and _matches(rule.title, titles)
        ]

    def title_matters(self, apps: Iterable[str]) -> bool:
        """Whether what a window of this application is called can make a difference."""
        apps = tuple(apps)
        return any(rule.title is not None and _matches(rule.app, apps) for rule in self._windows)

    def screen(self, screens: Iterable[str], minute: int) -> str | None:
        """The first rule by which nothing of these monitors is recorded now."""
        screens = tuple(screens)
        return next(
            (rule.name for rule in self._screens if rule.holds_at(minute) and _matches(rule.screen, screens)), None
        )

    def hidden_by(self, app: str, title: str, screen: str | None, minute: int) -> str | None:
        """The rule by which a window is not recorded: ask before its pixels are. screen: the monitor that it is on."""
        screens = () if screen is None else (screen,)
        for match in self.window((app,), (title,), minute):
            if match.screen is None or _matches(match.screen, screens):
                return match.rule
        return self.screen(screens, minute)

    def steady_minutes(self, minute: int) -> int:
        """How many minutes at least every answer stays as it is now; 1 to 1440."""
        edges = {edge for rule in (*self._windows, *self._screens) for edge in rule.hours or ()}
        return min(((edge - minute - 1) % DAY_MINUTES + 1 for edge in edges), default=DAY_MINUTES)


def _glob(pattern: str | None) -> re.Pattern[str] | None:
    # casefold() on both sides: IGNORECASE knows no equivalence of one letter and two.
    return None if pattern is None else re.compile(fnmatch.translate(pattern.casefold()))


def _matches(pattern: re.Pattern[str] | None, texts: Iterable[str]) -> bool:
    return pattern is None or any(pattern.match(text.casefold()) for text in texts)
