"""A track of sound as a file must hold it: every packet that an entry shows, at its place."""

from collections.abc import Callable, Iterable, Iterator

from reeld.export.steps import Samples
from reeld.export.timing import Timed
from reeld.store.api import Segment
from reeld_proto.errors import StoreCorrupt


def sounds(
    segments: Iterable[Segment],
    ticks: Callable[[int], int],
    origin: int,
    samples: Samples,
    skip: Callable[[Segment, StoreCorrupt], None],
) -> Iterator[Timed]:
    """Packets in order of time, cut to within one at both ends of an entry. Of two that overlap the first is meant.

    The packets just before tick 0 come too: a decoder needs one of them to build up the first that is heard.
    """
    for segment in segments:
        moved = ticks(segment.shift_ns) - origin
        start, end = ticks(segment.start_ns) - origin, ticks(segment.end_ns) - origin
        try:
            found = samples(segment.chunk, segment.init)
        except StoreCorrupt as error:
            skip(segment, error)
            continue
        for sample in found:
            at, half = sample.pts + moved, sample.duration // 2
            if start - half <= at < end or (start <= 0 and at < start):
                yield Timed(at, at, sample.sync, sample.data)
