"""The trial as the process that it is: hardware, software, and names of nobody."""

import sys

import pytest

from reeld.media import trial
from reeld.media.presets import LIBRARIES


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["trial", name])
    return trial.main(), capsys.readouterr().out.strip()


@pytest.mark.parametrize("name", LIBRARIES.values())
def test_software_can_be_tried_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """`reelctl doctor` asks for it like for hardware."""
    assert run(monkeypatch, capsys, name) == (0, "")


def test_what_is_no_candidate_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(monkeypatch, capsys, "h264_of_nobody")
    assert code == 1
    assert "h264_of_nobody" in said


def test_why_one_fails_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(trial, "fault_of", lambda _settings: "other pictures come back than went in")
    assert run(monkeypatch, capsys, "libx264") == (1, "other pictures come back than went in")
