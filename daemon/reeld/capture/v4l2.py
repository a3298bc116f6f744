"""Cameras of Linux: which there are, and what they can deliver, asked without starting them.

DESIGN: the kernel is asked by ioctl on a node opened for the question alone, which it allows while another program
films. The layouts are those of <linux/videodev2.h>, which are the same on all 64-bit machines and never change.
"""

import contextlib
import errno
import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from reeld.capture.camera_modes import CameraMode, mode_texts
from reeld_proto.records import CameraSource

SYSFS = Path("/sys/class/video4linux")
DEVICES = Path("/dev")

MODES_MAX = 256
"""Answers taken from a driver to one question: a broken one might never come to an end."""

_CAPTURE = 1
_VIDEO_CAPTURE, _DEVICE_CAPS = 0x1, 0x80000000
_DISCRETE = 1

Ask = Callable[[int, int, bytearray], object]
"""ioctl on a descriptor, with a request and a structure the answer is written into. Raises OSError."""


class _Question(NamedTuple):
    request: int
    layout: struct.Struct


def _question(direction: int, number: int, layout: str) -> _Question:
    """As the macro _IOC of <asm-generic/ioctl.h> makes it. direction: 2 answers, 3 asks and answers."""
    made = struct.Struct(layout)
    return _Question(direction << 30 | made.size << 16 | ord("V") << 8 | number, made)


QUERYCAP = _question(2, 0, "=16s32s32sIII12x")
"""driver, card, bus, version, capabilities, capabilities of this node."""
ENUM_FMT = _question(3, 2, "=III32sI16x")
"""index, kind, flags, description, four letters."""
ENUM_FRAMESIZES = _question(3, 74, "=III6I8x")
"""index, four letters, kind; discrete: width, height; else least, most and step of width, then of height."""
ENUM_FRAMEINTERVALS = _question(3, 75, "=IIIII6I8x")
"""index, four letters, width, height, kind; as fractions of a second, discrete: one; else least, most, step."""


def list_cameras(sysfs: Path = SYSFS, devices: Path = DEVICES, ask: Ask = fcntl.ioctl) -> list[CameraSource]:
    """Cameras in the order of their nodes. One that may not be opened is listed without modes.

    `id` is the link that names the device itself where udev made one: it stays when the camera is plugged in again.
    """
    links = _links(devices)
    found = []
    nodes = sorted(sysfs.glob("video*"), key=lambda node: (len(node.name), node.name))
    for node in nodes:
        device = devices / node.name
        try:
            modes = camera_modes(device, ask)
        except PermissionError:
            modes = [] if _is_first(node) else None
        except OSError:
            continue  # it was just unplugged, or is no camera
        if modes is not None:
            found.append(CameraSource(id=str(links.get(device, device)), name=_name(node), modes=mode_texts(modes)))
    return found


def _name(node: Path) -> str:
    with contextlib.suppress(OSError):
        return (node / "name").read_text(errors="replace").strip() or node.name
    return node.name


def _is_first(node: Path) -> bool:
    """Whether it is the first node of its device; further ones carry metadata."""
    with contextlib.suppress(OSError):
        return (node / "index").read_text().strip() == "0"
    return True


def _links(devices: Path) -> dict[Path, Path]:
    """By node, the link that names the device by maker and serial number."""
    links = sorted((devices / "v4l" / "by-id").glob("*"))
    return {devices / link.readlink().name: link for link in links if link.is_symlink()}


def camera_modes(device: Path, ask: Ask = fcntl.ioctl) -> list[CameraMode] | None:
    """What it can deliver, largest and fastest first; None if it is no camera. Raises OSError."""
    fd = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        (_, _, _, _, capabilities, of_node) = _ask(ask, fd, QUERYCAP, bytes(16), bytes(32), bytes(32), 0, 0, 0)
        if not (of_node if capabilities & _DEVICE_CAPS else capabilities) & _VIDEO_CAPTURE:
            return None
        modes = {
            CameraMode(
                width,
                height,
                _highest_rate(ask, fd, letters, width, height),
                letters.to_bytes(4, "little").decode("latin-1"),
            )
            for letters in _formats(ask, fd)
            for width, height in _sizes(ask, fd, letters)
        }
    finally:
        os.close(fd)
    return sorted(modes, key=lambda mode: (-mode.width * mode.height, -mode.fps, mode.pixels))


def _formats(ask: Ask, fd: int) -> Iterator[int]:
    for answer in _answers(ask, fd, ENUM_FMT, _CAPTURE, 0, bytes(32), 0):
        yield answer[4]


def _sizes(ask: Ask, fd: int, letters: int) -> Iterator[tuple[int, int]]:
    for answer in _answers(ask, fd, ENUM_FRAMESIZES, letters, *[0] * 7):
        if answer[2] == _DISCRETE:
            yield answer[3], answer[4]
        else:
            yield answer[4], answer[7]  # any size up to this one
            return


def _highest_rate(ask: Ask, fd: int, letters: int, width: int, height: int) -> float:
    """Frames a second; 0 if the driver does not say."""
    rates = [0.0]
    for answer in _answers(ask, fd, ENUM_FRAMEINTERVALS, letters, width, height, *[0] * 7):
        numerator, denominator = answer[5], answer[6]
        rates.append(round(denominator / numerator, 3) if numerator else 0.0)
        if answer[4] != _DISCRETE:
            break
    return max(rates)


def _answers(ask: Ask, fd: int, question: _Question, *rest: int | bytes) -> Iterator[tuple[int, ...]]:
    """What the driver answers to index 0, 1, ... until it says that there is no more."""
    for index in range(MODES_MAX):
        try:
            yield _ask(ask, fd, question, index, *rest)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                return
            raise


def _ask(ask: Ask, fd: int, question: _Question, *fields: int | bytes) -> tuple[int, ...]:
    buffer = bytearray(question.layout.pack(*fields))
    ask(fd, question.request, buffer)
    return question.layout.unpack(buffer)
