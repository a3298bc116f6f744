"""Encoders of the graphics hardware: which of them work here, found out by a trial in a process of its own.

DESIGN: that a driver is there says little: an encoder may refuse the size, hold pictures back, or hang. Each candidate
encodes a few small frames before it is chosen, in a process that can be ended when a driver does not come back. The
result holds for the life of this process. Plain software is never tried and costs nothing at a start.
"""

import subprocess
import sys
import threading
from dataclasses import replace

from reeld.media.presets import CEILINGS, Pixels, Settings, settings_for
from reeld.runtime.logs import get_logger
from reeld_proto.records import EncoderChoice, Quality, VideoCodec

TRIAL_TIMEOUT_S = 5.0
"""Longest trial. A working encoder needs less than one second, most of it for the process."""

LATE = "no answer within"
"""How a trial's answer begins when its process was ended. A driver hangs; or the machine was busy."""

_NVENC = {
    "preset": "p2", "tune": "ull", "rc": "constqp", "qp": "{q}", "bf": "0", "delay": "0", "zerolatency": "1",
    "forced-idr": "1", "no-scenecut": "1",
}  # fmt: skip
_VAAPI = {"rc_mode": "CQP", "qp": "{q}", "idr_interval": "0", "async_depth": "1"}
_TOOLBOX = {"realtime": "1", "prio_speed": "1", "allow_sw": "0", "b": "{b}"}

_CANDIDATES = {
    VideoCodec.H264: (("h264_videotoolbox", "", _TOOLBOX), ("h264_nvenc", "", _NVENC), ("h264_vaapi", "vaapi", _VAAPI)),
    VideoCodec.HEVC: (("hevc_videotoolbox", "", _TOOLBOX), ("hevc_nvenc", "", _NVENC), ("hevc_vaapi", "vaapi", _VAAPI)),
    VideoCodec.AV1: (),
}
"""Encoders of the hardware, tried in this order. Not one of them takes AV1's place: few machines have it, and none of
ours could show that its pictures fit."""

_tried: dict[str, str] = {}
_trying = threading.Lock()


def choose(codec: VideoCodec, quality: Quality, encoder: EncoderChoice) -> Settings:
    """The settings to record with. Blocks for a trial the first time that hardware may be used. From any thread.

    Raises RequestRejected (INVALID_REQUEST) for what no encoder can do.
    """
    software = settings_for(codec, quality)
    if encoder is EncoderChoice.SOFTWARE or software.pixels.exact:
        return software
    reasons = []
    for settings in candidates(codec, quality):
        fault = tried(settings.name)
        if not fault:
            get_logger().info("encoder.hardware", encoder=settings.name)
            return settings
        reasons.append(f"{settings.name}: {fault}")
    _warn(codec, software.name, reasons)
    return software


def candidates(codec: VideoCodec, quality: Quality) -> list[Settings]:
    """Settings of the hardware encoders that may be worth a trial, the best first. Not for `Quality.LOSSLESS`."""
    software = settings_for(codec, quality)
    bits = str(CEILINGS[quality])
    return [
        replace(
            software,
            name=name,
            device=device,
            pixels=Pixels.YUV,
            options={key: value.replace("{b}", bits) for key, value in options.items()},
            ceiling=software.ceiling if "{q}" in options.values() else None,
        )
        for name, device, options in _CANDIDATES[codec]
    ]


def tried(name: str, timeout_s: float = TRIAL_TIMEOUT_S) -> str:
    """Why this encoder cannot be used, empty if it can. The first call for a name starts a process."""
    with _trying:
        if name not in _tried:
            _tried[name] = trial(name, timeout_s)
        return _tried[name]


def trial(name: str, timeout_s: float) -> str:
    """As `tried`, but anew, and beside others: blocks for a process. Software encoders, too. From any thread."""
    try:
        result = subprocess.run(
            [sys.executable, "-m", "reeld.media.trial", name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
            text=True,
        )
    except subprocess.TimeoutExpired:
        return f"{LATE} {timeout_s:g} s"
    except OSError as error:
        return f"no trial could be made: {error}"
    if result.returncode == 0:
        return ""
    lines = result.stdout.strip().splitlines()
    return lines[-1] if lines else f"the trial ended with status {result.returncode}"


_warned: set[VideoCodec] = set()


def _warn(codec: VideoCodec, name: str, reasons: list[str]) -> None:
    if codec not in _warned:
        _warned.add(codec)
        get_logger().warning("encoder.software", codec=str(codec), encoder=name, reasons=reasons)
