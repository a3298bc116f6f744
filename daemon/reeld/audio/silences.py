"""Which frames of a track nobody delivered. Pure."""

from collections import deque

from reeld.audio.assembler import Span


class Silences:
    """Spans of counted silence in rising order; what is added twice counts once. Used by one thread."""

    def __init__(self) -> None:
        self._spans: deque[Span] = deque()

    def add(self, start: int, end: int) -> None:
        """Frames [start, end) are silence; `start` is not before any frame added earlier."""
        if self._spans and start <= self._spans[-1].end:
            last = self._spans.pop()
            start, end = last.start, max(last.end, end)
        self._spans.append(Span(start, end))

    def within(self, start: int, end: int) -> list[Span]:
        """The spans inside [start, end)."""
        return [part for span in self._spans if (part := span.clipped(start, end)) is not None]

    def drop_before(self, frame: int) -> None:
        """Forget what ends at or before `frame`."""
        while self._spans and self._spans[0].end <= frame:
            self._spans.popleft()


def common_frames(tracks: list[list[Span]]) -> int:
    """How many frames are silent in all of `tracks` at once; 0 for no tracks."""
    if not tracks:
        return 0
    common = tracks[0]
    for spans in tracks[1:]:
        pairs = ((one, other) for one in common for other in spans)
        common = [part for one, other in pairs if (part := one.clipped(other.start, other.end)) is not None]
    return sum(span.end - span.start for span in common)
