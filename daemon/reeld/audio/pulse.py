"""Questions to the sound server (PulseAudio or PipeWire) that a hung one cannot hold up. Never starts a server."""

import contextlib
import os
import select
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from reeld.audio.world import Devices, World
from reeld.runtime.clock import monotonic_ns
from reeld_proto.records import AudioSource

T = TypeVar("T")
ASKED_FOR = "reeld.device"
"""Property of our streams: the id of the device that each was opened for, wherever the server has moved it since."""
_INVALID_INDEX = 0xFFFFFFFF  # PA_INVALID_INDEX in pulse/def.h


@dataclass
class BoundedPoll:
    """poll(2) for libpulse's main loop. at_s: gives up at this instant of `time.monotonic`; None waits for ever.

    stop_fd: gives up, too, once there is something to read in it.
    """

    at_s: float | None = None
    stop_fd: int | None = None

    def limit(self, timeout_s: float | None) -> None:
        """Give up so long from now."""
        self.at_s = None if timeout_s is None else time.monotonic() + timeout_s

    def poll(self, fds: list[Any], timeout_s: float) -> int:
        """What libpulse calls. Raises TimeoutError to give up; its call then fails."""
        poller = select.poll()
        for item in fds:
            poller.register(item.fd, item.events)
        if self.stop_fd is not None:
            poller.register(self.stop_fd, select.POLLIN)
        ready = dict(poller.poll(self._wait_ms(timeout_s)))
        if self.stop_fd in ready:
            raise TimeoutError
        for item in fds:
            item.revents = ready.get(item.fd, 0)
        return len(ready)

    def _wait_ms(self, timeout_s: float) -> int | None:
        if self.at_s is None:
            return None if timeout_s < 0 else int(timeout_s * 1000)
        left_s = self.at_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return max(0, int((left_s if timeout_s < 0 else min(timeout_s, left_s)) * 1000))


@contextlib.contextmanager
def connection(bounds: BoundedPoll) -> Iterator[Any]:
    """A connected `pulsectl.Pulse`. Raises OSError where no server answers, inside the block too."""
    import pulsectl  # noqa: PLC0415 - only where there is something to ask; costs 80 ms

    call_error: type[Exception] = pulsectl.pulsectl.c.pa.CallError
    pulse = pulsectl.Pulse("reeld", connect=False)
    try:
        pulse.set_poll_func(bounds.poll, lambda *_: None)
        # Not its own `timeout`, which waits until that is over even when the server answers at once.
        pulse.connect(autospawn=False)
        yield pulse
    except (pulsectl.PulseError, pulsectl.PulseDisconnected, call_error) as error:
        raise ConnectionError(str(error)) from error
    finally:
        pulse.close()


def ask(question: Callable[[Any], T], timeout_s: float) -> T | None:
    """What `question` makes of a connection; None when no server answers in time."""
    bounds = BoundedPoll()
    bounds.limit(timeout_s)
    try:
        with connection(bounds) as pulse:
            return question(pulse)
    except ConnectionError:
        return None


def look(pulse: Any) -> World:
    """Everything on the server now."""
    seen_ns = monotonic_ns()
    server = pulse.server_info()
    sinks = pulse.sink_list()
    outputs = {sink.name: sink.monitor_source_name for sink in sinks}
    default_output = outputs.get(server.default_sink_name)
    muted = {sink.monitor_source_name for sink in sinks if sink.mute}
    sounding = {stream.sink for stream in pulse.sink_input_list() if _is_meant_to_be_heard(stream)}
    microphones: list[AudioSource] = []
    system_audio: list[AudioSource] = []
    serials: dict[str, int] = {}
    for source in pulse.source_list():
        is_monitor = source.monitor_of_sink != _INVALID_INDEX
        default = source.name == (default_output if is_monitor else server.default_source_name)
        found = AudioSource(id=source.name, name=source.description or source.name, default=default)
        (system_audio if is_monitor else microphones).append(found)
        serials[source.name] = source.index
        if source.mute:
            muted.add(source.name)
    own = [stream for stream in pulse.source_output_list() if _is_ours(stream)]
    return World(
        Devices(microphones=microphones, system_audio=system_audio),
        seen_ns,
        serials,
        frozenset(muted),
        frozenset(sink.monitor_source_name for sink in sinks if sink.index in sounding),
        frozenset(asked for stream in own if serials.get(asked := stream.proplist[ASKED_FOR]) != stream.source),
    )


def stream_properties(device: str) -> str:
    """PULSE_PROP of a stream that is opened for `device`."""
    quoted = device.replace("\\", "\\\\").replace('"', '\\"')
    return f'application.name=reeld {ASKED_FOR}="{quoted}"'


def _is_ours(stream: Any) -> bool:
    return ASKED_FOR in stream.proplist and stream.proplist.get("application.process.id") == str(os.getpid())


def _is_meant_to_be_heard(stream: Any) -> bool:
    return not stream.corked and not stream.mute and stream.volume.value_flat > 0
