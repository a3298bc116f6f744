"""Listing of cameras from what the kernel answers. The answers are played; the requests are those of its header."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reeld.capture import v4l2
from reeld.capture.camera_modes import CameraMode
from reeld.capture.v4l2 import MODES_MAX, camera_modes, list_cameras

CAPTURE, METADATA, DEVICE_CAPS = 0x1, 0x00800000, 0x80000000
DISCRETE, STEPWISE = 1, 3


def letters(text: str) -> int:
    return int.from_bytes(text.encode(), "little")


@dataclass
class Node:
    """A device node: what it is, and its formats as {letters: {size: rates}}, rates as (numerator, denominator)."""

    name: str
    index: int = 0
    capabilities: int = CAPTURE | METADATA | DEVICE_CAPS
    of_node: int = CAPTURE
    formats: dict[str, dict[tuple[int, int], list[tuple[int, int]]]] = field(default_factory=dict)
    failure: int = 0
    endless: bool = False
    stepwise: bool = False


class Kernel:
    """Answers as drivers do: EINVAL behind the last index, ENOTTY for what they do not know."""

    def __init__(self, folder: Path) -> None:
        self.sysfs, self.devices = folder / "sys", folder / "dev"
        self.sysfs.mkdir()
        self.devices.mkdir()
        self.nodes: dict[int, Node] = {}

    def plug(self, number: int, node: Node, link: str | None = None) -> None:
        entry = self.sysfs / f"video{number}"
        entry.mkdir()
        (entry / "name").write_text(node.name + "\n")
        (entry / "index").write_text(f"{node.index}\n")
        device = self.devices / f"video{number}"
        device.touch()
        self.nodes[device.stat().st_ino] = node
        if link is not None:
            (self.devices / "v4l" / "by-id").mkdir(parents=True, exist_ok=True)
            (self.devices / "v4l" / "by-id" / link).symlink_to(f"../../video{number}")

    def ask(self, fd: int, request: int, buffer: bytearray) -> None:
        node = self.nodes[os.fstat(fd).st_ino]
        if node.failure:
            raise OSError(node.failure, os.strerror(node.failure))
        for question, answer in (
            (v4l2.QUERYCAP, self._capabilities),
            (v4l2.ENUM_FMT, self._format),
            (v4l2.ENUM_FRAMESIZES, self._size),
            (v4l2.ENUM_FRAMEINTERVALS, self._interval),
        ):
            if request == question.request:
                assert len(buffer) == question.layout.size
                try:
                    buffer[:] = question.layout.pack(*answer(node, question.layout.unpack(buffer)))
                except IndexError:
                    raise OSError(errno.EINVAL, "no more") from None
                return
        raise OSError(errno.ENOTTY, "unknown request")

    def _capabilities(self, node: Node, _: tuple[int, ...]) -> tuple[object, ...]:
        return b"uvcvideo", node.name.encode()[:31], b"usb-1", 0x060000, node.capabilities, node.of_node

    def _format(self, node: Node, asked: tuple[int, ...]) -> tuple[object, ...]:
        index, kind = asked[:2]
        assert kind == 1
        return index, kind, 0, b"", letters(list(node.formats)[0 if node.endless else index])

    def _size(self, node: Node, asked: tuple[int, ...]) -> tuple[object, ...]:
        index, code = asked[:2]
        width, height = list(self._of(node, code))[index]
        if node.stepwise:
            return index, code, STEPWISE, 32, width, 2, 16, height, 2
        return index, code, DISCRETE, width, height, 0, 0, 0, 0

    def _interval(self, node: Node, asked: tuple[int, ...]) -> tuple[object, ...]:
        index, code, width, height = asked[:4]
        numerator, denominator = self._of(node, code)[width, height][index]
        kind = STEPWISE if node.stepwise else DISCRETE
        return index, code, width, height, kind, numerator, denominator, 1, 1, 0, 0

    @staticmethod
    def _of(node: Node, code: int) -> dict[tuple[int, int], list[tuple[int, int]]]:
        return node.formats[code.to_bytes(4, "little").decode()]


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


WEBCAM = Node(
    "Integrated Camera",
    formats={
        "YUYV": {(640, 480): [(1, 30), (1, 15)], (1280, 720): [(1, 10)]},
        "MJPG": {(1280, 720): [(1, 30)], (1920, 1080): [(1001, 30000)]},
    },
)


def listed(kernel: Kernel) -> list[tuple[str, str, list[str]]]:
    return [(one.id, one.name, one.modes) for one in list_cameras(kernel.sysfs, kernel.devices, kernel.ask)]


def test_requests_are_those_of_the_kernel() -> None:
    """Harm: a padding byte too many, and every driver answers ENOTTY."""
    assert v4l2.QUERYCAP.request == 0x80685600
    assert v4l2.ENUM_FMT.request == 0xC0405602
    assert v4l2.ENUM_FRAMESIZES.request == 0xC02C564A
    assert v4l2.ENUM_FRAMEINTERVALS.request == 0xC034564B


def test_a_camera_is_listed_once_with_its_modes_largest_first(kernel: Kernel) -> None:
    """Harm: the metadata node of each webcam is offered as a second camera that never gives a picture."""
    kernel.plug(0, WEBCAM)
    kernel.plug(1, Node("Integrated Camera", index=1, of_node=METADATA))
    assert listed(kernel) == [
        (
            str(kernel.devices / "video0"),
            "Integrated Camera",
            ["1920x1080@29.97", "1280x720@30", "640x480@30"],
        )
    ]


def test_its_modes_are_known_with_their_pixels(kernel: Kernel) -> None:
    """Harm: the mode that is opened is not one the camera has."""
    kernel.plug(0, WEBCAM)
    assert camera_modes(kernel.devices / "video0", kernel.ask) == [
        CameraMode(1920, 1080, 29.97, "MJPG"),
        CameraMode(1280, 720, 30.0, "MJPG"),
        CameraMode(1280, 720, 10.0, "YUYV"),
        CameraMode(640, 480, 30.0, "YUYV"),
    ]


def test_the_name_of_the_device_is_kept_when_it_is_plugged_in_elsewhere(kernel: Kernel) -> None:
    """Harm: after replugging, a session records another camera, or none."""
    kernel.plug(10, WEBCAM, link="usb-Maker_Cam_1234-video-index0")
    kernel.plug(9, Node("Second", formats={"YUYV": {(640, 480): []}}))
    names = [(Path(one[0]).name, one[1]) for one in listed(kernel)]
    assert names == [("video9", "Second"), ("usb-Maker_Cam_1234-video-index0", "Integrated Camera")]
    assert listed(kernel)[0][2] == ["640x480"]


@pytest.mark.parametrize("failure", [errno.ENODEV, errno.ENOTTY, errno.EIO])
def test_a_device_that_just_left_does_not_hide_the_others(kernel: Kernel, failure: int) -> None:
    kernel.plug(0, Node("Gone", failure=failure))
    kernel.plug(1, WEBCAM)
    assert [name for _, name, _ in listed(kernel)] == ["Integrated Camera"]


def test_a_camera_that_may_not_be_opened_is_named_all_the_same(kernel: Kernel) -> None:
    """Harm: a person who is not in the group `video` is told that there is no camera."""
    kernel.plug(0, Node("Locked", failure=errno.EACCES))
    kernel.plug(1, Node("Locked", index=1, failure=errno.EACCES))
    assert listed(kernel) == [(str(kernel.devices / "video0"), "Locked", [])]


def test_any_size_up_to_a_limit_is_one_mode(kernel: Kernel) -> None:
    """Harm: a driver of continuous sizes lists nothing, or a million modes."""
    kernel.plug(0, Node("Loop", stepwise=True, formats={"YU12": {(3840, 2160): [(1, 60)]}}))
    assert listed(kernel)[0][2] == ["3840x2160@60"]


def test_a_driver_that_never_says_no_is_left(kernel: Kernel) -> None:
    """Harm: listing sources hangs the daemon."""
    kernel.plug(0, Node("Broken", endless=True, formats={"YUYV": {(640, 480): [(1, 30)]}}))
    asked: list[int] = []
    answer: Callable[[int, int, bytearray], object] = kernel.ask

    def ask(fd: int, request: int, buffer: bytearray) -> None:
        asked.append(request)
        answer(fd, request, buffer)

    [camera] = list_cameras(kernel.sysfs, kernel.devices, ask)
    assert len(camera.modes) == 1
    assert asked.count(v4l2.ENUM_FMT.request) == MODES_MAX


def test_without_cameras_the_list_is_empty(tmp_path: Path) -> None:
    assert list_cameras(tmp_path / "nothing", tmp_path) == []


def test_the_kernel_itself_refuses_what_is_no_camera(kernel: Kernel) -> None:
    """The real ioctl on a plain file: ENOTTY."""
    kernel.plug(0, WEBCAM)
    assert list_cameras(kernel.sysfs, kernel.devices) == []


def test_no_descriptor_is_left_open(kernel: Kernel, no_leaks: None) -> None:
    kernel.plug(0, WEBCAM)
    kernel.plug(1, Node("Gone", failure=errno.EIO))
    listed(kernel)
