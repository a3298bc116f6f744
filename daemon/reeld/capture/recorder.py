"""The thread that records one picture: wait for a change, grab, convert, encode, and hand the chunks on.

DESIGN: the thread owns the scene and the writer; others only append orders and wake it through a pipe.
An order names an instant on CLOCK_MONOTONIC that is usually a little in the past: what was recorded after it is taken
back (see chunker). Each turn of the loop does one thing and looks for orders before the next.
"""

import math
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from enum import Enum, auto

import msgspec

from reeld.capture.hiding import SourceHidden
from reeld.capture.pacer import Pacer
from reeld.capture.scene import REOPEN_NS, Scene
from reeld.capture.stages import Stage
from reeld.capture.track import TrackWriter
from reeld.capture.veil import Veil
from reeld.capture.waiting import wait_changed
from reeld.runtime.clock import SessionClock, monotonic_ns
from reeld.runtime.logs import get_logger
from reeld_proto.errors import ErrorCode, InternalError, ReeldError, RequestRejected, TransportError
from reeld_proto.records import GapReason
from reeld_proto.stats import TrackStats
from reeld_proto.units import NS_PER_MS, NS_PER_S

OnTrouble = Callable[[str, ReeldError], None]
"""Told the track and what befell it, in the recorder's thread."""


class _Order(Enum):
    PAUSE = auto()
    RESUME = auto()
    STOP = auto()
    CUT = auto()
    HIDE = auto()


class TrackRecorder:
    """Records one track from `start` to `stop`. Its methods are called by the worker's main thread.

    scene, make_writer: used and closed by the recorder's own thread. clock: its own copy of the session's. veil: when
    nothing may be captured; then the sources are closed, and the track has a `hidden` gap.
    takes_over: the session runs already, and its worker was lost.
    """

    def __init__(
        self,
        track: str,
        *,
        scene: Scene,
        make_writer: Callable[[], TrackWriter],
        clock: SessionClock,
        fps: int,
        on_trouble: OnTrouble,
        veil: Veil,
        takes_over: bool = False,
    ) -> None:
        self.track = track
        self.veil = veil
        self._takes_over = takes_over
        self._hidden = ""
        self._scene = scene
        self._make_writer = make_writer
        self._writer: TrackWriter | None = None
        self._clock = clock
        self._pacer = Pacer(fps)
        self._on_trouble = on_trouble
        self._orders: deque[tuple[_Order, int, str]] = deque()
        self._changes: deque[tuple[Callable[[Scene], None], Future[None]]] = deque()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._wake_poll = select.poll()
        self._wake_poll.register(self._wake_read, select.POLLIN)
        self._started = threading.Event()
        self._cut_done = threading.Event()
        self._keyframe_after_ns: int | None = None
        self._first_ns: int | None = None
        self._failure: ReeldError | None = None
        self._full = True
        self._changed_ns: int | None = None
        self._reopen_ns: int | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name=f"record-{track}", daemon=True)

    # -- called by the main thread ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wait_started(self, timeout_s: float) -> int:
        """Monotonic instant of the first captured frame. Raises what prevented it, or TransportError (TIMEOUT)."""
        if not self._started.wait(timeout_s):
            raise TransportError(f"no frame of {self.track} within {timeout_s:g} s", code=ErrorCode.TIMEOUT)
        if self._failure is not None:
            raise self._failure
        if self._first_ns is None:
            raise InternalError(f"{self.track} started without a frame")
        return self._first_ns

    def pause(self, at_ns: int) -> None:
        """Frames captured at or after monotonic `at_ns` are not recorded until `resume`."""
        self._post(_Order.PAUSE, at_ns)

    def resume(self, at_ns: int) -> None:
        """Record again from monotonic `at_ns` on."""
        self._post(_Order.RESUME, at_ns)

    def hide(self, at_ns: int, detail: str) -> None:
        """Nothing captured at or after monotonic `at_ns` is recorded, until this is called with an empty `detail`.

        detail: why, as the gap will say.
        """
        self._post(_Order.HIDE, at_ns, detail)

    def cut(self, keyframe_after_ns: int | None) -> None:
        """Send what was recorded so far and go on; see `TrackWriter.cut`."""
        self._cut_done.clear()
        self._keyframe_after_ns = keyframe_after_ns
        self._post(_Order.CUT, monotonic_ns())

    def wait_cut(self, timeout_s: float) -> bool:
        """Wait until the last `cut` was carried out; False if it was not in time."""
        return self._cut_done.wait(timeout_s)

    def change(self, work: Callable[[Scene], None], timeout_s: float) -> None:
        """Have the recorder's thread do `work` with the scene, between two frames.

        Raises what `work` raises, and TransportError (TIMEOUT).
        """
        done: Future[None] = Future()
        self._changes.append((work, done))
        self._wake()
        try:
            done.result(timeout_s)
        except TimeoutError as error:
            raise TransportError(
                f"{self.track} did not change within {timeout_s:g} s", code=ErrorCode.TIMEOUT
            ) from error

    def stop(self, at_ns: int) -> None:
        """Record up to monotonic `at_ns`, send the rest, and end the thread."""
        self._post(_Order.STOP, at_ns)

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread's end after `stop`; False if it has not come. Call it before forgetting the recorder."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        if self._wake_read >= 0:
            os.close(self._wake_read)
            os.close(self._wake_write)
            self._wake_read = self._wake_write = -1
        return True

    def statistics(self) -> TrackStats:
        """Counters so far."""
        if self._writer is None:
            return TrackStats(id=self.track)
        found = self._writer.statistics(self._clock.media_ns(monotonic_ns()))
        return msgspec.structs.replace(found, cpu_s=self._scene.stages.seconds())

    def _post(self, order: _Order, at_ns: int, detail: str = "") -> None:
        self._orders.append((order, at_ns, detail))
        self._wake()

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b"x")
        except BlockingIOError:
            return  # the pipe is full of wake-ups already

    # -- the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        writer: TrackWriter | None = None
        try:
            now_ns = monotonic_ns()
            hidden = None if self.veil.hidden_by(now_ns) else self._open_first()
            writer = self._writer = self._make_writer()
            self._look_at_veil(writer, now_ns)
            if hidden is not None:
                self._lose(writer, hidden)
            if self._hidden or hidden is not None:
                self._first_ns = now_ns
                self._started.set()
            else:
                self._take(writer, allowed_ns=monotonic_ns())
            while not self._ended:
                self._turn(writer)
        except ReeldError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a thread's exception would vanish; the daemon must hear of it
            get_logger().exception("recorder.failed", track=self.track)
            self._fail(InternalError(f"recording {self.track} failed: {type(error).__name__}: {error}"))
        finally:
            self._scene.close()
            if writer is not None:
                writer.close()
            self._started.set()

    def _open_first(self) -> SourceHidden | None:
        """Open the scene. A source that a rule hides refuses a start; who takes over waits for it."""
        try:
            self._scene.open()
        except SourceHidden as error:
            if not self._takes_over:
                raise
            return error
        return None

    def _fail(self, error: ReeldError) -> None:
        self._failure = error
        if self._started.is_set():
            self._on_trouble(self.track, error)

    def _turn(self, writer: TrackWriter) -> None:
        now_ns = monotonic_ns()
        self._obey(writer, now_ns)
        if self._ended:
            return
        self._look_at_veil(writer, now_ns)
        if self._clock.paused_since_ns is not None or self._hidden:
            self._nap(None)
        elif self._reopen_ns is not None:
            self._reopen(writer, now_ns)
        else:
            try:
                self._watch(writer, now_ns)
            except RequestRejected as error:
                self._lose(writer, error)

    def _obey(self, writer: TrackWriter, now_ns: int) -> None:
        """Carry out the orders whose time has come."""
        self._drain_wake()
        while self._changes:
            self._carry_out(*self._changes.popleft())
        while self._orders and self._orders[0][1] <= now_ns:
            order, at_ns, detail = self._orders.popleft()
            match order:
                case _Order.PAUSE:
                    self._clock.pause(at_ns)
                    writer.end(self._clock.media_ns(at_ns))
                case _Order.RESUME:
                    self._clock.resume(at_ns)
                    self._full = True
                case _Order.STOP:
                    writer.end(self._clock.media_ns(at_ns))
                    self._ended = True
                    return
                case _Order.HIDE:
                    self.veil.ordered = detail
                    self._look_at_veil(writer, at_ns)
                case _Order.CUT:
                    if self._clock.paused_since_ns is None and not self._full:
                        writer.cut(self._scene.picture.frame, self._clock.media_ns(now_ns), self._keyframe_after_ns)
                    self._cut_done.set()

    def _look_at_veil(self, writer: TrackWriter, at_ns: int) -> None:
        """Close the sources when nothing may be seen from `at_ns` on, and look for them when it may again."""
        hidden = self.veil.hidden_by(at_ns)
        if hidden == self._hidden:
            return
        if hidden:
            writer.lose(self._clock.media_ns(at_ns), GapReason.HIDDEN, hidden)
            self._scene.close()
            self._reopen_ns, self._changed_ns, self._full = None, None, True
        else:
            self._reopen_ns = at_ns
        self._hidden = hidden

    def _carry_out(self, work: Callable[[Scene], None], done: "Future[None]") -> None:
        try:
            work(self._scene)
        except ReeldError as error:
            done.set_exception(error)
        else:
            self._changed_ns = None
            done.set_result(None)

    def _watch(self, writer: TrackWriter, now_ns: int) -> None:
        """Do what is due now, or wait until something is."""
        media_ns = self._clock.media_ns(now_ns)
        self._scene.stages.lap(Stage.SIGNAL)
        writer.release(media_ns)
        self._scene.stages.lap(Stage.SEND)
        if self._full:
            self._take(writer, allowed_ns=now_ns)
            return
        deadline_ns = writer.deadline_ns
        if deadline_ns is None or deadline_ns <= media_ns:
            writer.write(self._scene.picture.frame, media_ns, changed=False)
            self._scene.stages.lap(Stage.ENCODE)
            return
        until_ns = self._clock.monotonic_ns(min(deadline_ns, writer.release_ns or deadline_ns))
        if self._changed_ns is None:
            self._changed_ns = wait_changed(self._scene, self._before_order(until_ns), self._wake_read)
            return
        allowed_ns = self._pacer.allowed_ns(self._changed_ns)
        if now_ns < allowed_ns:
            self._nap(min(until_ns, allowed_ns))
        else:
            self._take(writer, allowed_ns)

    def _take(self, writer: TrackWriter, allowed_ns: int) -> None:
        """Grab and write what changed."""
        full = self._full
        taken = self._scene.grab(full=full)
        if self._first_ns is None:
            self._first_ns = taken.at_ns
            self._started.set()
        missed = self._pacer.missed(allowed_ns, taken.at_ns)
        self._pacer.taken(taken.at_ns)
        self._changed_ns = None
        changed = taken.changed or full
        if missed:
            writer.note_dropped(missed)
        if self._orders and self._orders[0][1] <= taken.at_ns:
            return  # it came too late for this frame: the order is carried out first
        self._full = False
        if changed:
            writer.write(self._scene.picture.frame, self._clock.media_ns(taken.at_ns), changed=True)
            self._scene.stages.lap(Stage.ENCODE)
        else:
            writer.note_unchanged()

    def _lose(self, writer: TrackWriter, error: RequestRejected) -> None:
        now_ns = monotonic_ns()
        writer.lose(self._clock.media_ns(now_ns), *_reason_of(error))
        self._scene.close()
        self._full = True
        self._reopen_ns = now_ns + REOPEN_NS
        if isinstance(error, SourceHidden):
            return
        self._on_trouble(self.track, error)
        get_logger().warning("source.lost", track=self.track, reason=str(error))

    def _reopen(self, writer: TrackWriter, now_ns: int) -> None:
        if self._reopen_ns is not None and now_ns < self._reopen_ns:
            self._nap(self._reopen_ns)
            return
        try:
            self._scene.open()
        except RequestRejected as error:
            if writer.gap != _reason_of(error):
                self._lose(writer, error)
            self._reopen_ns = now_ns + REOPEN_NS
            return
        self._reopen_ns = None
        self._full = True
        self._changed_ns = None
        get_logger().info("source.reopened", track=self.track)

    def _before_order(self, until_ns: int | None) -> int:
        never_ns = monotonic_ns() + 3600 * NS_PER_S
        ahead_ns = self._orders[0][1] if self._orders else never_ns
        return min(each for each in (ahead_ns, until_ns, self.veil.due_ns) if each is not None)

    def _nap(self, until_ns: int | None) -> None:
        """Wait until `until_ns`, the next order's instant, or a wake-up."""
        left_ns = self._before_order(until_ns) - monotonic_ns()
        self._wake_poll.poll(max(0, math.ceil(left_ns / NS_PER_MS)))

    def _drain_wake(self) -> None:
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            return


def _reason_of(error: RequestRejected) -> tuple[GapReason, str]:
    """What a gap says of a source that fails like this."""
    return (GapReason.HIDDEN, error.rule) if isinstance(error, SourceHidden) else (GapReason.DEVICE_LOST, "")
