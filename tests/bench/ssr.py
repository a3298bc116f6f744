"""SimpleScreenRecorder as a peer: the same area, rate, codec, preset and quality, by its settings file and stdin.

`make bench` installs it; the short mode does without.
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tests.bench.measure import Cost, cpu_s
from tests.support.desk import VirtualDesk
from tests.support.wait import until

SETTINGS = """
[input]
video_backend=x11
video_area=fixed
video_area_follow_fullscreen=false
video_x=0
video_y=0
video_w=1920
video_h=1080
video_frame_rate=30
video_scale=false
video_record_cursor=true
audio_enabled=false

[output]
profile=
container=mkv
file={file}
separate_files=false
add_timestamp=false
video_codec=h264
video_h264_crf=23
video_h264_preset=0
video_allow_frame_skipping=true

[record]
hotkey_enable=false
sound_notifications_enable=false
preview_frame_rate=1
"""


def is_installed() -> bool:
    """Whether this machine has it."""
    return shutil.which("simplescreenrecorder") is not None


def record(desk: VirtualDesk, seconds: float) -> Cost:
    """What recording LEFT for `seconds` costs."""
    with tempfile.TemporaryDirectory() as folder:
        file, settings, log = (Path(folder) / name for name in ("peer.mkv", "settings.conf", "log"))
        settings.write_text(SETTINGS.format(file=file))
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["simplescreenrecorder", f"--settingsfile={settings}", "--start-hidden", "--start-recording"],
                env={**desk.env, "HOME": folder},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            until(lambda: b"Input thread started" in log.read_bytes(), 15, what="the peer's recording")
            time.sleep(2)
            before, began = cpu_s([process.pid]), time.monotonic()
            time.sleep(seconds)
            spent, took = cpu_s([process.pid]) - before, time.monotonic() - began
            process.communicate(b"record-save\nquit\n", timeout=20)
            return Cost(spent / took, int(file.stat().st_size / (took + 2) * seconds))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
