"""The verdict on encoders, and a trial of one that works and one that is not there."""

import threading

import pytest

from reeld.doctor import encoders
from reeld.doctor.encoders import judge
from reeld.media.hardware import LATE
from reeld.media.presets import LIBRARIES
from reeld_proto.records import EncoderChoice, VideoCodec
from tests.daemon.doctor.verdicts import FAULT, OK, WARNING, statuses

SOFTWARE = dict.fromkeys(LIBRARIES.values(), "")


def verdict(trials: dict[str, str], wanted: EncoderChoice = EncoderChoice.SOFTWARE) -> dict[str, object]:
    return dict(statuses(judge(trials, wanted, VideoCodec.H264)))


def test_working_software_is_in_order_without_any_hardware() -> None:
    assert set(verdict(SOFTWARE).values()) == {OK}


def test_the_codec_that_is_recorded_with_must_work_another_need_not() -> None:
    assert verdict({**SOFTWARE, "libx264": "broken"})["encoder-h264"] is FAULT
    assert verdict({**SOFTWARE, "libx265": "broken"})["encoder-hevc"] is WARNING
    assert verdict({})["encoder-h264"] is FAULT


def test_software_that_is_merely_late_is_no_fault() -> None:
    """A busy machine is not a broken one."""
    assert verdict({**SOFTWARE, "libx264": f"{LATE} 3 s"})["encoder-h264"] is WARNING


def test_hardware_that_fails_is_a_warning_only_where_it_is_asked_for() -> None:
    trials = {**SOFTWARE, "h264_vaapi": "no device"}
    assert verdict(trials)["encoder-hardware"] is OK
    assert verdict(trials, EncoderChoice.AUTO)["encoder-hardware"] is WARNING
    assert verdict({**trials, "h264_nvenc": ""}, EncoderChoice.AUTO)["encoder-hardware"] is OK


def test_a_reason_is_told_without_the_options_of_the_call() -> None:
    why = "the encoder h264_nvenc cannot be used: [Errno 1] Not permitted: 'avcodec_open2(\"h264_nvenc\", {})'"
    found = judge({**SOFTWARE, "h264_nvenc": why}, EncoderChoice.AUTO, VideoCodec.H264)
    assert "(h264_nvenc: [Errno 1] Not permitted)" in found[-1].detail


def test_hardware_that_this_ffmpeg_does_not_know_is_not_tried() -> None:
    names = encoders.names()
    assert set(LIBRARIES.values()) <= set(names)
    assert len(names) == len(set(names))
    assert encoders._is_known("libx264")
    assert not encoders._is_known("h264_of_nobody")


def test_a_real_trial_of_software_passes_and_of_an_unknown_name_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "names", lambda: ["libx264", "h264_of_nobody"])
    trials = encoders.gather()
    assert trials["libx264"] == ""
    assert "no candidate" in trials["h264_of_nobody"]


def test_trials_run_beside_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other a driver that hangs would take the time of all."""
    together = threading.Barrier(2)
    monkeypatch.setattr(encoders, "trial", lambda _name, _limit_s: str(together.wait(5) < 0 or ""))
    monkeypatch.setattr(encoders, "names", lambda: ["a", "b"])
    assert encoders.gather() == {"a": "", "b": ""}
