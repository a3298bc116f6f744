"""What a sound source is to the rest of the box; `portaudio` implements it, tests bring their own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from reeld.audio.samples import Samples
from reeld_proto.errors import RequestRejected
from reeld_proto.stats import QueueStats


@dataclass(frozen=True)
class Block:
    """Consecutive frames of a stream as its device delivered them.

    samples: float32, shape (frames, 2); owned by the receiver. frame: index of the first one since the stream was
    opened. adc_ns: monotonic time at which the device says it was captured. arrived_ns: monotonic time of delivery;
    for the monitor of an output it may come before adc_ns, because a server mixes ahead of what is heard.
    """

    samples: Samples
    frame: int
    adc_ns: int
    arrived_ns: int


class SoundSource(Protocol):
    """An open device that delivers sound. Opened by being made, which may block for as long as the sound server does.

    `read` is called by the pump thread, everything else by the thread that opened it; none of them raises.
    """

    @property
    def rate(self) -> int:
        """Frames a second that it delivers."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the device stopped by itself: unplugged, or its server is gone. It never comes back."""
        ...

    @property
    def failure(self) -> str:
        """Why it ended, as far as it knows."""
        ...

    @property
    def overruns(self) -> int:
        """How often the device said that it lost sound because we were too slow."""
        ...

    @property
    def sounded_ns(self) -> int | None:
        """Monotonic arrival of the last block read that held anything but exact zeros; None before."""
        ...

    def read(self) -> list[Block]:
        """Everything delivered since the last call, oldest first; never waits."""
        ...

    def statistics(self) -> QueueStats:
        """Depth and limit of its ring, in frames; `dropped` counts frames that found the ring full."""
        ...

    def close(self) -> None:
        """Stop and release the device. May be called twice."""
        ...


OpenSource = Callable[[str], SoundSource]
"""Opens the device with this id. Raises RequestRejected: NOT_FOUND, NO_AUDIO or DEVICE_FAILED; or DevicesStale."""


class DevicesStale(RequestRejected):
    """The device is there but is seen only once every device of this process is closed and they are listed anew."""
