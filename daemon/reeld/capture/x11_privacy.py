"""Windows that rules hide are masked in the pixels before anybody else sees them.

DESIGN: pixels show the screen at some instant between `parts` (just before they are read) and `apply` (after every
event up to the reading was noted). What is masked is the sum of what was private in every state of the desktop from
the one to the other: where a window was and where it went. A window of which something is not known yet, because it
was made or renamed between the two, is masked in these pixels whatever it is; before the next ones the server's answer
is there. So what a rule hides from the moment a window is made, or from the moment its title matches, is in no pixel.
"""

import re
import time
from collections.abc import Callable, Sequence, Set
from typing import Any

from reeld.capture.api import Band, Rect
from reeld.capture.leftovers import RECTANGLES_MAX, Leftovers
from reeld.capture.privacy import PrivacyRules, WindowMatch
from reeld.capture.rects import bounded, clipped, overlap, subtracted, united
from reeld.capture.regions import RectArray
from reeld.capture.x11_clients import private_tops
from reeld.capture.x11_desktop import DesktopModel
from reeld.capture.x11_wire import XConnection
from reeld_proto.units import NS_PER_MS, NS_PER_S

MASK_BGRA = (32, 32, 32, 255)
"""What is shown instead: a flat dark grey."""

LINGER_NS = 500 * NS_PER_MS
"""How long the place that a private window left stays masked. Programs repaint what was uncovered within a tenth of
it, and compositors fade windows out within half of it."""

_DRAWN_MAX = 256
"""So many of the drawn rectangles, the largest, are looked at to see whether a place was painted."""


class PrivacyMask:
    """Implements Overlay and SeesDrawing. Make it only if `rules.mask_pixels`.

    civil: the time of day (`time.localtime`); asked once a minute, if a rule has hours.
    """

    def __init__(self, rules: PrivacyRules, *, civil: Callable[[], time.struct_time] = time.localtime) -> None:
        self._rules = rules
        self._civil = civil
        self._minute = 0
        self._minute_ends_ns = 0
        self._desktop: DesktopModel | None = None
        self._forget()

    def _forget(self) -> None:
        self._private: dict[int, list[WindowMatch]] = {}
        self._veiled: list[Rect] = []
        self._shown: dict[int, list[Rect]] = {}
        self._bare: dict[int, list[Rect]] = {}
        self._leftovers = Leftovers(LINGER_NS)
        self._meanwhile: list[Rect] = []
        self._masked: list[Rect] = []
        self._view = Rect(0, 0, 0, 0)
        self._due_ns: int | None = None

    def open(self, connection: XConnection) -> None:
        """See Overlay."""
        self._forget()
        desktop = self._desktop = DesktopModel(connection, self._rules)
        self._settle(desktop)

    def note(self, event: Any) -> None:
        """See Overlay."""
        desktop = self._desktop
        if desktop is not None and desktop.note(event):
            self._review(desktop)

    def changed_ns(self) -> int | None:
        """See Overlay."""
        if self._desktop is not None and self._minute_is_over():
            self._settle(self._desktop)
        if self._leftovers.is_due:
            return self._due_ns or time.monotonic_ns()
        return self._due_ns

    def drawn(self, rects: RectArray) -> None:
        """See SeesDrawing."""
        if self._leftovers.rects and len(rects) > _DRAWN_MAX:
            rects = rects[(rects[:, 2] * rects[:, 3]).argsort()[-_DRAWN_MAX:]]
        self._leftovers.drawn(Rect(*rect) for rect in rects.tolist())

    def parts(self, view: Rect) -> Sequence[Rect]:
        """See Overlay."""
        desktop = self._desktop
        if desktop is not None and (desktop.book.is_asking or self._minute_is_over()):
            self._settle(desktop)
        self._leftovers.expire(time.monotonic_ns())
        self._view, self._due_ns = view, None
        self._meanwhile = self._hidden()
        return self._wrong()

    def apply(self, view: Rect, bands: Sequence[Band]) -> None:
        """See Overlay."""
        masks = clipped(self._meanwhile, [view])
        if not masks and not self._masked:
            return
        read = [Rect(view.x + band.rect.x, view.y + band.rect.y, *band.rect[2:]) for band in bands]
        for band, rect in zip(bands, read, strict=True):
            for part in (overlap(mask, rect) for mask in masks):
                if part is not None:
                    x, y = part.x - rect.x, part.y - rect.y
                    band.pixels[y : y + part.height, x : x + part.width] = MASK_BGRA
        self._masked = united(subtracted(clipped(self._masked, [view]), read) + clipped(masks, read))
        self._find_due()
        if self._due_ns is None:
            # The same pixels in few pieces: bands cut what was masked into ever more.
            self._masked = clipped(self._hidden(), [view])

    def _settle(self, desktop: DesktopModel) -> None:
        """Take the answers of the server and of the clock. A window that turned out to be harmless leaves nothing."""
        now = self._civil()
        self._minute_ends_ns = time.monotonic_ns() + max(1, 60 - now.tm_sec) * NS_PER_S
        desktop.book.collect()
        minute = self._minute = now.tm_hour * 60 + now.tm_min
        clients = desktop.book.clients.values()
        before, self._private = self._private, private_tops(clients, desktop.stack, self._rules, minute)
        stopped = before.keys() - self._private.keys()
        if any(top in desktop.stack for top in stopped):
            self._leftovers.trust_time()
        self._review(desktop, learnt=stopped | self._private.keys())

    def _review(self, desktop: DesktopModel, learnt: Set[int] | None = None) -> None:
        """Find what is private now, and what private windows left behind.

        Each window is compared with itself: one of which little is known does not hide what another left below it.
        learnt: nothing has moved, but more is known of these; None: something may have moved.
        """
        # A region may lie on a monitor that is hidden as a whole; so may a part of a picture of several sources.
        screens = desktop.monitors.items()
        self._veiled = [rect for name, rect in screens if self._rules.screen([name], self._minute)]
        shown, bare = self._shown, self._bare
        self._shown, self._bare = _shown(desktop, self._private), desktop.stack.visible(self._private, lambda _: True)
        if (shown, bare) != (self._shown, self._bare):
            known = self._private.keys() if learnt is None else frozenset[int]()
            # What comes to lie on a window, even if it hides nothing, may leave its pixels as they were.
            left = _lost(shown, self._shown, known) + _lost(bare, self._bare, known)
            if left:
                self._leftovers.add(united(left), time.monotonic_ns())
            unsure = _lost(shown, self._shown, (shown.keys() if learnt is None else learnt) - known)
            if unsure:
                self._leftovers.add(unsure, time.monotonic_ns(), undrawn=False)
            left += unsure
            new = [rect for top, rects in self._shown.items() if rects != shown.get(top) for rect in rects]
            self._meanwhile = bounded(self._meanwhile + left + new, RECTANGLES_MAX)
        self._find_due(is_asking=desktop.book.is_asking)

    def _hidden(self) -> list[Rect]:
        """What must be masked now, in pixels of the desktop."""
        shown = [rect for rects in self._shown.values() for rect in rects]
        return bounded(united(self._veiled + shown + self._leftovers.rects), RECTANGLES_MAX)

    def _wrong(self) -> list[Rect]:
        """Parts of the recorded picture that show a mask where none is needed, or none where one is."""
        private, masked = clipped(self._hidden(), [self._view]), clipped(self._masked, [self._view])
        return subtracted(masked, private) + subtracted(private, masked)

    def _find_due(self, *, is_asking: bool = False) -> None:
        if self._due_ns is None and (is_asking or self._wrong()):
            self._due_ns = time.monotonic_ns()

    def _minute_is_over(self) -> bool:
        return self._rules.watch_clock and time.monotonic_ns() >= self._minute_ends_ns


def _shown(desktop: DesktopModel, private: dict[int, list[WindowMatch]]) -> dict[int, list[Rect]]:
    """What shows of each private or uncertain window, on the monitors on which its rules hold."""
    uncertain = desktop.book.uncertain
    hides = (lambda _: False) if desktop.see_through else (lambda window: window.opaque)
    shown = desktop.stack.visible(uncertain | private.keys(), hides)
    if desktop.monitors:
        for top in shown.keys() - uncertain:
            patterns = [match.screen for match in private[top]]
            if None not in patterns:
                shown[top] = clipped(shown[top], _monitors(desktop, patterns))
    return shown


def _lost(before: dict[int, list[Rect]], now: dict[int, list[Rect]], windows: Set[int]) -> list[Rect]:
    """What each of `windows` had and has no more."""
    return [rect for top in windows for rect in subtracted(before.get(top, ()), now.get(top, ()))]


def _monitors(desktop: DesktopModel, patterns: list[re.Pattern[str] | None]) -> list[Rect]:
    return [
        rect
        for name, rect in desktop.monitors.items()
        if any(pattern is not None and pattern.match(name.casefold()) for pattern in patterns)
    ]
