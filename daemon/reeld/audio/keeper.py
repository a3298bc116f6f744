"""Keeps the devices of a recording open, in a thread of its own: opening and closing may take as long as they like."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from reeld.audio.api import OpenSource, SoundSource
from reeld.audio.feed import Feed
from reeld.audio.health import Action, DeviceHealth
from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger
from reeld_proto.errors import ReeldError

CHECK_S = 0.2
"""Pace of looking after the devices; a lost one is noticed this soon."""
STOP_S_MAX = 2.0
"""Longest wait for devices to close; a hung sound server must not hold up the end of a recording."""

Complain = Callable[[str, str, str], None]
"""Tells people: code, message, track."""


@dataclass
class KeptDevice:
    """A device and the feed that it sounds in. `last_sound_ns` is set by the pump, the rest belongs to the keeper."""

    track: str
    device: str
    feed: Feed
    health: DeviceHealth
    last_sound_ns: int | None = None
    source: SoundSource | None = None
    error: ReeldError | None = None
    overruns: int = 0
    tried: threading.Event = field(default_factory=threading.Event)


class DeviceKeeper:
    """Opens every device at once and again whenever it is lost, until stopped. Made and stopped by the main thread."""

    def __init__(self, devices: list[KeptDevice], open_source: OpenSource, complain: Complain) -> None:
        self._devices = devices
        self._open_source = open_source
        self._complain = complain
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audio-devices", daemon=True)
        self._thread.start()

    def wait_tried(self, timeout_s: float) -> list[tuple[str, ReeldError]]:
        """Wait until every device was tried once; the devices whose opening failed by then, and why."""
        deadline_ns = monotonic_ns() + int(timeout_s * 1e9)
        for device in self._devices:
            device.tried.wait(max(0.0, (deadline_ns - monotonic_ns()) / 1e9))
        return [(device.device, device.error) for device in self._devices if device.error is not None]

    def stop(self) -> None:
        """Close all devices. A thread that hangs in a device is left behind; it holds nothing but that device."""
        self._stopping.set()
        self._thread.join(STOP_S_MAX)
        if self._thread.is_alive():
            get_logger().warning("audio.close_hangs", waited_s=STOP_S_MAX)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                for device in self._devices:
                    self._look_after(device)
                self._stopping.wait(CHECK_S)
        finally:
            for device in self._devices:
                self._close(device)

    def _look_after(self, device: KeptDevice) -> None:
        log = get_logger().bind(device=device.device, track=device.track)
        source, health = device.source, device.health
        if device.last_sound_ns is not None and health.sounded(device.last_sound_ns):
            log.warning("audio.device_back")
        if source is not None and source.overruns > device.overruns:
            device.overruns = source.overruns
            log.warning("audio.overrun", count=device.overruns)
        if source is not None and source.ended:
            log.warning("audio.device_lost", reason=source.failure or "the sound server or the device is gone")
            self._close(device)
            health.ended()
        self._act(device, health.action(monotonic_ns()))
        code = health.complaint(monotonic_ns())
        if code is not None:
            reason = str(device.error) if device.error is not None else f"{device.device} delivers no sound"
            self._complain(code, f"{reason}; the track goes on with silence until it is back", device.track)

    def _act(self, device: KeptDevice, action: Action) -> None:
        if action is Action.NOTHING:
            return
        if action is Action.REOPEN:
            self._close(device)
        try:
            source = self._open_source(device.device)
        except ReeldError as error:
            device.error = error
        else:
            device.error = None
            device.source = source
            device.overruns = 0
            device.feed.attach(source)
        device.health.tried(monotonic_ns(), is_open=device.error is None)
        device.tried.set()

    @staticmethod
    def _close(device: KeptDevice) -> None:
        source, device.source = device.source, None
        if source is not None:
            device.feed.detach()
            source.close()
