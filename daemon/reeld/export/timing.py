"""The samples of a track laid out for a file, without a database or FFmpeg. Times are ticks of the file's track.

Tick 0 is the start of the file. What comes before it is there to be decoded and not to be shown: the muxer's edit
list hides it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Timed:
    """A sample at its place in the file. duration: 0 until `with_durations` gave it one."""

    dts: int
    pts: int
    sync: bool
    data: bytes | memoryview
    duration: int = 0


def rising(samples: Iterable[Timed]) -> Iterator[Timed]:
    """Samples with decode times that rise, as a file needs them: a chunk that was shortened may begin too early."""
    last = None
    for sample in samples:
        if last is not None and sample.dts <= last:
            last += 1
            yield replace(sample, dts=last, pts=max(sample.pts, last))
        else:
            last = sample.dts
            yield sample


def decoded_early(samples: Iterable[Timed], lag: int) -> Iterator[Timed]:
    """Samples with decode times that are `lag` ticks earlier (if that is positive): none after its display time."""
    for sample in samples:
        yield replace(sample, dts=min(sample.dts - max(lag, 0), sample.pts)) if lag > 0 else sample


def from_start(samples: Iterable[Timed]) -> Iterator[Timed]:
    """Pictures from the last one that is decodable alone at or before tick 0; the one on view at tick 0 begins there.

    Without that a player would show nothing until the next picture, and a still screen has none for minutes.
    """
    waiting: list[Timed] | None = []
    for sample in samples:
        if waiting is None:
            yield sample
            continue
        if sample.dts > 0:  # nothing that follows is shown before tick 0, whatever the order
            yield from _led_in(waiting)
            waiting = None
            yield sample
            continue
        if sample.sync and sample.pts <= 0:
            waiting.clear()
        waiting.append(sample)
    if waiting:
        yield from _led_in(waiting)


def _led_in(waiting: list[Timed]) -> list[Timed]:
    on_view = max((sample.pts for sample in waiting if sample.pts <= 0), default=None)
    # Without reordering decode and display times are the same and move together.
    return [
        replace(sample, pts=0, dts=0 if sample.dts == sample.pts else sample.dts) if sample.pts == on_view else sample
        for sample in waiting
    ]


def filled(samples: Iterable[Timed], end: int, frame: int, silence: bytes) -> Iterator[Timed]:
    """Sound without holes from tick 0 to `end`: silent frames of `frame` ticks where there is none.

    Players that count samples instead of reading times would drift at a hole. A remainder of less than half a frame is
    taken by the length of the frame before it, so that what follows is in its place. One frame before tick 0 is kept,
    which a decoder needs to build up the first one shown; frames that overlap an earlier one are left out.
    """
    cursor: int | None = None
    for sample in samples:
        if sample.pts + 2 * frame <= 0:
            continue
        if sample.pts >= end:
            break
        if cursor is None:
            cursor = min(0, sample.pts)
        if sample.pts < cursor - frame // 2:
            continue
        for index in range((sample.pts - cursor + frame // 2) // frame):
            yield Timed(cursor + index * frame, cursor + index * frame, sync=True, data=silence)
        yield sample
        cursor = sample.pts + frame
    cursor = cursor or 0
    while cursor < end:
        yield Timed(cursor, cursor, sync=True, data=silence)
        cursor += frame


def with_durations(samples: Iterable[Timed], end: int) -> Iterator[Timed]:
    """Samples shown before `end` and those they build on, each lasting until the next, the last until `end`."""
    held: Timed | None = None
    delay = 0
    for sample in _needed(samples, end):
        if held is not None:
            yield replace(held, duration=sample.dts - held.dts)
        else:
            delay = sample.pts - sample.dts  # pictures that are stored out of order are shown so much later
        held = sample
    if held is not None:
        yield replace(held, duration=max(1, end - delay - held.dts))


def _needed(samples: Iterable[Timed], end: int) -> Iterator[Timed]:
    beyond: list[Timed] = []
    for sample in samples:
        if sample.dts >= end:
            return
        if sample.pts >= end:
            beyond.append(sample)  # wanted only if something that is shown before the end follows it
            continue
        yield from beyond
        beyond.clear()
        yield sample
