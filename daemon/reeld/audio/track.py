"""A track being written: samples in, chunks to the store out. Used by the pump thread; `statistics` by any."""

from collections.abc import Callable, Sequence

import numpy as np

from reeld.audio.clocknews import Clock, ClockNews
from reeld.audio.encoder import EncodedChunk, encoder_for
from reeld.audio.samples import RATE, Samples, frames_to_ns
from reeld.audio.silences import Silences, common_frames
from reeld.runtime.logs import get_logger
from reeld_proto.records import SoundClock
from reeld_proto.stats import TrackStats
from reeld_proto.units import seconds
from reeld_proto.workers import AnyIngest, AudioTrackSpec, ChunkCaptured

Send = Callable[[AnyIngest, bytes, bytes], bool]
"""Hands a message, its payload and its init segment to the store's producer; False if it was dropped."""

SILENCE_DB = -120.0
"""Reported for nothing but zeros."""


def _no_clock() -> None:
    return None


class TrackWriter:
    """Encodes one track and sends its chunks. Raises RequestRejected for a codec that cannot be had so.

    spec: what the track is; first_frame: of its own rate, at which it begins. silences: of every source that sounds in
    this track; a frame counts as silent if it is so in all of them.
    clock: of the one device that sounds in it, None for a mix.
    A chunk that the producer refuses is counted and leaves a hole that the store explains.
    """

    def __init__(
        self,
        *,
        session: str,
        spec: AudioTrackSpec,
        epoch: int,
        first_frame: int,
        send: Send,
        silences: Sequence[Silences] = (),
        clock: Clock | None = None,
    ) -> None:
        self._session, self._track, self._epoch = session, spec.track, epoch
        self._codec, self._rate = spec.codec, spec.rate
        self._send = send
        self._silences = silences
        self._clock = clock or _no_clock
        self._news = ClockNews(session=session, track=spec.track, epoch=epoch, clock=self._runs, send=send)
        self._encoder = encoder_for(
            spec.codec, rate=spec.rate, channels=spec.channels, bit_rate=spec.bit_rate, first_frame=first_frame
        )
        self._sent_ns = frames_to_ns(first_frame, spec.rate)
        self._silent_ns = 0
        self._peak = 0.0
        self._packets = self._chunks = self._bytes = self._dropped = 0

    @property
    def sent_ns(self) -> int:
        """Media time up to which chunks were sent."""
        return self._sent_ns

    def hear(self, silences: Sequence[Silences], clock: Clock | None) -> None:
        """From now on these are the silences of its sources, and this is the clock of the one device, if it is one."""
        self._silences = silences
        self._clock = clock or _no_clock

    def _runs(self) -> SoundClock | None:
        return self._clock()

    def write(self, samples: Samples) -> None:
        """Encode the frames that follow."""
        if len(samples):
            self._peak = max(self._peak, float(np.max(samples)), -float(np.min(samples)))
            for chunk in self._encoder.write(samples):
                self._send_chunk(chunk)

    def cut(self) -> None:
        """Send what is encoded, though its chunk is not full."""
        for chunk in self._encoder.cut():
            self._send_chunk(chunk)

    def finish(self, end_frame: int, end_ns: int) -> None:
        """Send what remains up to `end_frame`, which is `end_ns`. Called once."""
        self._news.tell(end_ns, last=True)
        for chunk in self._encoder.finish(end_frame, end_ns):
            self._send_chunk(chunk)

    def statistics(self, now_media_ns: int) -> TrackStats:
        """Counters so far; the peak is that since the last call."""
        peak, self._peak = self._peak, 0.0
        return TrackStats(
            id=self._track,
            frames=self._packets,
            dropped=self._dropped,
            bytes=self._bytes,
            chunks=self._chunks,
            lag_ms=round(max(0, now_media_ns - self._sent_ns) / 1e6, 1),
            media_s=seconds(self._sent_ns),
            silence_s=seconds(self._silent_ns),
            peak_db=round(float(20 * np.log10(peak)), 1) if peak > 1e-6 else SILENCE_DB,
            clock=self._clock(),
        )

    def close(self) -> None:
        """Free the encoder."""
        self._encoder.close()

    def _send_chunk(self, chunk: EncodedChunk) -> None:
        # Silences are counted on the line, which has frames of its own rate.
        start, end = (frame * RATE // self._rate for frame in (chunk.start_frame, chunk.end_frame))
        silent = common_frames([one.within(start, end) for one in self._silences])
        message = ChunkCaptured(
            session=self._session,
            track=self._track,
            epoch=self._epoch,
            start_ns=chunk.start_ns,
            end_ns=chunk.end_ns,
            frames=chunk.packets,
            keyframe=True,
            codec=self._codec,
            silence_ns=silent * 1_000_000_000 // RATE,
        )
        self._sent_ns = chunk.end_ns
        if not self._send(message, chunk.data, self._encoder.init):
            self._dropped += chunk.packets
            get_logger().warning("chunk.refused", track=self._track, packets=chunk.packets, bytes=len(chunk.data))
            return
        self._silent_ns += message.silence_ns
        self._packets += chunk.packets
        self._chunks += 1
        self._news.tell(self._sent_ns)
        self._bytes += len(chunk.data)
