"""What is never recorded: rules, the same in the config file and in an order, and private mode."""

import re
from typing import Annotated

from msgspec import Meta, Struct

from reeld_proto.base import Command, Reply

RULE_NAME_CHARACTERS_MAX = 64
"""Longest name of a rule; it is told in gaps and in refusals."""

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")

Pattern = Annotated[str, Meta(min_length=1, max_length=256)]


def parse_hours(text: str) -> tuple[int, int]:
    """Minutes of the day of `22:00-06:00`: the first that counts and the first that does not; may pass midnight.

    Raises ValueError for anything else, and when both are the same.
    """
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} are no hours such as 22:00-06:00")
    start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if start == end:
        raise ValueError(f"{text!r} begins when it ends; leave `hours` out for the whole day")
    return start, end


class PrivacyRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that is given must hold. Patterns are globs (`*`, `?`, `[a-z]`), small and capital letters are equal.

    app: one of the two names in the window's WM_CLASS. title: its title. With either, these windows are masked in
    every picture. screen: a monitor by its name; hours: civil time, `22:00-06:00`. With these alone the screen, or
    everything, is not recorded.
    """

    name: Annotated[str, Meta(min_length=1, max_length=RULE_NAME_CHARACTERS_MAX)]
    app: Pattern | None = None
    title: Pattern | None = None
    screen: Pattern | None = None
    hours: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if (self.app, self.title, self.screen, self.hours) == (None, None, None, None):
            raise ValueError(f"the rule {self.name!r} needs one of app, title, screen and hours")
        if self.hours is not None:
            parse_hours(self.hours)


class SetPrivate(Command, tag="privacy.set", frozen=True, kw_only=True):
    """Private mode on or off. Answered by `PrivacyChanged`.

    While it is on nothing is recorded, in this and any other session and in the rolling buffer; their tracks have
    `hidden` gaps with the detail `private`. It begins and ends with the command's arrival, and lasts until it is
    switched off, over the end of the daemon.
    """

    private: bool


class PrivacyChanged(Reply, tag="privacy.changed", frozen=True, kw_only=True):
    """Answer to `SetPrivate`. session: the id of the one that is being recorded, if any."""

    session: str | None
    private: bool
