"""Whether a whole picture is hidden now: by an order, or by the rules for screens and hours. Pure but for the clock."""

import time
from collections.abc import Callable, Sequence

from reeld.capture.privacy import PrivacyRules
from reeld_proto.units import NS_PER_S


class Veil:
    """Of one track, in its recorder's thread.

    screens: of each of its sources the monitor that it shows, None if it shows no whole monitor. The track is hidden
    when all of its sources are. civil: the time of day (`time.localtime`); asked once a minute, if a rule has hours.
    """

    def __init__(
        self,
        rules: PrivacyRules,
        screens: Sequence[str | None],
        *,
        ordered: str = "",
        civil: Callable[[], time.struct_time] = time.localtime,
    ) -> None:
        self._rules = rules
        self._screens = screens
        self._civil = civil
        self._by_rule = ""
        self._minute_ends_ns = 0
        self.ordered = ordered

    def look_at(self, screens: Sequence[str | None]) -> None:
        """The track has other sources now."""
        self._screens = screens
        self._minute_ends_ns = 0

    @property
    def due_ns(self) -> int | None:
        """Monotonic instant at which the answer may change by itself; None: never."""
        return self._minute_ends_ns if self._rules.watch_clock else None

    def hidden_by(self, now_ns: int) -> str:
        """The order or rule that hides the track at monotonic `now_ns`, which is now; empty if none does."""
        if now_ns >= self._minute_ends_ns:
            now = self._civil()
            minute = now.tm_hour * 60 + now.tm_min
            # Without hours one look is enough for ever.
            self._minute_ends_ns = now_ns + max(1, 60 - now.tm_sec) * NS_PER_S if self._rules.watch_clock else 2**63
            found = [self._rules.screen([screen] if screen else [], minute) for screen in self._screens]
            self._by_rule = found[0] or "" if found and all(found) else ""
        return self.ordered or self._by_rule
