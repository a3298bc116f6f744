import errno
from pathlib import Path

import av
import numpy as np
import pytest
from av.codec.context import ThreadType

from reeld.capture.decoding import BgraConverter, decoded, translated
from reeld.capture.pattern_source import read_counter
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.daemon.capture.videos import pattern_pictures, write_video

BT709, UNSPECIFIED, BT601 = 1, 2, 5
LIMITED, FULL = 1, 2


def frame(levels: tuple[int, int, int], height: int = 64) -> av.VideoFrame:
    made = av.VideoFrame(64, height, "yuv420p")
    for plane, level in zip(made.planes, levels, strict=True):
        np.frombuffer(plane, np.uint8)[:] = level  # type: ignore[call-overload]
    return made


@pytest.mark.parametrize(
    ("red", "height", "colorspace", "color_range"),
    [
        pytest.param((81, 90, 240), 64, BT601, LIMITED, id="BT.601"),
        pytest.param((63, 102, 240), 64, BT709, LIMITED, id="BT.709"),
        pytest.param((76, 85, 255), 64, BT601, FULL, id="a camera's full range"),
        pytest.param((81, 90, 240), 64, UNSPECIFIED, 0, id="unnamed and small"),
        pytest.param((63, 102, 240), 720, UNSPECIFIED, 0, id="unnamed and large"),
    ],
)
def test_red_stays_red_whatever_matrix_and_range_it_came_in(
    red: tuple[int, int, int], height: int, colorspace: int, color_range: int
) -> None:
    """Harm: faces are green or grey in what was filmed with another camera than the developer's."""
    source = frame(red, height)
    source.colorspace, source.color_range = colorspace, color_range
    pixels = BgraConverter()(source)
    assert pixels.shape == (height, 64, 4)
    assert np.abs(pixels[:, :, :3].astype(int) - (0, 0, 255)).max() <= 3


@pytest.mark.parametrize("live", [True, False])
def test_a_live_picture_is_not_held_back_for_the_next_ones(tmp_path: Path, live: bool) -> None:
    """Harm: a camera's picture is as many frames late as the machine has cores."""
    path = write_video(tmp_path / "live.mkv", pattern_pictures(12), codec="libx264", options={"tune": "zerolatency"})
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        numbers = [read_counter(BgraConverter()(frame)) for frame in decoded(container, "a", "b", live=live)]
        assert (stream.codec_context.thread_type == ThreadType.SLICE) is live
    assert numbers == list(range(12))


def test_each_picture_has_pixels_of_its_own() -> None:
    """Harm: a picture changes in the mailbox while it is looked at."""
    convert = BgraConverter()
    first = convert(frame((16, 128, 128)))
    kept = first.copy()
    second = convert(frame((235, 128, 128)))
    assert np.array_equal(first, kept)
    assert not np.shares_memory(first, second)
    assert first.flags.c_contiguous


def test_padded_rows_do_not_shift_the_picture() -> None:
    """Harm: at a width that is no multiple of 16 the picture is slanted."""
    pixels = np.zeros((40, 50, 3), np.uint8)
    pixels[:, 24:26] = 255
    converted = BgraConverter()(av.VideoFrame.from_ndarray(pixels, format="bgr24"))
    assert np.array_equal(converted[:, :, :3], pixels)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (PermissionError(errno.EACCES, "denied"), ErrorCode.PERMISSION),
        (av.error.PermissionError(errno.EACCES, "denied"), ErrorCode.PERMISSION),
        (OSError(errno.ENODEV, "gone"), ErrorCode.DEVICE_FAILED),
        (av.error.InvalidDataError(1094995529, "rubbish"), ErrorCode.DEVICE_FAILED),
        (ValueError("no container format 'v4l2'"), ErrorCode.DEVICE_FAILED),
    ],
)
def test_faults_of_ffmpeg_become_ours_with_a_remedy(fault: Exception, code: ErrorCode) -> None:
    """Harm: a traceback of a library instead of one sentence on what to do."""
    with pytest.raises(RequestRejected, match="camera 7") as caught, translated("camera 7", "Plug it in."):
        raise fault
    assert caught.value.code is code
    assert caught.value.remedy == "Plug it in."


def test_what_is_rejected_already_passes() -> None:
    with pytest.raises(RequestRejected, match=r"^as it was$"), translated("camera 7", "Plug it in."):
        raise RequestRejected("as it was")
