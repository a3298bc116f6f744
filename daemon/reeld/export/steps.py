"""A track of pictures as a decoder must be fed to show it: what is shown, what only decoded, where it begins anew.

DESIGN: an entry of a timeline may show any part of its chunk, and its neighbour may come from another recording. Most
entries simply go on where the one before ended; where one does not, the track has a joint, and whatever the decoder
needs there (the preroll, and the chunk's own beginning) comes as steps that are not shown.
"""

from collections.abc import Callable, Container, Generator, Iterable, Iterator
from dataclasses import dataclass

from reeld.export.timing import Timed
from reeld.media.fragments import Sample
from reeld.store.api import Segment
from reeld.store.timeline import ROUNDING_NS
from reeld_proto.errors import StoreCorrupt

Samples = Callable[[bytes, bytes], list[Sample]]
"""The samples of a chunk, by its digest and that of its init segment, in ticks of the file. Raises StoreCorrupt."""


@dataclass(frozen=True, slots=True)
class Step:
    """A sample for the decoder. shown: or only decoded. init: digest of its init segment.

    joint: tick from which what follows is shown, on the first sample that does not go on from the one before. lost:
    what this sample builds on may be missing.
    """

    sample: Timed
    shown: bool
    init: bytes
    joint: int | None = None
    lost: bool = False


class TangledError(Exception):
    """Pictures that are stored out of order are cut apart here: a file can only hold them encoded again."""


@dataclass(frozen=True, slots=True)
class StepReader:
    """Reads the steps of one track. ticks: of a media time or shift; origin: tick of media time where the file begins.

    samples, preroll: of the store; skip: told of a segment that is damaged. breaks: ends of gaps in which pictures may
    be missing. strict: raise TangledError rather than feed pictures beyond an end because others need them.
    """

    ticks: Callable[[int], int]
    origin: int
    samples: Samples
    preroll: Callable[[Segment], list[tuple[bytes, bytes]] | None]
    skip: Callable[[Segment, StoreCorrupt], None]
    breaks: Container[int]
    strict: bool = True

    def steps(self, segments: Iterable[Segment]) -> Iterator[Step]:
        """The steps of segments in order of their time."""
        before: Segment | None = None
        before_whole = lost = False
        tolerance = self.ticks(ROUNDING_NS)
        for segment in segments:
            start, end = self.ticks(segment.start_ns) - self.origin, self.ticks(segment.end_ns) - self.origin
            lost = lost or segment.start_ns in self.breaks
            try:
                own = self._timed(segment, segment.chunk, segment.init)
            except StoreCorrupt as error:
                self.skip(segment, error)
                lost, before = True, None
                continue
            preroll = self.preroll(segment)
            first = next((at for at, each in enumerate(own) if each.pts >= start - tolerance), len(own))
            joined = before is not None and _goes_on(before, segment, preroll, whole=before_whole, first=first)
            if joined and before is not None and before.chunk == segment.chunk:
                own = [each for each in own if each.pts >= start]  # what comes before was fed already
                first = 0
            own, before_whole = self._ended(own, end)
            before = segment
            fed = [(each, at >= first and each.pts >= start - tolerance) for at, each in enumerate(own)]
            joint = None
            if not joined:
                joint = start
                if preroll and (yield from self._led_in(segment, preroll, joint)):
                    joint, lost = None, False
                elif preroll is not None or not own or not own[0].sync:
                    lost = True
            for sample, shown in fed:
                yield Step(sample, shown, segment.init, joint, lost)
                joint, lost = None, False

    def _timed(self, segment: Segment, chunk: bytes, init: bytes) -> list[Timed]:
        moved = self.ticks(segment.shift_ns) - self.origin
        found = self.samples(chunk, init)
        return [Timed(each.dts + moved, each.pts + moved, each.sync, each.data) for each in found]

    def _led_in(self, segment: Segment, preroll: list[tuple[bytes, bytes]], joint: int) -> Generator[Step, None, bool]:
        """What is decoded and not shown; whether there was any and all of it is intact."""
        start: int | None = joint
        for chunk, init in preroll:
            try:
                lead = self._timed(segment, chunk, init)
            except StoreCorrupt as error:
                self.skip(segment, error)
                return False
            for sample in lead:
                yield Step(sample, shown=False, init=init, joint=start)
                start = None
        return start is None

    def _ended(self, own: list[Timed], end: int) -> tuple[list[Timed], bool]:
        """The samples that are shown before `end` and those they need, and whether that is all of them."""
        last = max((at for at, each in enumerate(own) if each.pts < end), default=-1)
        kept = own[: last + 1]
        if any(each.pts >= end for each in kept):
            if self.strict:
                raise TangledError
            return kept, False
        return kept, len(kept) == len(own)


def _goes_on(
    before: Segment, segment: Segment, preroll: list[tuple[bytes, bytes]] | None, *, whole: bool, first: int
) -> bool:
    """Whether a decoder that was fed `before` can go on with `segment`."""
    if before.shift_ns != segment.shift_ns:
        return False
    if before.chunk == segment.chunk:
        return before.end_ns == segment.start_ns
    if preroll is not None and (not preroll or preroll[-1][0] != before.chunk):
        return False
    return whole and first == 0
