"""The stage that reads the stills of a session, one a slice. Runs in the enrichment worker."""

import time
from collections.abc import Iterator

import cv2
import numpy as np
from msgspec.structs import replace

from reeld.enrich.appearing import lead_ns
from reeld.enrich.changed import inside, merged, page, shown, to_read
from reeld.enrich.engines.api import PageReader, Picture
from reeld.store import results, sessions
from reeld.store.reader import StoreReader
from reeld.store.shown_text import views_of
from reeld.store.transaction import decode
from reeld_proto import codec
from reeld_proto.enrich_orders import SliceDone
from reeld_proto.errors import ReeldError, StoreCorrupt
from reeld_proto.findings import NewResult, PageText, Stage, TextLine


class Reading:
    """Reads what was not read yet. total: stills, each once; cached: those of them that had been read.

    Raises RequestRejected (NOT_FOUND), StoreCorrupt.
    """

    def __init__(self, reader: StoreReader, session: str, engine: PageReader, parameters: str) -> None:
        self._reader, self._engine, self._parameters = reader, engine, parameters
        self._key = results.engine_key(Stage.OCR, engine.name, engine.version, parameters)
        self._last: tuple[bytes, Picture, PageText] | None = None
        self._session = session
        self._came: dict[bytes, tuple[bytes, int, int]] = {}
        with reader.store.read() as txn:
            before_ns: dict[str, int] = {}
            for view in views_of(txn, sessions.load_shown(txn, session)):
                self._came.setdefault(
                    view.source, (view.header, before_ns.get(view.track, view.start_ns), view.start_ns)
                )
                before_ns[view.track] = view.start_ns
            sources = list(self._came)
            missing = {source for source in sources if not results.has(txn, source, self._key)}
        self.total, self.cached = float(len(sources)), float(len(sources) - len(missing))
        self._work = self._steps(sources, missing)

    def step(self) -> SliceDone:
        """The next still."""
        return next(self._work, SliceDone(done=self.total - self.cached, finished=True))

    def _steps(self, sources: list[bytes], missing: set[bytes]) -> Iterator[SliceDone]:
        done = 0
        for before, source in zip([None, *sources], sources, strict=False):
            if source not in missing:
                continue
            done += 1
            began_s = time.perf_counter()
            try:
                found, calls, seconds = self._read(before, source)
            except ReeldError as error:
                self._last = None
                yield SliceDone(done=done, faults={source.hex(): str(error)})
                continue
            new = NewResult(
                source=source,
                stage=Stage.OCR,
                engine=self._engine.name,
                version=self._engine.version,
                parameters=self._parameters,
                seconds=round(time.perf_counter() - began_s, 4),
                payload=codec.pack_record(found),
            )
            yield SliceDone(results=[new], done=done, calls=calls, seconds=seconds, finished=done == len(missing))

    def _read(self, before: bytes | None, source: bytes) -> tuple[PageText, int, float]:
        """The page, how often the engine was called for it, and how long it took."""
        picture = self._picture(source)
        last = self._known(before)
        known_picture, known = (None, None) if last is None else last[1:]
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
        found = replace(found, lead_ns=lead_ns(self._reader, self._session, *self._came[source]))
        self._last = (source, picture, found)
        return found, len(boxes), seconds

    def _known(self, source: bytes | None) -> tuple[bytes, Picture, PageText] | None:
        """A still that was read before by this very engine, with what was found on it."""
        if source is None or (self._last is not None and self._last[0] == source):
            return self._last if source is not None else None
        with self._reader.store.read() as txn:
            entry = next(
                (
                    each
                    for each in results.of(txn, source)
                    if each.stage is Stage.OCR
                    and (each.engine, each.version) == (self._engine.name, self._engine.version)
                    and each.parameters == self._parameters
                ),
                None,
            )
        if entry is None:
            return None
        try:
            return source, self._picture(source), decode(entry.payload, PageText)
        except StoreCorrupt:
            return None

    def _picture(self, source: bytes) -> Picture:
        data = np.frombuffer(self._reader.held_chunk(source), np.uint8)
        found = cv2.imdecode(data, cv2.IMREAD_COLOR)
        if found is None:
            raise StoreCorrupt(f"the still {source.hex()} is no picture")
        return np.asarray(found, np.uint8)
