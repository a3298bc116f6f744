"""Parts of reeld that can be switched: the one list of them, their stages, and whether one is on here. Pure.

A stage is `off`, `preview` (on where `[features] previews = "on"`), `on`, or `N%`: on in that part of all
installations, chosen by a hash of the store's identity, so that an installation stays in or out, for each feature anew,
and who is in at 10 % is in at 20 %, too. `[features] NAME = "stage"` of the config wins over the stage here.
"""

import difflib
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reeld_proto.settings import FeatureInfo
from reeld_proto.sound_reading import unknown_key

OFF, PREVIEW, ON = "off", "preview", "on"
PREVIEWS = "previews"
"""Not a feature, but whether those in preview are on."""

BUILT_IN, CONFIG = "built-in", "config"

_PERCENT = re.compile(r"(\d{1,3})%", re.ASCII)


class Feature(StrEnum):
    """Names of the features, as they stand in the config."""

    COMPRESS_AV1 = "compress-av1"


@dataclass(frozen=True)
class Declared:
    """What the program itself says of a feature."""

    description: str
    stage: str


FEATURES: dict[Feature, Declared] = {
    Feature.COMPRESS_AV1: Declared(
        "Pictures older than upkeep.compress_after_days are encoded again as AV1, in the background.", ON
    ),
}


def faults(table: Any) -> Iterator[str]:
    """What is wrong with `[features]`, beside values that are no text."""
    if not isinstance(table, dict):
        return
    known = [*Feature, PREVIEWS]
    for name, stage in table.items():
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            yield unknown_key(f"features.{name}", f"features.{nearest}")
        elif name == PREVIEWS and isinstance(stage, str) and stage not in {ON, OFF}:
            yield f"features.{PREVIEWS} is {stage!r}, but must be on or off"
        elif isinstance(stage, str) and not is_stage(stage):
            yield f"features.{name} is {stage!r}, but must be off, preview, on or a part of all such as 25%"


def is_stage(text: str) -> bool:
    """Whether this is a stage: `off`, `preview`, `on`, `0%` to `100%`."""
    found = _PERCENT.fullmatch(text)
    return text in {OFF, PREVIEW, ON} or (found is not None and int(found[1]) <= 100)


def is_on(feature: Feature, chosen: Mapping[str, str], identity: bytes) -> bool:
    """Whether a feature is on here. chosen: `[features]` of the config; identity: the store's."""
    return _holds(feature, _stage(feature, chosen)[0], chosen, identity)


def infos(chosen: Mapping[str, str], identity: bytes) -> list[FeatureInfo]:
    """All features as clients are told of them."""
    told = []
    for feature, declared in FEATURES.items():
        stage, source = _stage(feature, chosen)
        told.append(
            FeatureInfo(
                feature=feature.value,
                description=declared.description,
                stage=stage,
                enabled=_holds(feature, stage, chosen, identity),
                source=source,
            )
        )
    return told


def place(name: str, identity: bytes) -> float:
    """Where an installation is for this feature, from 0 up to 100: it is among the first N % if this is below N."""
    digest = hashlib.sha256(name.encode() + b"\0" + identity).digest()
    # 53 bits are a fraction below 1 exactly; of 64 the largest would be rounded up to 100 %.
    return (int.from_bytes(digest[:8], "big") >> 11) / (1 << 53) * 100


def _stage(feature: Feature, chosen: Mapping[str, str]) -> tuple[str, str]:
    if feature.value in chosen:
        return chosen[feature.value], CONFIG
    return FEATURES[feature].stage, BUILT_IN


def _holds(feature: Feature, stage: str, chosen: Mapping[str, str], identity: bytes) -> bool:
    if stage == PREVIEW:
        return chosen.get(PREVIEWS) == ON
    if found := _PERCENT.fullmatch(stage):
        return place(feature.value, identity) < int(found[1])
    return stage == ON
