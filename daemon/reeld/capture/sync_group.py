"""Cameras and films of one picture, shown at common instants: the synchroniser between sources and scene.

DESIGN: what the screen shows has no time of its own, it is there when it is looked at. Cameras and films bring frames
at times of theirs, early, late or not at all. Those of one scene are fetched whenever the scene asks any of them, given
to the synchroniser, and shown when a set of them leaves. Belongs to the thread of the scene.
"""

import contextlib
from collections.abc import Sequence

from reeld.capture.api import Band, FrameSource, Grab, Pixels, Rect, Size
from reeld.capture.compare import changed_rows
from reeld.capture.synchroniser import Frame, LaneCounts, Synchroniser
from reeld.runtime.clock import monotonic_ns
from reeld_proto.errors import ErrorCode, RequestRejected


class SyncGroup:
    """Sources that are shown in step. fps: of the scene, and the most that a source brings."""

    def __init__(self, fps: int) -> None:
        self._fps = fps
        self._synchroniser = Synchroniser(fps)
        self._members: dict[int, SyncedSource] = {}
        self._numbers = 0

    def joined(self, source: FrameSource) -> "SyncedSource":
        """The source as a member: while it is open, it waits for the others and they for it."""
        self._numbers += 1
        return SyncedSource(self, self._numbers, source)

    def counts(self) -> dict[int, LaneCounts]:
        """Of the members that are open, by number. From any thread."""
        with contextlib.suppress(RuntimeError):  # one joins or leaves just now; the next report has it
            return self._synchroniser.counts()
        return {}

    def add(self, member: "SyncedSource") -> None:
        """A member was opened."""
        self._members[member.number] = member
        self._synchroniser.add(member.number, self._fps)

    def remove(self, member: "SyncedSource") -> None:
        """A member was closed; nothing happens if it was before."""
        if self._members.pop(member.number, None) is not None:
            self._synchroniser.remove(member.number)

    def pump(self) -> None:
        """Fetch what the members have, and show the sets that can leave."""
        now_ns = monotonic_ns()
        for member in self._members.values():
            frame = member.fetch()
            if frame is not None:
                self._synchroniser.offer(member.number, frame, now_ns)
        for shown in self._synchroniser.take(now_ns):
            for number, pick in shown.picks.items():
                if pick.fresh:
                    self._members[number].show(pick.frame.picture, shown.at_ns)


class SyncedSource:
    """Implements FrameSource over one that brings whole pictures with pixels of their own. number: within its group."""

    def __init__(self, group: SyncGroup, number: int, source: FrameSource) -> None:
        self.number = number
        self._group = group
        self._source = source
        self._sequence = 0
        self._failure: RequestRejected | None = None
        self._shown: Pixels | None = None
        self._grabbed: Pixels | None = None
        self._changed_ns: int | None = None

    @property
    def size(self) -> Size:
        """See FrameSource."""
        return self._source.size if self._shown is None else Size(self._shown.shape[1], self._shown.shape[0])

    def open(self) -> None:
        """See FrameSource."""
        self.close()
        self._source.open()
        # The first picture waits for nobody.
        self._shown = self._source.grab(full=True).bands[0].pixels
        self._changed_ns = monotonic_ns()
        self._group.add(self)

    def close(self) -> None:
        """See FrameSource."""
        self._group.remove(self)
        self._source.close()
        self._failure = self._shown = self._grabbed = self._changed_ns = None

    def filenos(self) -> Sequence[int]:
        """See FrameSource."""
        return self._source.filenos()

    def changed_ns(self) -> int | None:
        """See FrameSource; the instant is that of the set."""
        self._group.pump()
        if self._failure is not None:
            raise self._failure
        return self._changed_ns

    def grab(self, *, full: bool) -> Grab:
        """See FrameSource."""
        if self._failure is not None:
            raise self._failure
        shown, before = self._shown, self._grabbed
        if shown is None:
            raise RequestRejected("the source is not open", code=ErrorCode.DEVICE_FAILED)
        if full or before is None or before.shape != shown.shape:
            parts = [Rect(0, 0, shown.shape[1], shown.shape[0])]
        else:
            parts = [] if shown is before else changed_rows(before, shown)
        self._grabbed, self._changed_ns = shown, None
        return Grab(monotonic_ns(), [Band(part, shown[part.y : part.bottom]) for part in parts])

    def fetch(self) -> Frame | None:
        """The picture that the source has and nobody has seen. What befalls it is told to whoever asks this member."""
        if self._failure is not None:
            return None
        try:
            captured_ns = self._source.changed_ns()
            if captured_ns is None:
                return None
            pixels = self._source.grab(full=True).bands[0].pixels
        except RequestRejected as error:
            self._failure = error
            return None
        self._sequence += 1
        return Frame(captured_ns, self._sequence, pixels)

    def show(self, pixels: Pixels, at_ns: int) -> None:
        """The set of `at_ns` shows this picture."""
        self._shown = pixels
        self._changed_ns = self._changed_ns or at_ns
