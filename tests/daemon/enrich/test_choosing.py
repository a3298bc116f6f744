"""Which engine is taken. Harms guarded against: an engine that the config did not name, a fault without a remedy, and a
daemon that loads what only its worker needs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest

from reeld.enrich import choosing
from reeld.enrich.engines import models
from reeld.enrich.engines.missing import EngineMissing
from reeld.enrich.settings import EnrichConfig
from reeld_proto.enrich_orders import EngineChoice
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.findings import Stage

Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Makes a machine that has these engines, and these models of speech."""

    def make(*engines: str, model: str = "") -> None:
        def find_model(wanted: str, *, download: bool = False) -> tuple[str, str]:
            if not model and not download:
                raise EngineMissing("no model of speech is installed: name a folder")
            return (wanted, wanted) if wanted != "auto" else (model or "base", "/models")

        monkeypatch.setattr(choosing, "find_spec", lambda name: name if name in engines else None)
        monkeypatch.setattr(shutil, "which", lambda name: name if name in engines else None)
        monkeypatch.setattr(models, "find_model", find_model)

    return make


def refused(stage: Stage, config: EnrichConfig) -> RequestRejected:
    with pytest.raises(RequestRejected) as caught:
        choosing.choose(stage, config)
    assert caught.value.code == ErrorCode.NOT_FOUND
    return caught.value


@pytest.mark.parametrize("stage", [Stage.CHAPTERS, Stage.SUMMARY])
def test_stages_without_a_model_need_nothing_installed(machine: Machine, stage: Stage) -> None:
    machine()
    assert choosing.choose(stage, EnrichConfig()) == (EngineChoice(engine="local"), "needs no engine")


@pytest.mark.parametrize(
    ("engines", "wanted", "taken"),
    [
        (("rapidocr", "tesseract"), "auto", "rapidocr"),
        (("rapidocr",), "auto", "rapidocr"),
        (("tesseract",), "auto", "tesseract"),
        (("rapidocr", "tesseract"), "tesseract", "tesseract"),
        (("rapidocr", "tesseract"), "rapidocr", "rapidocr"),
    ],
)
def test_the_engine_that_was_named_is_taken_or_the_best_there_is(
    machine: Machine, engines: tuple[str, ...], wanted: str, taken: str
) -> None:
    machine(*engines)
    choice, why = choosing.choose(Stage.OCR, EnrichConfig(ocr=wanted))
    assert choice.engine == taken
    assert (why == "as configured") == (wanted != "auto")


@pytest.mark.parametrize(
    ("engines", "wanted", "missing"),
    [
        ((), "auto", "neither RapidOCR nor Tesseract is"),
        (("tesseract",), "rapidocr", "RapidOCR is not"),
        (("rapidocr",), "tesseract", "tesseract is not"),
    ],
)
def test_an_engine_that_is_not_there_is_named_and_no_other_taken(
    machine: Machine, engines: tuple[str, ...], wanted: str, missing: str
) -> None:
    machine(*engines)
    error = refused(Stage.OCR, EnrichConfig(ocr=wanted))
    assert f"{missing} installed" in str(error)
    assert error.remedy


def test_the_languages_are_part_of_what_is_read_so_others_read_anew(machine: Machine) -> None:
    machine("tesseract")
    choice, _ = choosing.choose(Stage.OCR, EnrichConfig(ocr_languages="deu+eng"))
    assert choice.parameters == {"languages": "deu+eng"}


def test_without_an_engine_of_speech_the_remedy_is_told(machine: Machine) -> None:
    machine()
    assert "pip install" in refused(Stage.SPEECH, EnrichConfig()).remedy
    machine("faster_whisper")
    assert "name a folder" in str(refused(Stage.SPEECH, EnrichConfig()))


def test_auto_writes_down_which_model_it_took_so_another_one_listens_anew(machine: Machine) -> None:
    machine("faster_whisper", model="tiny.en")
    choice, why = choosing.choose(Stage.SPEECH, EnrichConfig(language="en"))
    assert choice.parameters == {"model": "tiny.en", "language": "en", "download": False}
    assert "tiny.en" in why
    assert choosing.named(choice) == "faster-whisper tiny.en"


def test_a_model_that_was_named_is_the_one_that_listens(machine: Machine) -> None:
    machine("faster_whisper", model="large-v3")
    choice, why = choosing.choose(Stage.SPEECH, EnrichConfig(speech_model="/models/mine"))
    assert (choice.parameters["model"], why) == ("/models/mine", "as configured")


def test_the_hub_is_asked_only_where_the_config_allows_it(machine: Machine) -> None:
    machine("faster_whisper")
    refused(Stage.SPEECH, EnrichConfig(speech_model="small"))
    choice, _ = choosing.choose(Stage.SPEECH, EnrichConfig(speech_model="small", download=True))
    assert (choice.parameters["model"], choice.parameters["download"]) == ("small", True)


def test_an_engine_without_a_model_has_its_plain_name() -> None:
    assert choosing.named(EngineChoice(engine="rapidocr")) == "rapidocr"


@pytest.mark.parametrize(("cores", "wanted", "taken"), [(8, 0, 4), (1, 0, 1), (None, 0, 1), (8, 7, 7)])
def test_an_engine_leaves_half_of_the_machine_to_others(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, wanted: int, taken: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert choosing.threads(EnrichConfig(threads=wanted)) == taken


def test_choosing_loads_no_engine() -> None:
    told = (
        "import sys; from reeld.enrich import choosing;"
        "print([name for name in ('faster_whisper', 'rapidocr', 'onnxruntime', 'ctranslate2') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, timeout=30)
    assert ran.stdout == "[]\n"
