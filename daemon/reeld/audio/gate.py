"""Which frames of the session's line are wanted: those outside its pauses. Pure.

The line counts frames from the session's start, pauses included; media counts without them. Both are derived from the
clock each time and never by adding up rounded lengths, so a thousand pauses leave no error.
"""

from dataclasses import dataclass

from reeld.audio.samples import nearest_frame, ns_to_frames
from reeld.runtime.clock import SessionClock


@dataclass(frozen=True)
class Stretch:
    """Frames of the line from `start` to `end` (None: open) are the media frames from `start - shift` on."""

    start: int
    end: int | None
    shift: int


class MediaGate:
    """Reads the session's clock, which the owner may change between calls. Used by one thread."""

    def __init__(self, clock: SessionClock) -> None:
        self._clock = clock

    def line_frame(self, at_ns: int) -> int:
        """The frame of the line that begins nearest to monotonic `at_ns`; negative before the session."""
        return nearest_frame(at_ns - self._clock.start_ns)

    def next_stretch(self, media_frame: int) -> Stretch | None:
        """Where media frame `media_frame` and what follows it without interruption lies; None while that is paused."""
        shift = 0
        paused_ns = 0
        for span in self._clock.pauses:
            pause_frame = nearest_frame(self._clock.media_ns(span.start_ns))
            if media_frame < pause_frame:
                return Stretch(media_frame + shift, pause_frame + shift, shift)
            paused_ns += span.end_ns - span.start_ns
            shift = nearest_frame(paused_ns)
        if self._clock.paused_since_ns is None:
            return Stretch(media_frame + shift, None, shift)
        pause_frame = nearest_frame(self._clock.media_ns(self._clock.paused_since_ns))
        return Stretch(media_frame + shift, pause_frame + shift, shift) if media_frame < pause_frame else None

    def end_frame(self, at_ns: int) -> int:
        """Number of media frames that begin before monotonic `at_ns`."""
        return max(0, ns_to_frames(self._clock.media_ns(at_ns)))
