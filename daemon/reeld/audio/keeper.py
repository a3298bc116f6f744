"""Keeps the devices of a recording open, in a thread of its own: opening and closing may take as long as they like.

DESIGN: PulseAudio moves our stream elsewhere without a word to us when its device vanishes, and also when it was the
default and another one becomes that, though it was asked for by name. What the stream then delivers is another device's
sound. So it is given up as soon as the watch no longer sees the very device that was opened, or sees the stream astray.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reeld.audio.api import DevicesStale, OpenSource, SoundSource
from reeld.audio.feed import Feed
from reeld.audio.health import Action, DeviceHealth
from reeld.audio.sleep import SleepSensor
from reeld.audio.watch import MakeWatch, NoWatch
from reeld.audio.world import SYSTEM, World
from reeld.runtime.clock import monotonic_ns
from reeld.runtime.logs import get_logger
from reeld_proto.errors import DeviceTrouble, ErrorCode, InternalError, ReeldError, RequestRejected
from reeld_proto.units import seconds

CHECK_S = 0.2
"""Pace of looking after the devices; a lost one is noticed this soon."""
STOP_S_MAX = 2.0
"""Longest wait for devices to close; a hung sound server must not hold up the end of a recording."""

Complain = Callable[[str, str, str], None]
"""Tells people: code, message, track."""


@dataclass
class KeptDevice:
    """A device and the feed that it sounds in. `last_sound_ns` is set by the pump, the rest belongs to the keeper.

    device: id of what is recorded now, or waited for; with `follows` it becomes whatever is the default for `role`.
    serial: of the device that is open, as in `World`; None while unknown. opened_ns: when it was opened.
    tried_serial: of the device at the last opening, so that one which refuses is not tried at each change of the world.
    """

    track: str
    device: str
    feed: Feed
    health: DeviceHealth
    role: str = ""
    follows: bool = False
    last_sound_ns: int | None = None
    source: SoundSource | None = None
    error: ReeldError | None = None
    overruns: int = 0
    serial: int | None = None
    tried_serial: int | None = None
    opened_ns: int = 0
    tried: threading.Event = field(default_factory=threading.Event)


class DeviceKeeper:
    """Opens every device at once and again whenever it is lost, until stopped. Made and stopped by the main thread."""

    def __init__(
        self,
        devices: Sequence[KeptDevice],
        open_source: OpenSource,
        complain: Complain,
        *,
        make_watch: MakeWatch = NoWatch,
        sleep: SleepSensor | None = None,
    ) -> None:
        self._devices = list(devices)
        self._gone: list[KeptDevice] = []
        self._open_source = open_source
        self._complain = complain
        self._sleep = sleep or SleepSensor()
        self._stopping = False
        self._woken = threading.Event()
        self._watch = make_watch(self._woken.set)
        self._thread = threading.Thread(target=self._run, name="audio-devices", daemon=True)
        self._thread.start()

    def wait_tried(self, timeout_s: float) -> list[tuple[str, ReeldError]]:
        """Wait until every device was tried once; the devices whose opening failed by then, and why."""
        deadline_ns = monotonic_ns() + int(timeout_s * 1e9)
        devices = self._devices
        for device in devices:
            device.tried.wait(max(0.0, (deadline_ns - monotonic_ns()) / 1e9))
        return [(device.device, device.error) for device in devices if device.error is not None]

    def keep(self, device: KeptDevice) -> None:
        """One more device. Any thread."""
        self._devices = [*self._devices, device]
        self._woken.set()

    def drop(self, device: KeptDevice) -> None:
        """Close a device soon, and no longer open it. Any thread."""
        self._devices = [each for each in self._devices if each is not device]
        self._gone.append(device)
        self._woken.set()

    def stop(self) -> None:
        """Close all devices. A thread that hangs in a device is left behind; it holds nothing but that device."""
        self._stopping = True
        self._woken.set()
        self._watch.close()
        self._thread.join(STOP_S_MAX)
        if self._thread.is_alive():
            get_logger().warning("audio.close_hangs", waited_s=STOP_S_MAX)

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._woken.clear()
                while self._gone:
                    self._close(self._gone.pop())
                self._wake_up()
                for device in self._devices:
                    self._look_after(device, self._watch.world)
                self._woken.wait(CHECK_S)
        finally:
            for device in (*self._devices, *self._gone):
                self._close(device)

    def _wake_up(self) -> None:
        """After a sleep a stream may be dead without a word, or go on by an old clock."""
        slept_ns = self._sleep.slept_ns()
        if slept_ns:
            get_logger().warning("audio.slept", slept_s=seconds(slept_ns))
            for device in self._devices:
                device.health.doubt()

    def _look_after(self, device: KeptDevice, world: World | None) -> None:
        source = device.source
        if source is not None and source.overruns > device.overruns:
            device.overruns = source.overruns
            _warn(device, "audio.overrun", count=device.overruns)
        if source is not None and source.ended:
            _warn(device, "audio.device_lost", reason=source.failure or "the sound server or the device is gone")
            self._lose(device)
        if world is not None:
            self._compare(device, world)
        if device.source is None:
            self._watch.miss()
        self._act(device, world)
        self._listen(device, world)
        self._tell(device, world)

    def _compare(self, device: KeptDevice, world: World) -> None:
        """Follow the default, and give up a stream whose device is no longer the one that was opened."""
        if device.follows and (wanted := world.default(device.role, device.device)) != device.device:
            _warn(device, "audio.default_changed", now=wanted)
            self._lose(device)
            device.device, device.tried_serial = wanted, None
        serial = world.serials.get(device.device)
        if device.source is None:
            if serial is not None and serial != device.tried_serial:
                device.health.hope()
        elif world.seen_ns > device.opened_ns:
            if device.serial is None and serial is not None:
                device.serial = serial
            reason = _why_lost(device, world, serial)
            if reason:
                _warn(device, "audio.device_lost", reason=reason)
                self._lose(device)
                if serial is not None:
                    device.health.hope()

    def _act(self, device: KeptDevice, world: World | None) -> None:
        action = device.health.action(monotonic_ns())
        if action is Action.NOTHING:
            return
        serial = None if world is None else world.serials.get(device.device)
        try:
            source = self._open(device.device, is_absent=world is not None and serial is None)
        except DevicesStale as error:
            device.error = error
            self._close_all()
        except ReeldError as error:
            device.error = error
        except Exception as error:  # noqa: BLE001 - the other devices and the next try must not suffer from it
            get_logger().exception("audio.opening_broke", device=device.device, track=device.track)
            device.error = InternalError(f"{device.device} cannot be opened: {type(error).__name__}: {error}")
        else:
            # The old one only now: while a server hangs, closing does too, and the stream may go on when it does.
            self._close(device)
            device.error = None
            device.source = source
            device.overruns = 0
            device.serial, device.opened_ns = serial, monotonic_ns()
            device.feed.attach(source)
        device.tried_serial = serial
        device.health.tried(monotonic_ns(), is_open=device.source is not None)
        device.tried.set()

    def _open(self, name: str, *, is_absent: bool) -> SoundSource:
        if is_absent:
            raise RequestRejected(f"there is no sound source {name}", code=ErrorCode.NOT_FOUND)
        return self._open_source(name)

    def _listen(self, device: KeptDevice, world: World | None) -> None:
        """What came, and whether anything should have."""
        health, source = device.health, device.source
        plays = device.role != SYSTEM or (world is not None and device.device in world.playing)
        health.expect(monotonic_ns(), sound=plays)
        if device.last_sound_ns is not None:
            health.delivered(device.last_sound_ns)
        if source is not None and source.sounded_ns is not None:
            health.heard(source.sounded_ns)

    def _tell(self, device: KeptDevice, world: World | None) -> None:
        word = device.health.word(monotonic_ns())
        if word is None:
            return
        if word is DeviceTrouble.BACK:
            _warn(device, "audio.device_back")
            self._complain(word, f"{device.device} sounds again", device.track)
            return
        if word is DeviceTrouble.MUTE:
            is_muted = world is not None and device.device in world.muted
            reason = f"{device.device} gives nothing but digital silence"
            reason += ": it is muted" if is_muted else "; it may be muted, switched off or broken"
        elif device.error is not None:
            reason = f"{device.error}; the track goes on with silence until it is back"
        else:
            reason = f"{device.device} delivers no sound; the track goes on with silence until it is back"
        self._complain(word, reason, device.track)

    def _close_all(self) -> None:
        """For a list of devices that can be made only while none is open; all are opened again at once."""
        for device in self._devices:
            if device.source is not None:
                self._lose(device)
                device.health.hope()

    def _lose(self, device: KeptDevice) -> None:
        self._close(device)
        device.health.ended()

    @staticmethod
    def _close(device: KeptDevice) -> None:
        source, device.source = device.source, None
        if source is not None:
            device.feed.detach()
            source.close()


def _warn(device: KeptDevice, event: str, **about: object) -> None:
    get_logger().warning(event, device=device.device, track=device.track, **about)


def _why_lost(device: KeptDevice, world: World, serial: int | None) -> str:
    """Why the open stream is not of the device it was opened for; empty if it is. serial: of that device now."""
    if serial is None:
        return "it was removed"
    if serial != device.serial:
        return "it was replaced"
    return "the sound server moved the stream to another device" if device.device in world.misled else ""
