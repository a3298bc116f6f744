"""A camera as a source: through FFmpeg's v4l2 on Linux, its avfoundation on macOS.

DESIGN: a camera is a file that never ends and sets its own pace, so it is read by the same thread as a file (see
fed_source). Where this was built there was none: what is proven is that path, with a live stream in the camera's place,
the choice of a mode, and the listing from the kernel's answers.
"""

import sys
import threading
import time
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

import av

from reeld.capture import v4l2
from reeld.capture.api import Pixels, Size
from reeld.capture.camera_modes import avfoundation_options, choose_mode, v4l2_options
from reeld.capture.decoding import BgraConverter, decoded, translated
from reeld.capture.fed_source import OPEN_S, FedSource
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import CameraSource
from reeld_proto.units import NS_PER_S

SILENT_NS = 5 * NS_PER_S
"""A camera that gives no picture for this long is lost: it is opened again until it does."""

LAG_NS = NS_PER_S
"""A picture's own time is believed if it is this old at most; otherwise it was taken when it arrived."""

_REMEDY = (
    "Plug it in, and close other programs that film with it. On Linux your user must be in the group `video`; on macOS "
    "allow the camera for reeld in System Settings, Privacy & Security."
)

OpenDevice = Callable[[str, Size, int], Any]
"""Opens a camera as a PyAV container, for a picture of this size and rate. Called in the source's thread."""


class CameraFeed(FedSource):
    """Films with the camera `camera`, an id of `list_cameras`.

    size, fps: what is wanted of it; the closest of its modes is taken, so `FrameSource.size` may be another.
    """

    def __init__(self, camera: str, size: Size, fps: int, *, open_device: OpenDevice | None = None) -> None:
        name = f"camera {camera}"
        read = partial(_film, name, partial(open_device or _open_device, camera, size, fps))
        super().__init__(name, read, remedy=_REMEDY, silent_ns=SILENT_NS)


def list_cameras() -> list[CameraSource]:
    """Cameras of this machine, none of them started."""
    return _list_avfoundation() if sys.platform == "darwin" else v4l2.list_cameras()


def _open_device(camera: str, size: Size, fps: int) -> Any:
    if sys.platform == "darwin":
        options = avfoundation_options(*size, fps)
        return av.open(f"{camera}:none", format="avfoundation", options=options, timeout=OPEN_S)
    device = Path(camera).resolve()
    mode = choose_mode(v4l2.camera_modes(device) or [], *size, fps)
    return av.open(str(device), format="v4l2", options=v4l2_options(mode), timeout=OPEN_S)


def _film(
    name: str, open_device: Callable[[], Any], stopped: threading.Event
) -> Generator[tuple[int, Pixels], None, None]:
    """Pictures as they come, until the camera is gone."""
    convert = BgraConverter()
    with translated(name, _REMEDY), open_device() as container:
        for frame in decoded(container, name, _REMEDY, live=True):
            if stopped.is_set():
                return
            yield taken_ns(frame.pts, frame.time_base, time.monotonic_ns()), convert(frame)
    raise RequestRejected(f"{name} was lost", code=ErrorCode.DEVICE_FAILED, remedy=_REMEDY)


def taken_ns(pts: int | None, time_base: Any, now_ns: int) -> int:
    """When a picture was taken: the kernel stamps it on the monotonic clock, other devices on clocks of their own."""
    own_ns = now_ns if pts is None or time_base is None else int(pts * NS_PER_S * time_base)
    return own_ns if now_ns - LAG_NS <= own_ns <= now_ns else now_ns


def _list_avfoundation() -> list[CameraSource]:
    try:
        devices = av.enumerate_input_devices("avfoundation")
    except (ValueError, av.FFmpegError):
        return []
    return [
        CameraSource(id=device.description or device.name, name=device.description or device.name)
        for device in devices
        if "video" in device.media_types
    ]
