"""Which sources are meant. Harm guarded against: something else is recorded than what was named."""

import pytest

from reeld.sessions.choices import Choice, find
from reeld.sessions.findings import Findings
from reeld_proto.commands import ArrangePictures, ErrorReply, Sources, StartSession
from reeld_proto.errors import ErrorCode
from reeld_proto.records import CameraSource, FileSource, SourceKind, WindowSource
from reeld_proto.workers import SourceSpec
from tests.daemon.sessions.conversation import LEFT, NO_DISPLAY, RIGHT, TIMEOUT

EDITOR = WindowSource(id="0x2a", title="notes", app="Editor", x=5, y=6, width=700, height=500)
CAMERA = CameraSource(id="/dev/video0", name="Webcam", modes=["1280x720@30", "640x480@30"])
FILE = FileSource(id="/tmp/talk.mp4", width=854, height=480)
ALL = Sources(displays=[LEFT, RIGHT], windows=[EDITOR], cameras=[CAMERA], files=[FILE])


def found(choice: Choice, listed: Sources | ErrorReply = ALL) -> list[SourceSpec]:
    findings = Findings()
    specs = find(choice, listed, findings)
    assert not findings.faults
    return specs


def faults(choice: Choice, listed: Sources | ErrorReply = ALL) -> list[tuple[ErrorCode, str, str]]:
    findings = Findings()
    find(choice, listed, findings)
    return findings.faults


def test_a_start_that_names_nothing_means_all_displays() -> None:
    assert Choice.of_start(StartSession()).displays == ["all"]
    assert Choice.of_start(StartSession(windows=["0x2a"])).displays == []
    assert Choice.of_start(StartSession(displays=["none"])).is_empty
    assert not Choice.of_start(StartSession(displays=["none"], test_patterns=["640x480"])).is_empty


def test_regions_may_be_named_in_both_ways() -> None:
    choice = Choice.of_start(StartSession(region=(0, 0, 640, 480), regions=[(640, 0, 640, 480)]))
    assert [spec.x for spec in found(choice)] == [0, 640]


def test_sources_keep_their_order_and_none_is_there_twice() -> None:
    choice = Choice(
        displays=["RIGHT", "LEFT"],
        windows=["0x2A", "0x2a"],
        cameras=["/dev/video0"],
        files=["/tmp/talk.mp4"],
        regions=[(10, 10, 640, 480)],
        test_patterns=["640x480", "640x480"],
    )
    assert [(spec.kind, spec.id, spec.width) for spec in found(choice)] == [
        (SourceKind.DISPLAY, "RIGHT", 1920),
        (SourceKind.DISPLAY, "LEFT", 1920),
        (SourceKind.REGION, "", 640),
        (SourceKind.WINDOW, "0x2a", 700),
        (SourceKind.CAMERA, "/dev/video0", 1280),
        (SourceKind.FILE, "/tmp/talk.mp4", 854),
        (SourceKind.TEST, "test-1", 640),
        (SourceKind.TEST, "test-2", 640),
    ]


def test_people_read_names_not_numbers() -> None:
    labels = [spec.label for spec in found(Choice(windows=["0x2a"], cameras=["/dev/video0"], files=["/tmp/talk.mp4"]))]
    assert labels == ["notes", "Webcam", "talk.mp4"]


@pytest.mark.parametrize(
    ("choice", "word"),
    [
        (Choice(windows=["0x1"]), "there is no window '0x1'; there is 0x2a"),
        (Choice(cameras=["/dev/video9"]), "there is /dev/video0"),
        (Choice(files=["/tmp/other"]), "/tmp/other is no file"),
        (Choice(displays=["X"]), "there is LEFT, RIGHT"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(choice: Choice, word: str) -> None:
    ((code, message, _),) = faults(choice)
    assert code == ErrorCode.NOT_FOUND
    assert word in message


NO_SIZES = ["", "big", "1280", "1280x", "1x1", "99999x720", "1280X720", "\u0661\u0662x\u0667\u0662"]


@pytest.mark.parametrize("text", NO_SIZES)
def test_a_test_pattern_needs_a_size(text: str) -> None:
    ((code, message, _),) = faults(Choice(test_patterns=[text]))
    assert (code, "no size" in message) == (ErrorCode.INVALID_REQUEST, True)


def test_without_a_desktop_only_what_lies_on_it_is_missing() -> None:
    """Harm: a camera cannot be recorded over ssh because there is no screen."""
    assert faults(Choice(displays=["LEFT"]), NO_DISPLAY)[0][0] == ErrorCode.NO_DISPLAY
    assert found(Choice(test_patterns=["640x480"]), NO_DISPLAY)
    assert found(Choice(cameras=["/dev/video0"]), Sources(cameras=[CAMERA]))
    assert faults(Choice(cameras=["/dev/video0"]), TIMEOUT)[0][0] == ErrorCode.DEVICE_FAILED
    assert faults(Choice(files=["/tmp/talk.mp4"]), TIMEOUT)[0][0] == ErrorCode.DEVICE_FAILED


def test_arranging_names_only_what_is_added() -> None:
    assert Choice.of_arranging(ArrangePictures(remove=["LEFT"])).is_empty
    assert Choice.of_arranging(ArrangePictures(add_windows=["0x2a"])).windows == ["0x2a"]
    assert not ArrangePictures(remove=["LEFT"]).adds
    assert ArrangePictures(add_regions=[(0, 0, 640, 480)]).adds
