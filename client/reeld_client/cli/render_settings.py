"""What profiles and features say to a person."""

from enum import Enum
from typing import Any

import msgspec
from rich.console import Console

from reeld_client.cli.render_live import table, words
from reeld_proto.settings import FeatureList, ProfileInfo, ProfileList


def print_profiles(console: Console, found: ProfileList) -> None:
    """`reelctl profiles`."""
    if not found.profiles:
        console.print(words("no profiles; they are tables [profiles.NAME] of the config"))
        return
    for info in found.profiles:
        console.print(words(info.profile, "bold"), soft_wrap=True)
        console.print(words(f"  {', '.join(_settings(info)) or '·'}"), soft_wrap=True)


def print_features(console: Console, found: FeatureList) -> None:
    """`reelctl features`."""
    rows = table("feature", "stage", "here", "from")
    for info in found.features:
        here = words("on", "green") if info.enabled else words("off")
        rows.add_row(words(info.feature), words(info.stage), here, words(info.source))
    console.print(rows)
    for info in found.features:
        console.print(words(f"{info.feature}: {info.description}"), soft_wrap=True)


def _settings(info: ProfileInfo) -> list[str]:
    said = [
        f"{field.name} {_plain(value)}"
        for field in msgspec.structs.fields(info.settings)
        if (value := getattr(info.settings, field.name)) not in (None, "", [])
    ]
    return [*said, *([f"audio of {info.sound_nodes} nodes"] if info.sound_nodes else [])]


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return " ".join(map(_plain, value)) if isinstance(value, list) else str(value)
