"""Several sources in one picture: each where the layout puts it, and only what changed of each is touched.

DESIGN: a source in its own size is converted straight into its place; of a scaled one the rows that changed are scaled
first (`shrinking.py`). In a picture in picture what lies under the insets is kept in a picture
beside (`insets.py`). A scene of one source in its own size is just that source.

A source that is lost leaves its cell black and is tried again every second while the others go on; only when all are
lost is the scene. Used by the recorder's thread.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

from reeld.capture.api import Band, FrameSource, Grab, Rect, Size
from reeld.capture.insets import Inset
from reeld.capture.layouts import OUTPUT_MIN, Cell, arrange
from reeld.capture.picture import Picture, blacken, copy_part
from reeld.capture.shrinking import Shrinker
from reeld.capture.stages import Stage, StageClock
from reeld.runtime.clock import monotonic_ns
from reeld_proto.errors import RequestRejected
from reeld_proto.records import Arrangement, Layout
from reeld_proto.units import NS_PER_S

REOPEN_NS = NS_PER_S
"""How long after a failed opening of a lost source it is tried again."""

PictureFactory = Callable[[int, int], Picture]
OnLost = Callable[[str, RequestRejected | None], None]
"""Told the label of a source and what befell it, None when it is back; in the recorder's thread."""

_NOWHERE = Cell(Rect(0, 0, 0, 0))

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One source of a scene and what people call it."""

    label: str
    source: FrameSource


class Taken(NamedTuple):
    """What a grab brought. at_ns: CLOCK_MONOTONIC of the pixels; changed: whether the picture is another."""

    at_ns: int
    changed: bool


@dataclass(eq=False)
class _Feed:
    """A source in its cell. shrinker: where it is scaled; inset: where it lies above others.

    lost_ns: when it was lost, or looked for in vain.
    """

    part: Part
    size: Size = OUTPUT_MIN
    cell: Cell = _NOWHERE
    shrinker: Shrinker | None = None
    inset: Inset | None = None
    lost_ns: int | None = None


class Scene:
    """One picture of one or more sources. make_picture: makes it, and those of single sources, of any size.

    output: width and height of the picture for as long as it lives. Raises RequestRejected as sources do.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        arrangement: Arrangement,
        output: Size,
        *,
        make_picture: PictureFactory,
        on_lost: OnLost = lambda _label, _error: None,
    ) -> None:
        self._feeds = [_Feed(part) for part in parts]
        self._arrangement = arrangement
        self._make_picture = make_picture
        self._on_lost = on_lost
        self.stages = StageClock()
        self.picture = make_picture(*output)
        self._under = self.picture
        self._output = Size(self.picture.width, self.picture.height)
        self._opened = False
        self._stale_ns: int | None = None

    # -- as a source ------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open every source. The first time all must be there, later at least one."""
        self.close()
        failure: RequestRejected | None = None
        for feed in self._feeds:
            try:
                feed.part.source.open()
                feed.lost_ns = None
            except RequestRejected as error:
                if not self._opened:
                    self.close()
                    raise
                failure = error
                feed.lost_ns = monotonic_ns()
        if failure is not None and not self._live():
            raise failure
        self._opened = True
        self._stale_ns = monotonic_ns()

    def close(self) -> None:
        """Close every source. May be called twice."""
        for feed in self._feeds:
            feed.part.source.close()

    def filenos(self) -> Sequence[int]:
        """Descriptors of the sources that are there; see FrameSource."""
        return [fd for feed in self._live() for fd in feed.part.source.filenos()]

    def changed_ns(self) -> int | None:
        """When something changed first since the last grab; see FrameSource. Lost sources are looked for, too."""
        instants = [self._asked(feed, feed.part.source.changed_ns) for feed in self._live()]
        for feed in self._feeds:
            if feed.lost_ns is not None:
                self._look_for(feed)
        instants.append(self._stale_ns)
        return min((instant for instant in instants if instant is not None), default=None)

    def grab(self, *, full: bool) -> Taken:
        """Bring the picture up to date."""
        at_ns = monotonic_ns()
        anew = self._stale_ns is not None
        if anew:
            self._place()
        grabs = self._grabbed(full=full or anew)
        if self._sizes_changed():
            self._place()
            anew = True
            grabs = self._grabbed(full=True)
            if self._sizes_changed():
                self._stale_ns = at_ns
                return Taken(at_ns, changed=True)
        self.stages.lap(Stage.GRAB)
        touched = [rect for feed, grab in grabs for rect in self._written(feed, grab.bands)]
        self._lay_insets(touched, all_of_them=anew)
        self.stages.lap(Stage.CONVERT)
        at_ns = min((grab.at_ns for _, grab in grabs), default=at_ns)
        return Taken(at_ns, changed=anew or bool(touched))

    # -- changes while it is recorded -------------------------------------------------------------------------------

    @property
    def parts(self) -> Sequence[Part]:
        """The sources, in their order."""
        return [feed.part for feed in self._feeds]

    def rearrange(self, arrangement: Arrangement, parts: Sequence[Part]) -> None:
        """Show these parts in this way from the next grab on; those not among `parts` any more are closed.

        Raises RequestRejected if a new source cannot be opened; then nothing has changed.
        """
        known = {feed.part: feed for feed in self._feeds}
        added = [part for part in parts if part not in known]
        try:
            for part in added:
                part.source.open()
        except RequestRejected:
            for part in added:
                part.source.close()
            raise
        for part in known.keys() - set(parts):
            part.source.close()
        self._feeds = [known.get(part) or _Feed(part) for part in parts]
        self._arrangement = arrangement
        self._stale_ns = monotonic_ns()

    # -- inside -----------------------------------------------------------------------------------------------------

    def _live(self) -> list[_Feed]:
        return [feed for feed in self._feeds if feed.lost_ns is None]

    def _sizes_changed(self) -> bool:
        return any(feed.size != feed.part.source.size for feed in self._live())

    def _grabbed(self, *, full: bool) -> list[tuple[_Feed, Grab]]:
        """What the sources bring that changed, or all of them."""
        found = []
        for feed in self._live():
            source = feed.part.source
            if len(self._feeds) > 1 and not full and self._asked(feed, source.changed_ns) is None:
                continue
            grab = self._asked(feed, partial(source.grab, full=full))
            if grab is not None and feed.shrinker is not None and feed.shrinker.needs_all(grab.bands):
                grab = self._asked(feed, partial(source.grab, full=True))
                if grab is not None:
                    feed.shrinker.keep(grab.bands)
            if grab is not None:
                found.append((feed, grab))
        return found

    def _place(self) -> None:
        """Give each source its cell by the size that it has now; what is in the picture is out of date then."""
        for feed in self._live():
            feed.size = feed.part.source.size
        sizes = [_even(feed.size) for feed in self._feeds]
        for feed, cell, size in zip(self._feeds, arrange(self._arrangement, sizes, self._output), sizes, strict=True):
            scaled = Size(cell.where.width, cell.where.height)
            feed.cell = cell
            feed.shrinker = None if size == scaled else Shrinker(size, scaled)
            feed.inset = Inset(cell, self._make_picture) if cell.radius else None
        is_layered = self._arrangement.layout is Layout.PIP
        self._under = self._make_picture(*self._output) if is_layered else self.picture
        blacken(self.picture)
        self._stale_ns = None

    def _written(self, feed: _Feed, bands: Sequence[Band]) -> list[Rect]:
        """Write what changed of a source; the parts of the picture under the insets that are others now."""
        if feed.shrinker is not None:
            bands = feed.shrinker.shrunk(bands)
        if feed.inset is not None:
            feed.inset.update(bands)
            return []
        where = feed.cell.where
        moved = [Band(band.rect.moved(where.x, where.y), band.pixels) for band in bands]
        return [band.rect.even() for band in moved] if self._under.update(moved) else []

    def _lay_insets(self, touched: list[Rect], *, all_of_them: bool) -> None:
        """In a picture in picture: bring what lies beneath up, then the insets over it."""
        if self._under is self.picture:
            return
        for rect in touched:
            copy_part(self._under, self.picture, rect)
        for feed in self._feeds:
            inset = feed.inset
            if inset is None or feed.lost_ns is not None:
                continue
            if all_of_them or inset.is_new or any(rect.meets(feed.cell.where) for rect in touched):
                inset.lay(self._under, self.picture)
                touched.append(feed.cell.where)

    def _asked(self, feed: _Feed, ask: Callable[[], T]) -> T | None:
        """What the source answers; None if it is lost now and others go on."""
        try:
            return ask()
        except RequestRejected as error:
            if len(self._live()) == 1:
                raise
            feed.lost_ns = monotonic_ns()
            feed.part.source.close()
            self._stale_ns = self._stale_ns or feed.lost_ns
            self._on_lost(feed.part.label, error)
            return None

    def _look_for(self, feed: _Feed) -> None:
        now_ns = monotonic_ns()
        if feed.lost_ns is None or now_ns < feed.lost_ns + REOPEN_NS:
            return
        try:
            feed.part.source.open()
        except RequestRejected:
            feed.lost_ns = now_ns
            return
        feed.lost_ns = None
        self._stale_ns = now_ns
        self._on_lost(feed.part.label, None)


def _even(size: Size) -> Size:
    return Size(size.width + size.width % 2, size.height + size.height % 2)
