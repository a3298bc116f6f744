"""Which of a camera's modes is chosen, shown to people, and told to FFmpeg."""

import pytest

from reeld.capture.camera_modes import CameraMode, avfoundation_options, choose_mode, mode_texts, v4l2_options

VGA, HD_SLOW = CameraMode(640, 480, 30, "YUYV"), CameraMode(1280, 720, 10, "YUYV")
HD, FULL_HD = CameraMode(1280, 720, 30, "MJPG"), CameraMode(1920, 1080, 30, "MJPG")
SLOW_4K = CameraMode(3840, 2160, 4, "YUYV")
RAW_H264 = CameraMode(3840, 2160, 60, "H264")
WEBCAM = [RAW_H264, SLOW_4K, FULL_HD, HD, HD_SLOW, VGA]


@pytest.mark.parametrize(
    ("width", "height", "fps", "expected"),
    [
        (1280, 720, 30, HD),
        (1280, 720, 10, HD_SLOW),
        (1280, 700, 25, HD),
        (1300, 720, 30, FULL_HD),
        (3000, 2000, 30, FULL_HD),
        (320, 240, 30, VGA),
        (640, 480, 60, VGA),
        (1280, 720, 60, HD),
        (3000, 2000, 60, FULL_HD),
        (3000, 2000, 5, FULL_HD),
    ],
)
def test_the_smallest_mode_that_fills_the_cell_at_its_rate_is_chosen(
    width: int, height: int, fps: float, expected: CameraMode
) -> None:
    """Harm: 1080p is decoded thirty times a second for a cell of 320 x 240; or a camera runs at 5 fps."""
    assert choose_mode(WEBCAM, width, height, fps) == expected


def test_of_equal_modes_the_uncompressed_one_is_chosen() -> None:
    raw = CameraMode(1280, 720, 30, "YUYV")
    assert choose_mode([HD, raw], 1280, 720, 30) == choose_mode([raw, HD], 1280, 720, 30) == raw


def test_television_rates_are_fast_enough() -> None:
    """Harm: a camera of 29.97 fps is opened at 640 x 480 because 30 was asked for."""
    tv = CameraMode(1280, 720, 29.97, "YUYV")
    assert choose_mode([tv, CameraMode(1920, 1080, 30, "YUYV")], 1280, 720, 30) == tv


def test_what_is_too_slow_for_film_is_better_than_nothing() -> None:
    assert choose_mode([SLOW_4K, CameraMode(640, 480, 5, "YUYV")], 640, 480, 30) == SLOW_4K


def test_what_ffmpeg_has_no_name_for_is_not_asked_for() -> None:
    """Harm: a camera is opened with pixels FFmpeg cannot name, and refuses."""
    assert choose_mode([], 1280, 720, 30) is None
    assert choose_mode([RAW_H264], 1280, 720, 30) is None
    assert v4l2_options(None) == {}


def test_the_mode_is_told_to_ffmpeg_in_its_words() -> None:
    """Harm: the camera opens in its slowest mode because an option has the wrong name."""
    assert v4l2_options(CameraMode(1280, 720, 29.97, "MJPG")) == {
        "video_size": "1280x720",
        "framerate": "29.97",
        "input_format": "mjpeg",
    }
    assert v4l2_options(CameraMode(640, 480, 0, "YUYV")) == {"video_size": "640x480", "input_format": "yuyv422"}
    assert avfoundation_options(1280, 720, 30) == {"video_size": "1280x720", "framerate": "30"}


def test_people_see_each_size_once_and_slow_ones_last() -> None:
    """Harm: the first mode, which is taken by default, is a slide show of 5 fps; or one that cannot be read."""
    assert mode_texts([*WEBCAM, CameraMode(320, 240, 0, "YUYV")]) == [
        "1920x1080@30",
        "1280x720@30",
        "640x480@30",
        "3840x2160@4",
        "320x240",
    ]
    assert mode_texts([]) == []
