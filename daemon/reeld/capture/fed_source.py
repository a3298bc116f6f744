"""A source whose pictures come from a thread of its own: a file, a camera.

DESIGN: the thread opens, reads and closes the device, so whatever hangs in it hangs there. It leaves each picture in a
mailbox for one and writes a byte into a pipe; a picture nobody fetched before the next one came is replaced, and
counted. Each opening has its own mailbox: a thread that had to be left behind cannot disturb the next one.

A lost source is opened again by somebody who has other sources to attend to. So its opening goes on in the background,
and each further `open` looks only briefly whether there is a picture by now.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Generator, Sequence

from reeld.capture.api import Band, Grab, Pixels, Rect, Size
from reeld.capture.compare import changed_rows
from reeld.runtime.logs import get_logger
from reeld_proto.errors import ErrorCode, InternalError, ReeldError, RequestRejected
from reeld_proto.stats import QueueStats
from reeld_proto.units import NS_PER_S

PICTURES_MAX = 1
"""Pictures in the mailbox: only the newest is of any use. Above it the older one is dropped and counted."""

OPEN_S = 5.0
"""How long the first picture may take, in seconds."""
AGAIN_S = 0.05
"""How long it is waited for when a lost source is opened again, in seconds: for that long the other sources stand."""
KEEP_NS = 3 * NS_PER_S
"""How long an opening goes on in the background after `close`: longer than the pause before it is tried again."""
CLOSE_S = 0.5
"""How long the thread may take to notice that it is to end, in seconds; then it is left behind."""

Read = Callable[[threading.Event], Generator[tuple[int, Pixels], None, None]]
"""Yields pictures in the source's thread, each at the monotonic instant it carries, and returns soon after the event is
set. Each has pixels of its own. Its end keeps the last picture; what is lost for good raises RequestRejected."""


class FedSource:
    """Implements FrameSource. name: for messages and statistics. remedy: what to do when it gives no picture.

    silent_ns: without a picture for this long it counts as lost; None: it may be still for as long as it likes.
    """

    def __init__(self, name: str, read: Read, *, remedy: str, silent_ns: int | None = None) -> None:
        self._name = name
        self._read = read
        self._remedy = remedy
        self._silent_ns = silent_ns
        self._box: _Mailbox | None = None
        self._pending: _Mailbox | None = None
        self._left_behind: threading.Thread | None = None
        self._lost = False
        self._last: Pixels | None = None
        self._size = Size(0, 0)
        self._dropped = 0

    def open(self) -> None:
        """See FrameSource; waits for the first picture, `OPEN_S` at most, or `AGAIN_S` after it was lost."""
        self._release()
        box = self._pending = self._begin()
        patience_s = AGAIN_S if self._lost else OPEN_S
        if not box.begun.wait(patience_s):
            self._lost = True
            raise self._fault(f"gave no picture within {patience_s:g} s")
        self._pending = None
        if box.size is None:
            failure = box.failure
            self._end(box)
            raise failure or self._fault("has no picture")
        self._box, self._size, self._lost = box, box.size, False

    def close(self) -> None:
        """See FrameSource; waits for the thread, `CLOSE_S` at most.

        An opening that has not come to an end goes on for `KEEP_NS`, in case it is opened again.
        """
        self._release()
        if self._pending is not None:
            self._pending.abandon()

    @property
    def size(self) -> Size:
        """See FrameSource."""
        return self._size

    def filenos(self) -> Sequence[int]:
        """See FrameSource."""
        return (self._opened().signal_fd,)

    def changed_ns(self) -> int | None:
        """See FrameSource. The instant is the picture's own: when it was taken, or is to be shown."""
        box = self._opened()
        changed_ns = box.changed_ns()
        if changed_ns is None:
            self._check(box)
        return changed_ns

    def grab(self, *, full: bool) -> Grab:
        """See FrameSource."""
        box = self._opened()
        pixels, last = box.take(), self._last
        if pixels is None:
            self._check(box)
            pixels = last
        at_ns = time.monotonic_ns()
        if pixels is None:
            raise InternalError(f"{self._name} is open without a picture")
        height, width = pixels.shape[:2]
        if full or last is None or last.shape != pixels.shape:
            parts = [Rect(0, 0, width, height)]
        else:
            parts = [] if pixels is last else changed_rows(last, pixels)
        self._last, self._size = pixels, Size(width, height)
        return Grab(at_ns, [Band(part, pixels[part.y : part.bottom]) for part in parts])

    def statistics(self) -> QueueStats:
        """The mailbox; `dropped` counts pictures nobody fetched in time, since the source was made. Any thread."""
        box = self._box
        return QueueStats(
            name=f"pictures {self._name}",
            unit="pictures",
            depth=0 if box is None else box.depth,
            limit=PICTURES_MAX,
            peak=PICTURES_MAX,
            dropped=self._dropped + (box.dropped if box is not None else 0),
            overflow="drop",
        )

    def _fault(self, fault: str) -> RequestRejected:
        return RequestRejected(f"{self._name} {fault}", code=ErrorCode.DEVICE_FAILED, remedy=self._remedy)

    def _opened(self) -> "_Mailbox":
        if self._box is None:
            raise self._fault("is not open")
        return self._box

    def _check(self, box: "_Mailbox") -> None:
        """Raises if no other picture is to come although it should."""
        silent = self._silent_ns is not None and time.monotonic_ns() - box.arrived_ns > self._silent_ns
        if box.failure is None and not silent:
            return
        self._lost = True
        raise box.failure or self._fault(f"has given no picture for {(self._silent_ns or 0) / NS_PER_S:g} s")

    def _begin(self) -> "_Mailbox":
        """The opening that is under way, or a new one."""
        if self._pending is not None:
            if self._pending.reclaim():
                return self._pending
            self._end(self._pending)
        if self._left_behind is not None and self._left_behind.is_alive():
            raise self._fault("has not come back from its last use")
        box = _Mailbox()
        box.thread = threading.Thread(target=self._run, args=(box,), name=f"read {self._name}", daemon=True)
        box.thread.start()
        return box

    def _release(self) -> None:
        box, self._box, self._last = self._box, None, None
        if box is not None:
            self._end(box)

    def _end(self, box: "_Mailbox") -> None:
        box.stopped.set()
        if box.thread is not None:
            box.thread.join(CLOSE_S)
            if box.thread.is_alive():
                self._left_behind = box.thread
                get_logger().warning("source.left_behind", source=self._name)
        self._dropped += box.dropped
        box.close()

    def _run(self, box: "_Mailbox") -> None:
        try:
            with contextlib.closing(self._read(box.stopped)) as pictures:
                for at_ns, pixels in pictures:
                    if box.stopped.is_set() or box.is_given_up():
                        break
                    box.put(at_ns, pixels)
            box.end(None)
        except ReeldError as error:
            box.end(error)
        except Exception as error:  # noqa: BLE001 - a thread's exception would vanish; the recorder must hear of it
            get_logger().exception("source.failed", source=self._name)
            box.end(InternalError(f"reading {self._name} failed: {type(error).__name__}: {error}"))


class _Mailbox:
    """From the thread to the source's owner. The thread calls `put`, `end` and `is_given_up`, the owner the rest.

    size: of the newest picture, None before the first.
    """

    def __init__(self) -> None:
        self.thread: threading.Thread | None = None
        self.stopped = threading.Event()
        self.begun = threading.Event()
        self.failure: ReeldError | None = None
        self.size: Size | None = None
        self.dropped = 0
        self.arrived_ns = time.monotonic_ns()
        self._lock = threading.Lock()
        self._pixels: Pixels | None = None
        self._changed_ns: int | None = None
        self._signalled = False
        self._abandoned_ns: int | None = None
        self._given_up = self._closed = False
        self.signal_fd, self._write_fd = os.pipe()

    def put(self, at_ns: int, pixels: Pixels) -> None:
        """A new picture, of the monotonic instant `at_ns`."""
        with self._lock:
            self.dropped += self._pixels is not None
            self._pixels = pixels
            self._changed_ns = at_ns if self._changed_ns is None else self._changed_ns
            self.arrived_ns = time.monotonic_ns()
            self.size = Size(pixels.shape[1], pixels.shape[0])
            self._signal()
        self.begun.set()

    def end(self, failure: ReeldError | None) -> None:
        """There will be no other picture."""
        with self._lock:
            self.failure = failure
            self._signal()
        self.begun.set()

    def changed_ns(self) -> int | None:
        """The instant of the oldest picture not fetched, or None; then the next one makes `signal_fd` readable."""
        with self._lock:
            if self._signalled:
                os.read(self.signal_fd, 1)
                self._signalled = False
            return self._changed_ns

    @property
    def depth(self) -> int:
        """Pictures not fetched. Any thread."""
        return int(self._changed_ns is not None)

    def take(self) -> Pixels | None:
        """The newest picture, if it was not fetched."""
        with self._lock:
            pixels, self._pixels, self._changed_ns = self._pixels, None, None
            return pixels

    def abandon(self) -> None:
        """Nobody waits for the opening any more; `reclaim` within `KEEP_NS`, or the thread gives up."""
        with self._lock:
            self._abandoned_ns = time.monotonic_ns()

    def reclaim(self) -> bool:
        """The opening is waited for again; False if the thread has given up."""
        with self._lock:
            self._abandoned_ns = None
            return not self._given_up

    def is_given_up(self) -> bool:
        """Whether the thread is to end because nobody reclaimed it."""
        with self._lock:
            since_ns = self._abandoned_ns
            self._given_up = since_ns is not None and time.monotonic_ns() - since_ns > KEEP_NS
            if self._given_up:
                self._close()
            return self._given_up

    def close(self) -> None:
        """Close the pipe; a thread left behind writes nowhere."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if not self._closed:
            self._closed = True
            os.close(self.signal_fd)
            os.close(self._write_fd)

    def _signal(self) -> None:
        if not self._signalled and not self._closed:
            self._signalled = True
            os.write(self._write_fd, b"x")
