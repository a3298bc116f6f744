"""Which engine a stage takes on this machine, and why. Loads none of them."""

import os
import shutil
from importlib.util import find_spec

from reeld.enrich.adapting import USUAL, Circumstances, language_model, model_of_speech
from reeld.enrich.engines import models
from reeld.enrich.engines.missing import EngineMissing
from reeld.enrich.settings import EnrichConfig
from reeld.enrich.worker_names import LANGUAGE_MODEL, LOCAL
from reeld_proto.enrich_orders import EngineChoice
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.findings import Stage

_EXTRA = "pip install 'reeld[enrich]', then restart the daemon."


def choose(stage: Stage, config: EnrichConfig, now: Circumstances = USUAL) -> tuple[EngineChoice, str]:
    """The engine and the reason for it. Raises RequestRejected (NOT_FOUND) with the remedy if there is none."""
    if stage is Stage.OCR:
        return _reader(config)
    if stage is Stage.SPEECH:
        return _listener(config, now)
    if stage is Stage.LANGUAGE:
        return _writer(config, now)
    if stage is Stage.EMBEDDINGS:
        return _embedder()
    return EngineChoice(engine=LOCAL), "needs no engine"


def has_embedder() -> bool:
    """Whether texts can be searched by meaning on this machine."""
    return all(find_spec(each) is not None for each in ("wordllama", "safetensors", "tokenizers"))


def _embedder() -> tuple[EngineChoice, str]:
    if not has_embedder():
        raise RequestRejected("WordLlama is not installed", code=ErrorCode.NOT_FOUND, remedy=_EXTRA)
    return EngineChoice(engine="wordllama"), "installed, with its model"


def threads(config: EnrichConfig) -> int:
    """Threads of an engine: as configured, or half of the cores, shared by the workers."""
    return config.threads or max(1, (os.cpu_count() or 2) // 2 // config.workers)


def _reader(config: EnrichConfig) -> tuple[EngineChoice, str]:
    rapid = find_spec("rapidocr") is not None
    tesseract = shutil.which("tesseract") is not None
    wanted = config.ocr
    if wanted == "rapidocr" or (wanted == "auto" and rapid):
        if not rapid:
            raise RequestRejected("RapidOCR is not installed", code=ErrorCode.NOT_FOUND, remedy=_EXTRA)
        return EngineChoice(engine="rapidocr"), "as configured" if wanted != "auto" else "installed, with its models"
    if not tesseract:
        if wanted == "tesseract":
            remedy = "Your system's package manager has it as tesseract-ocr or tesseract."
            raise RequestRejected("tesseract is not installed", code=ErrorCode.NOT_FOUND, remedy=remedy)
        message = "neither RapidOCR nor Tesseract is installed"
        raise RequestRejected(message, code=ErrorCode.NOT_FOUND, remedy=_EXTRA)
    choice = EngineChoice(engine="tesseract", parameters={"languages": config.ocr_languages})
    return choice, "as configured" if wanted != "auto" else "RapidOCR is not installed"


def _writer(config: EnrichConfig, now: Circumstances) -> tuple[EngineChoice, str]:
    if not config.language_url:
        raise RequestRejected(
            "no language model is configured",
            code=ErrorCode.NOT_FOUND,
            remedy="Set `[enrich] language_url` and `language_model`, or take the plan standard.",
        )
    model, why, also = language_model(config.language_model, config.language_small, now)
    parameters: dict[str, str | int | float | bool] = {"url": config.language_url, "model": model}
    choice = EngineChoice(engine=LANGUAGE_MODEL, parameters=parameters, also=also)
    return choice, f"{why or 'as configured'}, at {config.language_url}"


def _listener(config: EnrichConfig, now: Circumstances) -> tuple[EngineChoice, str]:
    if find_spec("faster_whisper") is None:
        raise RequestRejected("faster-whisper is not installed", code=ErrorCode.NOT_FOUND, remedy=_EXTRA)
    try:
        name, _ = models.find_model(config.speech_model, download=config.download)
    except EngineMissing as error:
        raise RequestRejected(str(error), code=ErrorCode.NOT_FOUND) from error
    model, why, also = config.speech_model, "as configured", list[str]()
    if model == "auto":
        model, why, also = model_of_speech(models.available() or [name], config.language, now)
    parameters: dict[str, str | int | float | bool] = {
        "model": model,
        "language": config.language,
        "download": config.download,
    }
    return EngineChoice(engine="faster-whisper", parameters=parameters, also=also), why


def named(choice: EngineChoice) -> str:
    """An engine with its model, for people."""
    return f"{choice.engine} {choice.model}".rstrip()
