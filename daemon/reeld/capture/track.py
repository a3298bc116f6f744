"""A track being written: pictures in, chunks and gaps out. Used by the thread of its recorder."""

from collections.abc import Callable
from typing import Protocol

import av

from reeld.capture.chunker import Chunk, Chunker, Sample
from reeld.media.encoder import TIMESCALE, VideoEncoder
from reeld.runtime.logs import get_logger
from reeld_proto.records import GapReason
from reeld_proto.stats import TrackStats
from reeld_proto.units import seconds
from reeld_proto.workers import AnyIngest, ChunkCaptured, GapFound

KEYFRAME_AFTER_NS = 8_800_000_000
"""While the picture changes, the first chunk this long after a keyframe starts with a new one, so that no two are more
than 10 s apart: a chunk with changes is at most 1.15 s long. While nothing moves there is none."""

Send = Callable[[AnyIngest, bytes, bytes], bool]
"""Hands a message, its payload and its init segment to the store's producer; False if it was dropped."""


class Watcher(Protocol):
    """Sees what a track shows: takes snapshots of it. Called in the recorder's thread; raises nothing."""

    def seen(self, frame: av.VideoFrame, at_ns: int, *, changed: bool) -> None:
        """The picture as of `at_ns`, borrowed until return."""
        ...

    def cut(self, at_ns: int) -> None:
        """What was recorded up to `at_ns` is wanted now."""
        ...

    def end(self, at_ns: int) -> None:
        """The track ends or pauses at `at_ns`."""
        ...

    def lose(self, at_ns: int, reason: GapReason, detail: str) -> None:
        """The source was lost at `at_ns`, or hidden, until the picture is seen again."""
        ...

    def close(self) -> None:
        """Nothing follows. Called once."""
        ...


class TrackWriter:
    """Encodes one track, cuts it into chunks and sends them. All times are media nanoseconds.

    start_ns: where the track must begin; None: where its first frame comes (after a restart). watcher: is shown every
    picture, and closed with the writer.
    Methods that send return nothing: a refused chunk is counted and leaves a hole that the store explains.
    """

    def __init__(
        self,
        *,
        session: str,
        track: str,
        epoch: int,
        encoder: VideoEncoder,
        send: Send,
        start_ns: int | None,
        watcher: Watcher | None = None,
    ) -> None:
        self._session, self._track, self._epoch = session, track, epoch
        self._encoder = encoder
        self._send = send
        self._watcher = watcher
        self._chunker = Chunker(timescale=TIMESCALE, start_ns=start_ns)
        self._is_first = start_ns is not None
        self._gap: tuple[int, GapReason, str] | None = None
        self._keyframe_ns: int | None = None
        self._moved = False
        self._sent_ns = start_ns or 0
        self._frames = self._unchanged = self._dropped = self._bytes = self._chunks = 0

    @property
    def deadline_ns(self) -> int | None:
        """When the picture must be written again even if it has not changed; None: at once, no chunk is open."""
        return self._chunker.deadline_ns

    @property
    def gap(self) -> tuple[GapReason, str] | None:
        """Why nothing is captured now, with its detail; None if it is."""
        return None if self._gap is None else self._gap[1:]

    @property
    def release_ns(self) -> int | None:
        """When `release` will have something to send; None if nothing waits."""
        return self._chunker.release_ns

    def write(self, frame: av.VideoFrame, at_ns: int, *, changed: bool) -> None:
        """Encode the picture as captured at `at_ns`."""
        at_ns, ticks = self._chunker.place(at_ns)
        if self._gap is not None:
            start_ns, reason, detail = self._gap
            self._gap = None
            self._send_gap(start_ns, at_ns, reason, detail)
        self._moved = self._moved or changed
        keyframe = self._wants_keyframe(at_ns)
        encoded = self._encoder.encode(frame, ticks, keyframe=keyframe)
        if encoded.keyframe:
            self._keyframe_ns, self._moved = at_ns, False
        self._chunker.add(Sample(encoded.packet, encoded.size, at_ns, ticks, encoded.keyframe, changed))
        self._frames += 1
        if not changed:
            self._unchanged += 1
        if self._watcher is not None:
            self._watcher.seen(frame, at_ns, changed=changed)

    def note_unchanged(self) -> None:
        """The picture was looked at and was the same."""
        self._unchanged += 1
        self._chunker.note_unchanged()

    def note_dropped(self, frames: int) -> None:
        """Frames came too late to be taken."""
        self._dropped += frames
        self._chunker.note_dropped(frames)

    def release(self, now_ns: int) -> None:
        """Send the chunks that orders can no longer shorten."""
        while (chunk := self._chunker.take(now_ns)) is not None:
            self._send_chunk(chunk)

    def cut(self, frame: av.VideoFrame, at_ns: int, keyframe_after_ns: int | None) -> None:
        """Send all up to `at_ns`, and go on with the same picture.

        keyframe_after_ns: it becomes a key frame if the last one is older than this; None: if it is due.
        """
        if self._gap is not None or self._chunker.is_empty:
            return
        self._chunker.hurry()
        if keyframe_after_ns is not None and at_ns - (self._keyframe_ns or 0) >= keyframe_after_ns:
            self._keyframe_ns = None
        self.write(frame, at_ns, changed=False)
        self._flush()
        if self._watcher is not None:
            self._watcher.cut(at_ns)

    def end(self, at_ns: int) -> None:
        """The track ends or pauses at `at_ns`: send all up to there. What follows is a new start with a keyframe."""
        if self._gap is not None:
            # The gap ends with the track; if it was a pause, what is still missing after it is a gap of its own.
            start_ns, reason, detail = self._gap
            self._send_gap(start_ns, at_ns, reason, detail)
            self._gap = (max(start_ns, at_ns), reason, detail)
        else:
            self._chunker.cut(at_ns)
        self._keyframe_ns = None
        self._flush()
        if self._watcher is not None:
            self._watcher.end(at_ns)

    def lose(self, at_ns: int, reason: GapReason, detail: str = "") -> None:
        """Nothing is captured from `at_ns` on: send all up to there; the hole until the next frame has `reason`.

        If there is a hole already, it ends here and another begins.
        """
        if self._gap is not None:
            start_ns = self._gap[0]
            self._send_gap(start_ns, at_ns, *self._gap[1:])
            self._gap = (max(start_ns, at_ns), reason, detail)
            if self._watcher is not None:
                self._watcher.lose(at_ns, reason, detail)
            return
        self._chunker.cut(at_ns)
        self._chunker.leave_hole()
        self._keyframe_ns = None
        self._flush()
        # A worker that took over has not covered anything yet: what was before is not its to explain.
        self._gap = (self._chunker.end_ns if self._frames or self._is_first else at_ns, reason, detail)
        if self._watcher is not None:
            self._watcher.lose(at_ns, reason, detail)

    def statistics(self, now_ns: int) -> TrackStats:
        """Counters so far. From any thread.

        While the source is lost every instant is explained by the gap to come: the recorder is well, and `media_s`
        goes on, so that nobody restarts it for a missing screen.
        """
        explained_ns = now_ns if self._gap is not None else self._sent_ns
        return TrackStats(
            id=self._track,
            frames=self._frames,
            unchanged=self._unchanged,
            dropped=self._dropped,
            bytes=self._bytes,
            chunks=self._chunks,
            lag_ms=round(max(0, now_ns - explained_ns) / 1e6, 1),
            media_s=seconds(explained_ns),
        )

    def close(self) -> None:
        """Free the encoder, and let the watcher finish."""
        self._encoder.close()
        if self._watcher is not None:
            self._watcher.close()

    def _wants_keyframe(self, at_ns: int) -> bool:
        if self._keyframe_ns is None:
            return True
        return self._chunker.is_empty and self._moved and at_ns - self._keyframe_ns >= KEYFRAME_AFTER_NS

    def _flush(self) -> None:
        while (chunk := self._chunker.take(None)) is not None:
            self._send_chunk(chunk)

    def _send_chunk(self, chunk: Chunk) -> None:
        payload = self._encoder.fragment([sample.packet for sample in chunk.samples], chunk.end_ticks)
        message = ChunkCaptured(
            session=self._session,
            track=self._track,
            epoch=self._epoch,
            start_ns=chunk.start_ns,
            end_ns=chunk.end_ns,
            frames=len(chunk.samples),
            keyframe=chunk.samples[0].keyframe,
            codec=self._encoder.codec,
            dropped=chunk.dropped,
            unchanged=chunk.unchanged,
        )
        if self._send(message, payload, self._encoder.init):
            self._sent_ns = chunk.end_ns
            self._chunks += 1
            self._bytes += len(payload)
            return
        # What follows cannot be decoded without this chunk: begin again, with a keyframe.
        lost = len(chunk.samples) + self._chunker.discard()
        self.note_dropped(lost)
        self._keyframe_ns = None
        get_logger().warning("chunk.refused", track=self._track, frames=lost, bytes=len(payload))

    def _send_gap(self, start_ns: int, end_ns: int, reason: GapReason, detail: str) -> None:
        if end_ns > start_ns:
            gap = GapFound(
                session=self._session,
                track=self._track,
                epoch=self._epoch,
                start_ns=start_ns,
                end_ns=end_ns,
                reason=reason,
                detail=detail,
            )
            self._send(gap, b"", b"")
