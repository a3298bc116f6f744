"""Which encoder is chosen. Harm guarded against: a driver that hangs or lies keeps a recording from starting; warnings
come without end; or a trial delays the start of a plain recording."""

import dataclasses
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import structlog

from reeld.media import hardware, trial
from reeld.media.hardware import candidates, choose
from reeld.media.presets import Settings, settings_for
from reeld_proto.records import EncoderChoice, Quality, VideoCodec

BROKEN = "broken encoder"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was tried in this process yet."""
    monkeypatch.setattr(hardware, "_tried", {})
    monkeypatch.setattr(hardware, "_warned", set())


def warnings(logs: list[Any]) -> list[Any]:
    return [entry for entry in logs if entry["event"] == "encoder.software"]


def no_trial(_name: str, _timeout_s: float) -> str:
    raise AssertionError("a trial")


@pytest.mark.parametrize("codec", list(VideoCodec))
def test_software_is_never_tried(codec: VideoCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "trial", no_trial)
    assert choose(codec, Quality.LOW, EncoderChoice.SOFTWARE) == settings_for(codec, Quality.LOW)


def test_lossless_is_left_to_software_which_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "trial", no_trial)
    assert choose(VideoCodec.HEVC, Quality.LOSSLESS, EncoderChoice.AUTO).pixels.exact


def test_hardware_that_passes_is_chosen_and_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def passes(name: str, _timeout_s: float) -> str:
        asked.append(name)
        return "" if name == "h264_vaapi" else BROKEN

    monkeypatch.setattr(hardware, "trial", passes)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            chosen = choose(VideoCodec.H264, Quality.MEDIUM, EncoderChoice.AUTO)
    assert (chosen.name, chosen.device, chosen.codec) == ("h264_vaapi", "vaapi", VideoCodec.H264)
    assert asked == ["h264_videotoolbox", "h264_nvenc", "h264_vaapi"]
    assert not warnings(logs)


def test_without_hardware_there_is_one_warning_with_the_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "trial", lambda _name, _timeout_s: BROKEN)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            assert choose(VideoCodec.HEVC, Quality.HIGH, EncoderChoice.AUTO) == settings_for(
                VideoCodec.HEVC, Quality.HIGH
            )
    (warning,) = warnings(logs)
    assert warning["encoder"] == "libx265"
    assert len(warning["reasons"]) == 3
    assert all(BROKEN in reason for reason in warning["reasons"])


def test_this_machine_gives_an_answer_for_real() -> None:
    """The real processes: whatever is chosen can record."""
    chosen = choose(VideoCodec.H264, Quality.MEDIUM, EncoderChoice.AUTO)
    assert not trial.fault_of(chosen)


def test_a_driver_that_does_not_come_back_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(hanging))
    began = time.monotonic()
    assert hardware.tried("h264_nvenc", timeout_s=0.2) == "no answer within 0.2 s"
    assert time.monotonic() - began < 10


def test_a_python_that_cannot_be_started_is_no_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    assert "no trial could be made" in hardware.tried("h264_nvenc")


def test_a_trial_that_dies_is_no_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert hardware.tried("h264_nvenc") == "the trial ended with status 1"


@pytest.mark.parametrize("codec", list(VideoCodec))
def test_the_software_encoders_pass_the_trial(codec: VideoCodec) -> None:
    """Else the trial would refuse everything."""
    assert trial.fault_of(settings_for(codec, Quality.MEDIUM)) == ""


def altered(**options: str) -> Settings:
    settings = settings_for(VideoCodec.H264, Quality.MEDIUM)
    return dataclasses.replace(settings, options={**settings.options, **options})


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (altered(preset="medium", tune="film"), "0 packets"),
        (altered(preset="no-such-preset"), "cannot be used"),
        (dataclasses.replace(altered(), name="h264_nothing"), "no h264_nothing"),
        (
            dataclasses.replace(altered(), name="libx265", options={"x265-params": "log-level=none"}),
            "0 packets",
        ),
    ],
)
def test_an_encoder_that_holds_pictures_back_or_is_not_there_fails_the_trial(settings: Settings, fault: str) -> None:
    assert fault in trial.fault_of(settings)


def test_every_candidate_can_be_named_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trial, "fault_of", lambda settings: f"asked for {settings.name}")
    for codec in (VideoCodec.H264, VideoCodec.HEVC):
        for settings in candidates(codec, Quality.MEDIUM):
            monkeypatch.setattr(sys, "argv", ["trial", settings.name])
            assert trial.main() == 1
            assert capsys.readouterr().out == f"asked for {settings.name}\n"
            assert "{" not in "".join(settings.options_at(30).values())
    monkeypatch.setattr(sys, "argv", ["trial", "abacus"])
    assert trial.main() == 1
