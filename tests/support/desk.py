"""A real desk without a monitor: an X server with two monitors and, on request, a PulseAudio of its own.

Used by tests, by `make demo` on machines without a screen, and by the benchmarks. Everything is private to the desk and
ends with it; nothing of the user's own display or sound server is touched.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.wait import until


@dataclass(frozen=True)
class Monitor:
    """One monitor of the virtual screen, in pixels."""

    name: str
    x: int
    y: int
    width: int
    height: int


TWO_MONITORS = (Monitor("LEFT", 0, 0, 1920, 1080), Monitor("RIGHT", 1920, 0, 1920, 1080))
ONE_MONITOR = (Monitor("LEFT", 0, 0, 1920, 1080),)
SOUND_SETUP = (
    "module-null-sink sink_name=speakers sink_properties=device.description=Speakers",
    "module-null-sink sink_name=mic_sink",
    (
        "module-remap-source master=mic_sink.monitor source_name=virtual_mic"
        " source_properties=device.description=Virtual_Microphone"
    ),
)


@dataclass
class VirtualDesk:
    """Context manager. `env` is what programs on the desk must be started with; `display` e.g. `:101`."""

    monitors: tuple[Monitor, ...] = TWO_MONITORS
    sound: bool = False
    env: dict[str, str] = field(default_factory=dict)
    display: str = ""
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _pulse: "subprocess.Popen[bytes] | None" = None
    _server: "subprocess.Popen[bytes] | None" = None

    def __enter__(self) -> "VirtualDesk":
        try:
            # Short on purpose: Unix socket paths are limited to about 100 bytes.
            home = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="desk-")))
            runtime = home / "run"
            runtime.mkdir(mode=0o700)
            self.env = {
                **{key: value for key, value in os.environ.items() if not key.startswith(("PULSE", "WAYLAND"))},
                "XDG_RUNTIME_DIR": str(runtime),
                "HOME": str(home),
            }
            self.start_display()
            if self.sound:
                self.start_sound()
            else:
                self.env["PULSE_SERVER"] = f"unix:{runtime}/no-sound-server"
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    @property
    def runtime_dir(self) -> Path:
        """The desk's XDG_RUNTIME_DIR."""
        return Path(self.env["XDG_RUNTIME_DIR"])

    def run(self, *command: str, timeout_s: float = 10.0) -> str:
        """Output of a short program run on the desk."""
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=timeout_s, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stderr or done.stdout}")
        return done.stdout

    def spawn(self, *command: str, **options: object) -> "subprocess.Popen[bytes]":
        """A program on the desk that ends with it."""
        process = subprocess.Popen(command, env=self.env, **options)  # type: ignore[call-overload]
        self._stack.callback(_end, process)
        return process  # type: ignore[no-any-return]

    def start_display(self) -> None:
        """Start the X server with its monitors; after `kill_display` under the same name."""
        width = max(monitor.x + monitor.width for monitor in self.monitors)
        height = max(monitor.y + monitor.height for monitor in self.monitors)
        read_fd, write_fd = os.pipe()
        server = subprocess.Popen(
            [
                "Xvfb",
                *([self.display] if self.display else []),
                "-displayfd",
                str(write_fd),
                "-noreset",
                "-nolisten",
                "tcp",
                "-screen",
                "0",
                f"{width}x{height}x24",
            ],
            pass_fds=(write_fd,),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._server = server
        self._stack.callback(_end, server)
        os.close(write_fd)
        with os.fdopen(read_fd) as stream:
            number = stream.readline().strip()  # the server writes it once it accepts clients
        if not number:
            raise RuntimeError("Xvfb did not start")
        self.display = f":{number}"
        self.env["DISPLAY"] = self.display
        for index, monitor in enumerate(self.monitors):
            geometry = f"{monitor.width}/508x{monitor.height}/286+{monitor.x}+{monitor.y}"
            self.run("xrandr", "--setmonitor", monitor.name, geometry, "screen" if index == 0 else "none")

    def kill_display(self) -> None:
        """End the X server as a crash would."""
        assert self._server is not None
        self._server.kill()
        self._server.wait()

    def start_sound(self) -> None:
        """Start PulseAudio with speakers and a virtual microphone; also again after `kill_sound`."""
        runtime = self.env["XDG_RUNTIME_DIR"]
        self.env["PULSE_SERVER"] = f"unix:{runtime}/pulse/native"
        shutil.rmtree(Path(runtime) / "pulse", ignore_errors=True)
        command = ["pulseaudio", "--daemonize=no", "--exit-idle-time=-1", "-n", "--use-pid-file=no", "--disable-shm=no"]
        for module in ("module-native-protocol-unix", *SOUND_SETUP):
            command += ["-L", module]
        env = {key: value for key, value in self.env.items() if key != "PULSE_SERVER"}
        self._pulse = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._stack.callback(_end, self._pulse)

        def ready() -> bool:
            done = subprocess.run(
                ["pactl", "list", "short", "sources"], env=self.env, capture_output=True, text=True, check=False
            )
            return "virtual_mic" in done.stdout

        until(ready, 15, what="PulseAudio with a virtual microphone", every_s=0.05)

    def load_module(self, *words: str) -> str:
        """Load a module into PulseAudio: its index, for `unload_module`."""
        return self.run("pactl", "load-module", *words).strip()

    def unload_module(self, index: str) -> None:
        """Unload a module: a device of its is unplugged."""
        self.run("pactl", "unload-module", index)

    def module_of(self, words: str) -> str:
        """Index of the loaded module whose arguments contain `words`."""
        lines = self.run("pactl", "list", "short", "modules").splitlines()
        return next(line.split("\t")[0] for line in lines if words in line)

    def set_default(self, kind: str, device: str) -> None:
        """Another default `sink` or `source`."""
        self.run("pactl", f"set-default-{kind}", device)

    def kill_sound(self) -> None:
        """End PulseAudio as a crash would."""
        assert self._pulse is not None
        self._pulse.kill()
        self._pulse.wait()


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


@contextlib.contextmanager
def desk_environment(desk: VirtualDesk) -> Iterator[None]:
    """This process itself sits at the desk."""
    names = ("DISPLAY", "XDG_RUNTIME_DIR", "PULSE_SERVER")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: desk.env[name] for name in names if name in desk.env})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
