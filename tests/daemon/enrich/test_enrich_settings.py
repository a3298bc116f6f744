"""`[enrich]` of the config. Harms guarded against: a plan that does something else than it says, hours that are never
kept, and a misspelt setting that nobody is told of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.config import parse_config
from reeld.enrich.settings import BUILT_IN, EnrichConfig, PlanConfig
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.findings import Stage

MINUTES = st.integers(0, 1439)
OWN = """
[enrich]
plan = "talks"
[[enrich.plans]]
name = "talks"
stages = ["summary", "speech"]
on_failure = "undo"
[[enrich.plans]]
name = "screens"
stages = ["ocr"]
"""


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def test_by_default_nothing_is_done_and_nothing_is_downloaded() -> None:
    found = parse_config("").enrich
    assert found == EnrichConfig()
    assert (found.plan, found.download, found.on_battery) == ("off", False, False)
    assert found.stages_of(found.plan) == ()


def test_keys_are_read_with_their_types() -> None:
    found = parse_config(
        '[enrich]\nplan = "standard"\nocr = "tesseract"\nocr_languages = "deu+eng"\nspeech_model = "small"\n'
        'language = "de"\ndownload = true\nwhile_recording = "never"\non_battery = true\nhours = "22:00-06:00"\n'
        "threads = 3\nmemory_mb = 4000\n"
    ).enrich
    assert found == EnrichConfig(
        plan="standard",
        ocr="tesseract",
        ocr_languages="deu+eng",
        speech_model="small",
        language="de",
        download=True,
        while_recording="never",
        on_battery=True,
        hours="22:00-06:00",
        threads=3,
        memory_mb=4000,
    )


def test_a_plan_of_ones_own_runs_its_stages_in_the_order_that_works() -> None:
    found = parse_config(OWN).enrich
    assert found.stages_of("talks") == (Stage.SPEECH, Stage.SUMMARY)
    assert found.names == [*BUILT_IN, "talks", "screens"]
    assert (found.undoes("talks"), found.undoes("screens"), found.undoes("standard")) == (True, False, False)


def test_an_unknown_plan_has_no_stages_rather_than_those_of_another() -> None:
    found = parse_config(OWN).enrich
    for name in ("", "talk", "Standard", "nope"):
        assert found.stages_of(name) is None
        assert not found.undoes(name)


def test_the_built_in_plans_are_there_whatever_the_config_says() -> None:
    for config in (EnrichConfig(), parse_config(OWN).enrich):
        for name, stages in BUILT_IN.items():
            assert config.stages_of(name) == stages
            assert list(stages) == [stage for stage in Stage if stage in stages]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('plan = "everything"', "plan is 'everything'.*off, basic, standard"),
        ('ocr = "magic"', "ocr is 'magic'.*auto, rapidocr, tesseract"),
        ('while_recording = "sometimes"', "while_recording is 'sometimes'.*idle, never, always"),
        ('hours = "22-6"', "hours is '22-6'.*22:00-06:00"),
        ('hours = "24:00-06:00"', "hours"),
        ('hours = "22:00-06:60"', "hours"),
        ('hours = "22:00-06:00 "', "hours"),
        ("threads = 65", "threads"),
        ("threads = -1", "threads"),
        ("memory_mb = 100", "memory_mb"),
        ('download = "yes"', "download"),
        ("language = 1", "language"),
        ('plans = ["talks"]', "plans"),
        ('[[enrich.plans]]\nname = "basic"\nstages = ["ocr"]', "'basic'"),
        ('[[enrich.plans]]\nname = "x"\nstages = ["ocr"]\n[[enrich.plans]]\nname = "x"\nstages = ["ocr"]', "'x'"),
        ('[[enrich.plans]]\nname = "x"\nstages = []', "stages"),
        ('[[enrich.plans]]\nname = ""\nstages = ["ocr"]', "name"),
        ('[[enrich.plans]]\nname = "x"\nstages = ["magic"]', "stages"),
        ('[[enrich.plans]]\nname = "x"\nstages = ["ocr", "ocr"]', "stage is named twice"),
        ('[[enrich.plans]]\nname = "x"\nstages = ["ocr"]\non_failure = "panic"', "on_failure is 'panic'.*keep or undo"),
        ('[[enrich.plans]]\nstages = ["ocr"]', "name"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name(text: str, named: str) -> None:
    with pytest.raises(RequestRejected, match=f"(?s){named}") as caught:
        parse_config(f"[enrich]\n{text}\n", origin="here.toml")
    assert caught.value.code == ErrorCode.INVALID_REQUEST
    assert "here.toml" in str(caught.value)
    assert any("enrich" in fault for fault in caught.value.faults)


@pytest.mark.parametrize(
    ("text", "wrong", "meant"),
    [
        ("speech_modell = 'small'", "enrich.speech_modell", "enrich.speech_model"),
        ("hour = '22:00-06:00'", "enrich.hour", "enrich.hours"),
        ("[[enrich.plans]]\nname = 'x'\nstages = ['ocr']\non_fail = 'undo'", "on_fail", "on_failure"),
    ],
)
def test_a_misspelt_setting_is_refused_and_the_nearest_one_named(text: str, wrong: str, meant: str) -> None:
    with pytest.raises(RequestRejected) as caught:
        parse_config(f"[enrich]\n{text}\n")
    (fault,) = caught.value.faults
    assert wrong in fault
    assert meant in fault


@given(MINUTES)
def test_without_hours_every_minute_is_fine(minute: int) -> None:
    assert EnrichConfig().allows_minute(minute)


@given(MINUTES, MINUTES, MINUTES)
def test_hours_and_the_hours_left_over_never_share_a_minute_and_miss_none(begin: int, end: int, minute: int) -> None:
    one = EnrichConfig(hours=f"{clock(begin)}-{clock(end)}")
    other = EnrichConfig(hours=f"{clock(end)}-{clock(begin)}")
    assert one.allows_minute(begin)
    if begin != end:
        assert one.allows_minute(minute) != other.allows_minute(minute)
        assert not one.allows_minute(end)


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [
        ("22:00-06:00", ["22:00", "23:59", "00:00", "05:59"], ["06:00", "12:00", "21:59"]),
        ("09:30-17:00", ["09:30", "16:59"], ["09:29", "17:00", "00:00"]),
        ("00:00-00:01", ["00:00"], ["00:01", "23:59"]),
    ],
)
def test_hours_hold_over_midnight_as_well(hours: str, inside: list[str], outside: list[str]) -> None:
    config = EnrichConfig(hours=hours)
    for told, allowed in ((inside, True), (outside, False)):
        for time in told:
            hour, minute = time.split(":")
            assert config.allows_minute(int(hour) * 60 + int(minute)) == allowed


def test_a_plan_made_in_code_is_checked_as_well() -> None:
    with pytest.raises(ValueError, match="on_failure"):
        PlanConfig(name="x", stages=[Stage.OCR], on_failure="")
