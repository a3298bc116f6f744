"""What a track of snapshots shows when, as pieces to send. Pure: stills are opaque.

DESIGN: a snapshot is on view until the next one, so the track is covered from its start to its end, like any other. Its
picture is sent as soon as it is certain that no order takes that time back; how long it stays on view is sent later,
in pieces of `PIECE_NS` that name the same picture, so a still screen costs next to nothing. What a crash leaves open
the store closes (see `reeld.store.stills`).

Times are media nanoseconds.
"""

from collections import deque
from dataclasses import dataclass

from reeld.media.stills import Still
from reeld_proto.records import GapReason
from reeld_proto.units import NS_PER_MS, NS_PER_S

HOLD_NS = 100 * NS_PER_MS
"""Orders name an instant that may have passed when they arrive; as long ago as this, none comes any more."""

PIECE_NS = 30 * NS_PER_S
"""The longest piece: what a reader who looks for the picture on view must go back at most."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A still that came on view at `at_ns`. repeated: it was stored before."""

    at_ns: int
    still: Still
    repeated: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the track: a still, or a gap with its reason. shown: it comes on view here; None: it stays."""

    start_ns: int
    end_ns: int
    still: Still | None = None
    shown: Shown | None = None
    reason: GapReason | None = None
    detail: str = ""


class Cover:
    """One track. start_ns: where it must begin; None: where the first still comes (after a restart).

    forgot: the last end came before a still that had been shown: it is not on view, and never was.
    """

    def __init__(self, start_ns: int | None) -> None:
        self._sent_ns = start_ns
        self._on_view: Still | None = None
        self._new: Shown | None = None
        self._waiting: deque[Shown] = deque()
        self._gap: tuple[int, GapReason, str] | None = None
        self.forgot = False

    @property
    def due_ns(self) -> int | None:
        """From which instant on `advance` has something to send; None while nothing is on view."""
        if self._waiting:
            return self._waiting[0].at_ns + HOLD_NS + 1
        if self._on_view is None or self._sent_ns is None:
            return None
        return self._sent_ns + PIECE_NS + HOLD_NS

    def show(self, shown: Shown) -> None:
        """A still comes on view, after those before."""
        self._waiting.append(shown)

    def advance(self, now_ns: int) -> list[Piece]:
        """What can be sent now: whole pieces, and stills whose time no order takes back."""
        until_ns = now_ns - HOLD_NS
        pieces: list[Piece] = []
        while self._waiting and self._waiting[0].at_ns < until_ns:
            pieces += self._turn(until_ns)
        while self._on_view is not None and self._sent_ns is not None and until_ns - self._sent_ns >= PIECE_NS:
            pieces += self._hold(self._sent_ns + PIECE_NS)
        return pieces

    def end(self, at_ns: int) -> list[Piece]:
        """The track ends or pauses at `at_ns`: everything up to there; stills taken later are forgotten."""
        if self._gap is not None:
            self.forgot = False
            start_ns, reason, detail = self._gap
            self._gap = (max(start_ns, at_ns), reason, detail)
            self._sent_ns = max(start_ns, at_ns)
            return [Piece(start_ns, at_ns, reason=reason, detail=detail)] if at_ns > start_ns else []
        pieces: list[Piece] = []
        while self._waiting and self._waiting[0].at_ns < at_ns:
            pieces += self._turn(at_ns)
        self.forgot = bool(self._waiting)
        self._waiting.clear()
        return pieces + self._hold(at_ns)

    def lose(self, at_ns: int, reason: GapReason, detail: str = "") -> list[Piece]:
        """The source was lost at `at_ns`: nothing is on view until `found`."""
        pieces = self.end(at_ns)
        self._on_view = self._new = None
        # Before the first still there is nothing on view either.
        self._gap = (at_ns if self._sent_ns is None else self._sent_ns, reason, detail)
        return pieces

    def found(self, at_ns: int) -> list[Piece]:
        """The source is there again since `at_ns`."""
        if self._gap is None:
            return []
        start_ns, reason, detail = self._gap
        self._gap = None
        self._sent_ns = max(start_ns, at_ns)
        return [Piece(start_ns, at_ns, reason=reason, detail=detail)] if at_ns > start_ns else []

    def _turn(self, until_ns: int) -> list[Piece]:
        """The first waiting still comes on view; up to the next one, or `until_ns`."""
        shown = self._waiting.popleft()
        pieces = self._hold(shown.at_ns)
        if self._sent_ns is None:
            self._sent_ns = shown.at_ns  # what was before is another worker's; else it is the first still's
        self._on_view, self._new = shown.still, shown
        return pieces + self._hold(min(until_ns, self._waiting[0].at_ns) if self._waiting else until_ns)

    def _hold(self, until_ns: int) -> list[Piece]:
        """What is on view stays so until `until_ns`."""
        pieces: list[Piece] = []
        while self._on_view is not None and self._sent_ns is not None and self._sent_ns < until_ns:
            end_ns = min(until_ns, self._sent_ns + PIECE_NS)
            pieces.append(Piece(self._sent_ns, end_ns, self._on_view, self._new))
            self._sent_ns, self._new = end_ns, None
        return pieces
