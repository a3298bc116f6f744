"""A window that is recorded for itself and comes to match a rule: no pixel of it is read while it does.

Asked before anything is captured; then whenever its title or class changes. Pixels read before the server's answer is
there are masked.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import xcffib.xproto

from reeld.capture.api import Band, Rect
from reeld.capture.hiding import SourceHidden
from reeld.capture.privacy import PrivacyRules
from reeld.capture.x11_clients import Client, ClientBook
from reeld.capture.x11_privacy import MASK_BGRA
from reeld.capture.x11_wanted import WantedWindow
from reeld.capture.x11_windows import WindowStack
from reeld.capture.x11_wire import XConnection
from reeld_proto.units import NS_PER_S


class WindowVeil:
    """Implements Overlay for a X11WindowSource; `open`, `changed_ns` and `parts` raise SourceHidden.

    wanted: which window it is. civil: the time of day (`time.localtime`); asked once a minute, if a rule has hours.
    A rule for one monitor holds wherever the window is.
    """

    def __init__(
        self, rules: PrivacyRules, wanted: WantedWindow, *, civil: Callable[[], time.struct_time] = time.localtime
    ) -> None:
        self._rules = rules
        self._wanted = wanted
        self._civil = civil
        self._book: ClientBook | None = None
        self._client: Client | None = None
        self._minute_ends_ns = 0
        self._masked_ns: int | None = None

    def open(self, connection: XConnection) -> None:
        """See Overlay."""
        window = int(self._wanted.id, 16)
        self._masked_ns = None
        self._book = ClientBook(connection, WindowStack(), self._rules)
        # The source has asked for the window's events; asking once more would take some of them away.
        self._client = self._book.adopt(window, window, watched=True)
        self._check()

    def note(self, event: Any) -> None:
        """See Overlay."""
        if self._book is not None and isinstance(event, xcffib.xproto.PropertyNotifyEvent):
            self._book.changed(event.window, event.atom)

    def changed_ns(self) -> int | None:
        """See Overlay."""
        self._check_if_due()
        return self._masked_ns

    def parts(self, view: Rect) -> Sequence[Rect]:
        """See Overlay."""
        self._check_if_due()
        masked, self._masked_ns = self._masked_ns is not None, None
        return [view] if masked else []

    def apply(self, view: Rect, bands: Sequence[Band]) -> None:  # noqa: ARG002 - all of it is one window
        """See Overlay."""
        if self._book is not None and self._book.is_asking:
            self._masked_ns = time.monotonic_ns()
            for band in bands:
                band.pixels[:] = MASK_BGRA

    def _check_if_due(self) -> None:
        is_over = self._rules.watch_clock and time.monotonic_ns() >= self._minute_ends_ns
        if is_over or (self._book is not None and self._book.is_asking):
            self._check()

    def _check(self) -> None:
        now = self._civil()
        self._minute_ends_ns = time.monotonic_ns() + max(1, 60 - now.tm_sec) * NS_PER_S
        if self._book is None or self._client is None:
            return
        self._book.collect()
        client = self._client
        matches = self._rules.window(client.apps, client.titles, now.tm_hour * 60 + now.tm_min)
        if matches:
            raise SourceHidden(f"the window {self._wanted.id}", matches[0].rule)
