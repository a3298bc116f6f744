"""What comes before the first shown picture, made so short that nobody sees it. Pure.

DESIGN: a clip may begin within a chunk, and a decoder may need earlier chunks for it. A player shows whatever it is
given, and edit lists do not work in fragments. So everything that is only decoded gets one tick each, directly before
the first picture that is shown; the picture that is on view where the clip begins is shown from there on. Decode times
are made from the last sample backwards: each as late as its own picture and the sample after it allow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from reeld.media.fragments import Sample


@dataclass(frozen=True, slots=True)
class Window:
    """What is shown of a chunk, in ticks of its track.

    shift: from its own times to those it is shown at. tolerance: by how much rounded times may differ.
    """

    shift: int
    start: int
    end: int
    tolerance: int


def is_whole(own: Sequence[Sample], window: Window) -> bool:
    """Whether all of a chunk is shown, and nothing begins before 0."""
    first = min(each.pts for each in own) + window.shift
    last = max(each.pts + each.duration for each in own) + window.shift
    fits = first >= window.start - window.tolerance and last <= window.end + window.tolerance
    return fits and own[0].dts + window.shift >= 0


def shown_sounds(own: Sequence[Sample], window: Window) -> list[Sample]:
    """The packets of sound that are heard, where they are heard; at least one of them.

    A packet is heard as a whole or not at all: if its middle is. So of two parts that meet in it one has it.
    """
    moved = [_moved(each, window.shift) for each in own]
    kept = [each for each in moved if window.start <= each.pts + each.duration // 2 < window.end]

    def overlap(each: Sample) -> int:
        return min(each.pts + each.duration, window.end) - max(each.pts, window.start)

    return _rising(kept or [max(moved, key=overlap)])


def shown_pictures(lead: Sequence[Sample], own: Sequence[Sample], window: Window) -> list[Sample]:
    """The samples of a chunk with what they need before them, in decoding order; shown are those from start to end.

    lead: what a decoder must be given before the chunk. Samples that are kept for others although they are shown after
    the end stay there.
    """
    samples = [_moved(each, window.shift) for each in (*lead, *own)]
    begin, end = window.start - window.tolerance, max(window.end - window.tolerance, window.start + 1)
    before = [at for at, each in enumerate(samples) if at < len(lead) or each.pts < begin]
    shown = [at for at, each in enumerate(samples) if at >= len(lead) and begin <= each.pts < end]
    first = min((samples[at].pts for at in shown), default=window.end)
    viewed = [at for at in before if samples[at].pts < begin]
    held = max(viewed, key=lambda at: samples[at].pts, default=None)
    if held is not None and (not shown or first > window.start + window.tolerance):
        samples[held] = _begun(samples[held], window.start)
        before.remove(held)
        shown = sorted([held, *shown])
        first = window.start
    if not shown:
        return _rising(samples)  # nothing of it is shown in this window; whoever named it knows why
    kept = samples[: shown[-1] + 1]
    hidden = sorted((at for at in before if at < len(kept)), key=lambda at: kept[at].pts)
    for place, at in enumerate(hidden):
        kept[at] = replace(kept[at], pts=first - len(hidden) + place, dts=first)
    return _rising(_cut(_decoded_late(kept), window, held=held == shown[-1]))


def _moved(sample: Sample, shift: int) -> Sample:
    return replace(sample, dts=sample.dts + shift, pts=sample.pts + shift)


def _begun(sample: Sample, start: int) -> Sample:
    """The picture on view at the start, as if it began there."""
    return replace(sample, dts=start - (sample.pts - sample.dts), pts=start)


def _decoded_late(samples: list[Sample]) -> list[Sample]:
    """Each decoded no later than its picture is shown and before the next one."""
    done: list[Sample] = []
    latest: int | None = None
    for each in reversed(samples):
        dts = min(each.dts, each.pts) if latest is None else min(each.dts, each.pts, latest - 1)
        done.append(replace(each, dts=dts))
        latest = dts
    return done[::-1]


def _cut(samples: list[Sample], window: Window, *, held: bool) -> list[Sample]:
    """The last one lasts to the end at most; a picture that is held does so exactly."""
    last = samples[-1]
    rest = max(1, window.end - last.pts)
    return [*samples[:-1], replace(last, duration=rest if held else min(last.duration, rest))]


def _rising(samples: list[Sample]) -> list[Sample]:
    """From 0 on, since a player knows no negative time: what follows is pushed only as far as that needs."""
    pushed: list[Sample] = []
    least = 0
    for each in samples:
        dts = max(each.dts, least)
        pushed.append(replace(each, dts=dts, pts=max(each.pts, dts)))
        least = dts + 1
    before = -1
    for at in sorted(range(len(pushed)), key=lambda at: samples[at].pts):
        before = max(pushed[at].pts, before + 1)
        pushed[at] = replace(pushed[at], pts=before)
    return pushed
