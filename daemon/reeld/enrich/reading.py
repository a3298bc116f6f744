"""The stage that reads the stills of a session, one a slice. Runs where its engine does."""

import time
from collections.abc import Iterable, Iterator
from itertools import pairwise

import cv2
import numpy as np
from msgspec.structs import replace

from reeld.enrich.appearing import lead_ns
from reeld.enrich.changed import inside, merged, page, shown, to_read
from reeld.enrich.engines.api import PageReader, Picture
from reeld.enrich.portions import Still
from reeld.store import results, sessions
from reeld.store.api import Footage
from reeld.store.reader import StoreReader
from reeld.store.results import EngineKey
from reeld.store.shown_text import views_of
from reeld.store.transaction import decode
from reeld_proto import codec
from reeld_proto.enrich_orders import SliceDone
from reeld_proto.errors import ReeldError, RequestRejected, StoreCorrupt, TransportError
from reeld_proto.findings import NewResult, PageText, Stage, TextLine


def stills_of(reader: StoreReader, session: str, key: EngineKey) -> list[Still]:
    """The stills of a session, each once, in the order in which they came on view, track by track.

    Those that this very engine has read are known. Raises RequestRejected (NOT_FOUND), StoreCorrupt.
    """
    wanted = key.digest(Stage.OCR)
    found: dict[bytes, Still] = {}
    with reader.store.read() as txn:
        before_ns: dict[str, int] = {}
        for view in views_of(txn, sessions.load_shown(txn, session)):
            if view.source not in found:
                since_ns = before_ns.get(view.track, view.start_ns)
                known = results.has(txn, view.source, wanted)
                found[view.source] = Still(view.source, view.header, since_ns, view.start_ns, known)
            before_ns[view.track] = view.start_ns
        stills = list(found.values())
        for place, (still, after) in enumerate(pairwise(stills)):
            if still.known and not after.known:
                stills[place] = replace(still, page=results.payload_of(txn, still.source, wanted) or b"")
    return stills


def from_ns(stills: list[Still], first_ns: int) -> list[Still]:
    """The stills from the one that was on view at a media time on, then those before it."""
    place = max((place for place, still in enumerate(stills) if still.start_ns <= first_ns), default=0)
    return stills[place:] + stills[:place] if first_ns else stills


class PageWork:
    """Reads stills in order; of each only what changed since the one before. Used by one thread."""

    def __init__(self, footage: Footage, session: str, engine: PageReader, parameters: str) -> None:
        self._footage, self._session, self._engine, self._parameters = footage, session, engine, parameters
        self._last: tuple[Still, Picture | None, PageText] | None = None

    @property
    def last_page(self) -> PageText | None:
        """What was found on the last still; None if it could not be read."""
        return None if self._last is None else self._last[2]

    def take(self, stills: Iterable[Still]) -> Iterator[SliceDone]:
        """A slice for each still that is not known yet; `done` counts it alone."""
        for still in stills:
            if still.known:
                self._last = self._known(still)
                continue
            began_s = time.perf_counter()
            try:
                found, calls, seconds = self._read(still)
            except TransportError:
                raise  # it is elsewhere, or there another time
            except ReeldError as error:
                self._last = None
                yield SliceDone(done=1, faults={still.source.hex(): str(error)})
                continue
            new = NewResult(
                source=still.source,
                stage=Stage.OCR,
                engine=self._engine.name,
                version=self._engine.version,
                parameters=self._parameters,
                seconds=round(time.perf_counter() - began_s, 4),
                payload=codec.pack_record(found),
            )
            yield SliceDone(results=[new], done=1, calls=calls, seconds=seconds)

    def _known(self, still: Still) -> tuple[Still, Picture | None, PageText] | None:
        try:
            return still, None, decode(still.page, PageText)
        except StoreCorrupt:
            return None

    def _before(self) -> tuple[Picture, PageText] | None:
        """The picture of the still before and what is on it."""
        if self._last is None:
            return None
        still, picture, known = self._last
        try:
            return (picture_of(self._footage, still.source) if picture is None else picture), known
        except (StoreCorrupt, RequestRejected):
            return None

    def _read(self, still: Still) -> tuple[PageText, int, float]:
        """The page, how often the engine was called for it, and how long it took."""
        picture = picture_of(self._footage, still.source)
        before = self._before()
        known_picture, known = (None, None) if before is None else before
        height, width = picture.shape[:2]
        boxes = to_read(known_picture, known, picture)
        lines: list[TextLine] = []
        seconds = 0.0
        for box in boxes:
            view = shown(box, width, height)
            part = np.ascontiguousarray(picture[view.top : view.bottom, view.left : view.right])
            began_s = time.perf_counter()
            read = self._engine.read(part)
            seconds += time.perf_counter() - began_s
            placed = [
                TextLine(line.text, line.x + view.left, line.y + view.top, line.width, line.height, line.score)
                for line in read
            ]
            lines += [line for line in placed if inside(line, box)]
        whole = known is None or (len(boxes) == 1 and boxes[0].area == width * height)
        found = page(lines, width, height) if whole or known is None else merged(known, boxes, lines, width, height)
        led_ns = lead_ns(self._footage, self._session, still.header, still.before_ns, still.start_ns)
        found = replace(found, lead_ns=led_ns)
        self._last = (still, picture, found)
        return found, len(boxes), seconds


class Reading:
    """Reads what was not read yet, on this machine. total: stills, each once; cached: those of them that had been read.

    first_ns: media time with which to begin. Raises RequestRejected (NOT_FOUND), StoreCorrupt.
    """

    def __init__(
        self, reader: StoreReader, session: str, engine: PageReader, parameters: str, first_ns: int = 0
    ) -> None:
        stills = from_ns(stills_of(reader, session, EngineKey(engine.name, engine.version, parameters)), first_ns)
        missing = sum(not still.known for still in stills)
        self.total, self.cached = float(len(stills)), float(len(stills) - missing)
        self._missing, self._done = missing, 0
        self._slices = PageWork(reader, session, engine, parameters).take(stills)

    def step(self) -> SliceDone:
        """The next still."""
        found = next(self._slices, None)
        if found is None:
            return SliceDone(done=self._done, finished=True)
        self._done += 1
        return replace(found, done=self._done, finished=self._done == self._missing)


def picture_of(footage: Footage, source: bytes) -> Picture:
    """A still as pixels. Raises StoreCorrupt, RequestRejected (NOT_FOUND) if nothing holds it."""
    data = np.frombuffer(footage.held_chunk(source), np.uint8)
    found = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if found is None:
        raise StoreCorrupt(f"the still {source.hex()} is no picture")
    return np.asarray(found, np.uint8)
