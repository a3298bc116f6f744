"""The steps of a track into the samples of a file: copied wherever that shows the right picture, else encoded again.

DESIGN: at the beginning of the file an edit list hides what is only decoded. In the middle it cannot: players honour
one edit and no more. So from a joint without a key frame to the next key frame pictures are decoded and encoded again,
by an encoder whose parameter sets are the track's own, and everything else is copied. Where there is no such encoder,
or parts differ in size or codec, the whole track is encoded again.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from reeld.export.steps import Step
from reeld.export.timing import Timed
from reeld.media.decode import pictures
from reeld.media.fragments import Sample
from reeld.media.recut import PictureEncoder, Seen

Inits = dict[bytes, bytes]
"""Bytes of init segments by digest."""


class _Steps:
    """Steps, of which the last can be put back."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = iter(steps)

    def __iter__(self) -> Iterator[Step]:
        return self

    def __next__(self) -> Step:
        return next(self._steps)

    def put_back(self, step: Step) -> None:
        self._steps = chain([step], self._steps)


class NeedsEncodingError(Exception):
    """The track cannot be copied: it has a joint, and no encoder makes what its other pictures are."""


def copied(
    steps: Iterable[Step], init: bytes, timescale: int, encoder: Callable[[], PictureEncoder]
) -> Iterator[Timed]:
    """Samples for a file whose track has this init segment. encoder: gives one whose pictures fit in, when needed.

    Raises what `encoder` raises, NeedsEncodingError if there is none.
    """
    queue = _Steps(steps)
    begun, waits = False, True
    for step in queue:
        waits = waits or step.lost
        if step.joint is not None and not step.lost:
            waits = False
            if (begun or step.joint > 0) and not (step.shown and step.sample.sync):
                queue.put_back(step)
                for picture in encoder().samples(_seen(_stretch(queue), init, timescale), timescale):
                    begun = True
                    yield Timed(picture.dts, picture.pts, picture.sync, picture.data)
                continue
        if waits and not step.sample.sync:
            continue  # its reference picture is missing: the last good picture is held instead
        waits, begun = False, True
        yield step.sample


def transcoded(steps: Iterable[Step], inits: Inits, timescale: int, encoder: PictureEncoder) -> Iterator[Timed]:
    """The same, with every picture encoded again."""
    queue = _Steps(steps)
    waits = True
    for step in queue:
        waits = (waits or step.lost) and not (step.joint is not None and not step.lost)
        if waits and not step.sample.sync:
            continue
        waits = False
        queue.put_back(step)
        seen = _seen(_run(queue), inits[step.init], timescale)
        for picture in encoder.samples(seen, timescale):
            yield Timed(picture.dts, picture.pts, picture.sync, picture.data)


def _stretch(queue: _Steps) -> Iterator[Step]:
    """Steps from a joint up to the next key frame that is shown, or the next place where the chain is broken."""
    first = True
    for step in queue:
        if not first and (step.joint is not None or step.lost or (step.shown and step.sample.sync)):
            queue.put_back(step)
            return
        first = False
        yield step


def _run(queue: _Steps) -> Iterator[Step]:
    """Steps that one decoder takes in a row."""
    init = b""
    for step in queue:
        if init and (step.joint is not None or step.lost or step.init != init):
            queue.put_back(step)
            return
        init = step.init
        yield step


def _seen(steps: Iterator[Step], init: bytes, timescale: int) -> Iterator[Seen]:
    """Pictures as they are shown; at a joint the one that is on view there comes first, at the joint's own time."""
    joint: int | None = None
    shown: set[int] = set()

    def fed() -> Iterator[Sample]:
        nonlocal joint
        for step in steps:
            if step.joint is not None:
                joint = max(step.joint, 0)
            if step.shown:
                shown.add(step.sample.pts)
            yield Sample(step.sample.dts, step.sample.pts, 0, step.sample.sync, memoryview(step.sample.data))

    view = None
    begun = False
    for frame in pictures(init, fed(), timescale):
        at = frame.pts
        is_shown = at in shown and (joint is None or at >= joint)
        shown.discard(at)
        if not is_shown:
            view = frame if not begun else view
            continue
        if not begun and view is not None and joint is not None and at > joint:
            yield Seen(view, joint)
        begun = True
        yield Seen(frame, at)
    if not begun and view is not None and joint is not None:
        yield Seen(view, joint)
