"""Lays what a device delivers onto a line without holes: frame i of it begins at session start + i / RATE. Pure.

Missing frames become silence of the exact length, surplus ones are cut; both are counted. Pauses do not exist here:
`gate` takes them out afterwards.
"""

from collections import deque
from dataclasses import dataclass

from reeld.audio.samples import Samples, silence


@dataclass(frozen=True)
class Span:
    """Frames [start, end)."""

    start: int
    end: int

    def clipped(self, start: int, end: int) -> "Span | None":
        """The part of it inside [start, end), if any."""
        low, high = max(self.start, start), min(self.end, end)
        return Span(low, high) if low < high else None


@dataclass(frozen=True)
class _Piece:
    """Consecutive frames; without samples they are silence."""

    start: int
    end: int
    samples: Samples | None


class Assembler:
    """A queue of frames without holes. Used by one thread.

    start: number of the first frame. Its memory grows with what is laid and not yet read; the caller reads on.
    """

    def __init__(self, start: int) -> None:
        self._pieces: deque[_Piece] = deque()
        self._head = start
        self._end = start
        self.cut_frames = 0

    @property
    def head(self) -> int:
        """First frame not yet read."""
        return self._head

    @property
    def end(self) -> int:
        """First frame not yet laid."""
        return self._end

    def lay(self, samples: Samples, start: int) -> None:
        """Put `samples` where frame `start` is: silence before them if that is ahead, their beginning cut if behind."""
        surplus = min(self._end - start, len(samples))
        if surplus > 0:
            self.cut_frames += surplus
            samples, start = samples[surplus:], start + surplus
        if not len(samples):
            return
        self.fill_to(start)
        self._append(_Piece(start, start + len(samples), samples))

    def fill_to(self, end: int) -> None:
        """Silence up to frame `end`; nothing if that is already laid."""
        if end > self._end:
            self._append(_Piece(self._end, end, None))

    def read(self, start: int, end: int) -> tuple[Samples, list[Span]]:
        """Frames [start, end) and which of them are silence put in here; whatever lies before them is dropped.

        `start` may not be before `head` nor `end` past the end.
        """
        if not self._head <= start <= end <= self._end:
            raise ValueError(f"frames {start} to {end} of {self._head} to {self._end}")
        out = silence(end - start)
        filled: list[Span] = []
        while self._pieces and self._pieces[0].start < end:
            piece = self._pieces.popleft()
            inside = Span(piece.start, piece.end).clipped(start, end)
            if inside is not None and piece.samples is None:
                filled.append(inside)
            elif inside is not None and piece.samples is not None:
                taken = piece.samples[inside.start - piece.start : inside.end - piece.start]
                out[inside.start - start : inside.end - start] = taken
            if piece.end > end:
                rest = None if piece.samples is None else piece.samples[end - piece.start :]
                self._pieces.appendleft(_Piece(end, piece.end, rest))
        self._head = end
        return out, filled

    def drop_before(self, frame: int) -> None:
        """Forget the frames before `frame`, as far as they are laid."""
        frame = min(frame, self._end)
        if frame > self._head:
            self.read(frame, frame)

    def _append(self, piece: _Piece) -> None:
        self._pieces.append(piece)
        self._end = piece.end
