"""The sound of a session while nothing may be recorded: no device is open, and every track gets a gap."""

from collections.abc import Sequence

from reeld.audio.track import SILENCE_DB, Send
from reeld.runtime.clock import SessionClock, monotonic_ns
from reeld_proto.records import GapReason
from reeld_proto.stats import TrackStats
from reeld_proto.units import seconds
from reeld_proto.workers import GapFound, StartAudio


class HiddenSound:
    """Stands for a recorder from media time `since_ns` on, until `end`. Main thread. detail: why, as gaps say."""

    def __init__(self, order: StartAudio, clock: SessionClock, *, since_ns: int, detail: str, send: Send) -> None:
        self.session = order.session
        self.detail = detail
        self._order = order
        self._clock = clock
        self._since_ns = since_ns
        self._send = send

    def end(self, media_ns: int) -> None:
        """It lasted up to here."""
        for spec in self._order.tracks:
            if media_ns > self._since_ns:
                gap = GapFound(
                    session=self.session,
                    track=spec.track,
                    epoch=self._order.epoch,
                    start_ns=self._since_ns,
                    end_ns=media_ns,
                    reason=GapReason.HIDDEN,
                    detail=self.detail,
                )
                self._send(gap, b"", b"")

    def statistics(self) -> Sequence[TrackStats]:
        """Every instant so far is explained by the gap to come, so that nobody takes the silence for a stall."""
        media_s = seconds(max(0, self._clock.media_ns(monotonic_ns())))
        return [TrackStats(id=spec.track, media_s=media_s, peak_db=SILENCE_DB) for spec in self._order.tracks]
