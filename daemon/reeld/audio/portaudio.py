"""A sound source through PortAudio (python-sounddevice).

DESIGN: on Linux PortAudio reaches PulseAudio and PipeWire through ALSA's `pulse` device, which takes its source from
the environment (`PULSE_SOURCE`) when it is opened. PortAudio is imported when the first device is opened and not
before: its import probes every device, and what it finds then is what it knows until it is initialised again.

Times: PortAudio states when a block was captured on a clock of its own, which is the civil one in some builds. Only
the difference to its own "now" is used and taken from CLOCK_MONOTONIC in the callback, so a stepped civil clock
changes nothing. Checked with clicks played into a null sink at an instant that the server states: within 5 ms.
"""

import os
import sys
import threading
from typing import Any

import numpy as np

from reeld.audio import devices, pulse
from reeld.audio.api import Block, DevicesStale
from reeld.audio.ring import BlockRing
from reeld.audio.samples import CHANNELS, RATE
from reeld.runtime.clock import monotonic_ns
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.stats import QueueStats
from reeld_proto.units import NS_PER_S

BLOCK_FRAMES = 4800
"""100 ms: measured 0.3 % of a core a stream; PortAudio's own choice costs 1.2 %, 50 ms blocks 0.65 %."""
LATENCY_S = 0.2
"""PortAudio's buffer: two blocks."""
ADC_DISTANCE_S_MAX = 10.0
"""A stated capture time further than this from now is no time at all (some drivers state 0)."""

_opening = threading.Lock()
"""One opening at a time: the environment that names the source belongs to the whole process."""
_open_streams = 0


class PortAudioSource:
    """An open input of 2 channels of float32 at 48 kHz, or at the device's own rate where it refuses that.

    Made, closed and asked for `ended` by one thread, read by another. Opening took 10-80 ms; it hangs if the server
    does.
    Raises RequestRejected: NO_AUDIO without a sound server, NOT_FOUND for an unknown device, else DEVICE_FAILED.
    """

    def __init__(self, device: str) -> None:
        self._finished = threading.Event()
        self._failure = ""
        self._overruns = 0
        self._sounded_ns: int | None = None
        self._rate = RATE
        self._ring = BlockRing(device)
        self._stream: Any = None
        with _opening:
            self._open(device)

    @property
    def rate(self) -> int:
        """Frames a second."""
        return self._rate

    @property
    def ended(self) -> bool:
        """Whether PortAudio stopped the stream: the server or the device is gone."""
        return self._finished.is_set()

    @property
    def failure(self) -> str:
        """What went wrong in the callback, if anything."""
        return self._failure

    @property
    def overruns(self) -> int:
        """How often PortAudio said that it lost sound."""
        return self._overruns

    @property
    def sounded_ns(self) -> int | None:
        """When a block came last that was not digital silence."""
        return self._sounded_ns

    def read(self) -> list[Block]:
        """Everything in the ring."""
        blocks = self._ring.read()
        for block in reversed(blocks):
            # One sample tells nearly always; a whole block takes 10 us.
            if block.samples[-1, 0] or block.samples.any():
                self._sounded_ns = block.arrived_ns
                break
        return blocks

    def statistics(self) -> QueueStats:
        """The ring between the callback and `read`."""
        return self._ring.statistics()

    def close(self) -> None:
        """Stop at once and release the device."""
        global _open_streams  # noqa: PLW0603 - PortAudio is global too
        stream, self._stream = self._stream, None
        if stream is not None:
            with _opening:
                stream.close(ignore_errors=True)
                _open_streams -= 1

    def _open(self, device: str) -> None:
        global _open_streams  # noqa: PLW0603 - PortAudio is global too
        if sys.platform == "darwin":
            sounddevice, target = _portaudio(), device
            _require_input(sounddevice, device)
        else:
            _require_source(device)
            os.environ["PULSE_SOURCE"] = device
            os.environ["PULSE_PROP"] = pulse.stream_properties(device)
            sounddevice, target = _portaudio(), "pulse"
            _require_pulse_device(sounddevice)
        try:
            self._stream = self._start(sounddevice, target)
        except (sounddevice.PortAudioError, ValueError) as error:
            raise RequestRejected(
                f"the sound device {device} cannot be recorded: {error}",
                code=ErrorCode.DEVICE_FAILED,
                remedy="Check that no other program holds it; choose another one from `reelctl sources`.",
            ) from error
        self._rate = int(self._stream.samplerate)
        _open_streams += 1

    def _start(self, sounddevice: Any, target: str) -> Any:
        settings: dict[str, Any] = {
            "device": target,
            "channels": CHANNELS,
            "dtype": "float32",
            "latency": LATENCY_S,
            "callback": self._receive,
            "finished_callback": self._finished.set,
        }
        info = sounddevice.query_devices(target, "input")
        settings["channels"] = min(CHANNELS, info["max_input_channels"])
        try:
            stream = sounddevice.RawInputStream(samplerate=RATE, blocksize=BLOCK_FRAMES, **settings)
        except sounddevice.PortAudioError:
            rate = int(info["default_samplerate"])
            if rate == RATE:
                raise
            stream = sounddevice.RawInputStream(samplerate=rate, blocksize=rate // 10, **settings)
        try:
            stream.start()
        except sounddevice.PortAudioError:
            stream.close(ignore_errors=True)
            raise
        return stream

    def _receive(self, data: Any, frames: int, times: Any, status: Any) -> None:
        """PortAudio's thread: copy and leave. What is raised here would only be printed."""
        try:
            now_ns = monotonic_ns()
            age_s = times.currentTime - times.inputBufferAdcTime
            if abs(age_s) > ADC_DISTANCE_S_MAX:
                age_s = frames / RATE
            self._overruns += status.input_overflow
            samples = np.frombuffer(data, np.float32).reshape(frames, -1)
            self._ring.write(samples, frames, now_ns - int(age_s * NS_PER_S), now_ns)
        except Exception as error:  # noqa: BLE001 - see above
            self._failure = str(error)
            self._finished.set()


def _portaudio() -> Any:
    try:
        import sounddevice  # noqa: PLC0415 - see the module's docstring
    except (ImportError, OSError) as error:
        raise RequestRejected(
            f"PortAudio cannot be loaded: {error}",
            code=ErrorCode.NO_AUDIO,
            remedy="Install it: apt install libportaudio2, or brew install portaudio.",
        ) from error
    return sounddevice


def _require_source(device: str) -> None:
    """Ask first: PortAudio would start a PulseAudio of its own, or record another source in silence."""
    found = devices.list_pulse(timeout_s=1.0)
    if found.warnings:
        raise RequestRejected(found.warnings[0], code=ErrorCode.NO_AUDIO)
    if device not in found.ids():
        raise RequestRejected(
            f"there is no sound source {device}", code=ErrorCode.NOT_FOUND, remedy="See `reelctl sources`."
        )


def _require_pulse_device(sounddevice: Any) -> None:
    """PortAudio lists `pulse` only if a server ran when it was initialised."""
    if not _lists(sounddevice, "pulse") and not _lists_anew(sounddevice, "pulse"):
        raise RequestRejected(
            "PortAudio does not reach the sound server",
            code=ErrorCode.NO_AUDIO,
            remedy="Install ALSA's PulseAudio plugin: apt install libasound2-plugins.",
        )


def _require_input(sounddevice: Any, device: str) -> None:
    """PortAudio knows what was there when it was initialised; ask a fresh process before the rest is disturbed."""
    if _lists(sounddevice, device):
        return
    if device not in devices.list_portaudio().ids() or not _lists_anew(sounddevice, device):
        raise RequestRejected(
            f"there is no sound source {device}", code=ErrorCode.NOT_FOUND, remedy="See `reelctl sources`."
        )


def _lists(sounddevice: Any, name: str) -> bool:
    return any(info["name"] == name for info in sounddevice.query_devices())


def _lists_anew(sounddevice: Any, name: str) -> bool:
    """Whether PortAudio, initialised again, lists `name`. Raises DevicesStale while a stream keeps that from being."""
    if _open_streams:
        raise DevicesStale(f"{name} was connected after other devices were opened", code=ErrorCode.DEVICE_FAILED)
    sounddevice._terminate()  # noqa: SLF001 - documented there as the way to refresh the list
    sounddevice._initialize()  # noqa: SLF001
    return _lists(sounddevice, name)
