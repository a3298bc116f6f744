"""The thread that takes a track's snapshots, beside the recorder and never in its way.

DESIGN: the recorder's thread only compares numbers, and at most every `min_s` copies the picture (0.5 ms at 1080p) into
memory that is used again. Everything else (samples, hash, file, sending) is done here, in a thread of low priority, one
look at a time; while it is busy there is no other. Whatever fails here is told once, and ends the snapshots alone.
"""

import contextlib
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reeld.capture.still_cover import Cover, Piece, Shown
from reeld.capture.stills import ENOUGH_SHARE, Gate, Known, Memory, Pace, changed_share, samples_of
from reeld.media.stills import PictureCopy, Plane, Still, copy_of, encode, fingerprint
from reeld.runtime.logs import get_logger
from reeld_proto.errors import InternalError, ReeldError
from reeld_proto.records import GapReason
from reeld_proto.stats import TrackStats
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import AnyIngest, ChunkCaptured, GapFound, SnapshotSpec

CLOSE_S = 2.0
"""How long a still that is being written is waited for at the end."""

EVENTS_MAX = 1000
"""Pauses, losses and looks that wait for a thread that does not get to run; the recorder makes no more than a few."""

Send = Callable[[AnyIngest, bytes, bytes], bool]
OnTrouble = Callable[[str, ReeldError], None]


@dataclass(frozen=True, slots=True)
class _Event:
    """What the recorder's thread tells: the picture was copied, or the track ended, was cut, lost or found again."""

    kind: str
    at_ns: int
    reason: GapReason = GapReason.DEVICE_LOST
    detail: str = ""


class Snapshotter:
    """Takes the snapshots of one video track. All times are media nanoseconds.

    `seen`, `cut`, `end`, `lose` and `close` are called by the recorder's thread and raise nothing.
    send: hands a message to the store's producer; called in this thread. on_trouble: told of a failure, once.
    """

    def __init__(
        self,
        spec: SnapshotSpec,
        *,
        session: str,
        epoch: int,
        send: Send,
        start_ns: int | None,
        on_trouble: OnTrouble,
    ) -> None:
        self.track = spec.track
        self._of, self._session, self._epoch = spec.of, session, epoch
        self._send = send
        self._on_trouble = on_trouble
        min_ns = round(spec.min_s * NS_PER_S)
        self._gate = Gate(min_ns)
        self._pace = Pace(min_ns, round(spec.max_s * NS_PER_S))
        self._memory = Memory()
        self._cover = Cover(start_ns)
        self._copy: PictureCopy | None = None
        self._looking = self._unsettled = self._lost = self._closing = self._failed = False
        self._due_ns: int | None = None
        self._seen_ns = start_ns or 0
        self._events: deque[_Event] = deque()
        self._wake = threading.Condition()
        self._on_view: Plane | None = None
        self._last_look: Plane | None = None
        self._busy = False
        self._looks = self._taken = self._repeated = self._dropped = self._bytes = self._chunks = 0
        self._thread = threading.Thread(target=self._run, name=f"snapshots-{spec.of}", daemon=True)
        self._thread.start()

    # -- called by the recorder's thread ----------------------------------------------------------------------------

    @property
    def looks(self) -> int:
        """How often the picture was copied."""
        return self._looks

    @property
    def is_idle(self) -> bool:
        """Whether everything that was told is done."""
        with self._wake:
            return not self._events and not self._busy

    def seen(self, frame: Any, at_ns: int, *, changed: bool) -> None:
        """The picture as of `at_ns`; it is not kept. Costs microseconds, or a copy when a look is due."""
        self._seen_ns = at_ns
        if self._failed:
            return
        if self._lost:
            self._lost = False
            self._tell(_Event("found", at_ns))
        if not self._looking and self._gate.is_open(at_ns, changed=changed or self._unsettled):
            try:
                self._copy = copy_of(frame, self._copy)
            except ReeldError as error:
                self._fail(error)
                return
            self._looking = True
            self._gate.looked(at_ns)
            self._looks += 1
            self._tell(_Event("look", at_ns))
        elif self._due_ns is not None and at_ns >= self._due_ns:
            self._due_ns = None
            self._tell(_Event("due", at_ns))

    def cut(self, at_ns: int) -> None:
        """Send what was taken so far."""
        self._tell(_Event("end", at_ns))

    def end(self, at_ns: int) -> None:
        """The track ends or pauses at `at_ns`; what may follow is looked at anew."""
        self._gate.hurry()
        self._tell(_Event("end", at_ns))

    def lose(self, at_ns: int, reason: GapReason, detail: str = "") -> None:
        """The source was lost at `at_ns`, or hidden."""
        self._gate.hurry()
        self._lost = True
        self._tell(_Event("lose", at_ns, reason, detail))

    def close(self) -> None:
        """Send the rest and end the thread; a still that is being written is waited for a moment."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            self._failed = True
            get_logger().warning("snapshots.late", track=self.track)

    def statistics(self, picture: TrackStats) -> TrackStats:
        """Counters so far. From any thread. frames: pictures that were stored; unchanged: those that had been before.

        picture: of the video track. The snapshots are as far as that is, even when they failed: nobody shall restart
        the recorder for them.
        """
        return TrackStats(
            id=self.track,
            frames=self._taken,
            unchanged=self._repeated,
            dropped=self._dropped,
            bytes=self._bytes,
            chunks=self._chunks,
            lag_ms=picture.lag_ms,
            media_s=picture.media_s,
        )

    def _tell(self, event: _Event) -> None:
        if self._failed:
            return
        with self._wake:
            if len(self._events) >= EVENTS_MAX:
                return
            self._events.append(event)
            self._wake.notify()

    def _fail(self, error: ReeldError) -> None:
        self._failed = True
        get_logger().error("snapshots.failed", track=self.track, code=error.code, reason=str(error))
        self._on_trouble(self.track, error)

    # -- the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        _be_nice()
        try:
            while (event := self._next()) is not None and not self._failed:
                self._handle(event)
        except ReeldError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a thread's exception would vanish, and the recording must go on
            get_logger().exception("snapshots.broken", track=self.track)
            self._fail(InternalError(f"snapshots of {self._of} failed: {type(error).__name__}: {error}"))

    def _next(self) -> _Event | None:
        with self._wake:
            self._busy = False
            self._wake.wait_for(lambda: self._events or self._closing)
            self._busy = bool(self._events)
            return self._events.popleft() if self._events else None

    def _handle(self, event: _Event) -> None:
        match event.kind:
            case "look":
                self._look(event.at_ns)
                self._looking = False
                self._send_all(self._cover.advance(max(event.at_ns, self._seen_ns)))
            case "due":
                self._send_all(self._cover.advance(event.at_ns))
            case "end":
                self._send_all(self._cover.end(event.at_ns))
                if self._cover.forgot:
                    self._on_view, self._memory = None, Memory()
            case "lose":
                self._send_all(self._cover.lose(event.at_ns, event.reason, event.detail))
                self._on_view = None
                self._memory = Memory() if self._cover.forgot else self._memory
            case "found":
                self._send_all(self._cover.found(event.at_ns))
        self._due_ns = self._cover.due_ns

    def _look(self, at_ns: int) -> None:
        picture = self._copy
        if picture is None:
            return
        begun_ns = time.thread_time_ns()
        luma = picture.luma()
        samples = samples_of(luma)
        moved = 1.0 if self._last_look is None else changed_share(self._last_look, samples)
        away = 1.0 if self._on_view is None else changed_share(self._on_view, samples)
        self._last_look = samples
        wanted = self._pace.wants(at_ns, moved=moved, away=away) or self._on_view is None
        # What the pace refuses now is looked at again, whether or not it goes on changing.
        self._unsettled = not wanted and away >= ENOUGH_SHARE
        if not wanted:
            return
        hash_bits = fingerprint(luma)
        known = self._memory.find(samples, hash_bits)
        still = self._encoded(picture, samples, hash_bits, at_ns) if known is None else known.still
        # What is compared from now on is what was stored, so that small differences add up.
        self._on_view = samples if known is None else known.samples
        self._pace.taken(at_ns, time.thread_time_ns() - begun_ns, moved=moved)
        self._taken += known is None
        self._repeated += known is not None
        self._cover.show(Shown(at_ns, still, repeated=known is not None))

    def _encoded(self, picture: PictureCopy, samples: Plane, hash_bits: int, at_ns: int) -> Still:
        still = encode(picture, hash_bits=hash_bits, of=self._of, taken_ns=at_ns)
        self._memory.keep(Known(still, samples, hash_bits))
        return still

    def _send_all(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            self._send_piece(piece)

    def _send_piece(self, piece: Piece) -> None:
        place: dict[str, Any] = {
            "session": self._session,
            "track": self.track,
            "epoch": self._epoch,
            "start_ns": piece.start_ns,
            "end_ns": piece.end_ns,
        }
        if piece.still is None:
            self._send(GapFound(**place, reason=piece.reason or GapReason.DROPPED, detail=piece.detail), b"", b"")
            return
        is_new = piece.shown is not None and not piece.shown.repeated
        message = ChunkCaptured(
            **place,
            frames=int(is_new),
            keyframe=True,
            codec=piece.still.format,
            unchanged=int(piece.shown is not None and piece.shown.repeated),
        )
        if not self._send(message, piece.still.payload, piece.still.init):
            self._dropped += 1
            return
        self._chunks += 1
        self._bytes += len(piece.still.payload) if is_new else 0


def _be_nice() -> None:
    """Let this thread alone run when nothing else wants to; on Linux a thread has a policy of its own.

    Not by niceness: at +10 the first still of two moving displays still cost the recorder a frame on two cores.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))
