"""The settings as they may be shown to a stranger: what a person named or typed is left out. Pure."""

import re
from typing import Any

import msgspec

from reeld.config import Config

WITHHELD = "…"
"""Stands for every text that is left out."""

_SECRET = re.compile(r"token|secret|password|passphrase|credential|key$", re.IGNORECASE)
_KIND = "type"


def discreet(config: Config) -> dict[str, Any]:
    """The settings as plain data.

    Of privacy rules and profiles their number stays, of hooks that of their words, of the bridge for remotes where it
    listens; of the graph of sounds its nodes' types and numbers; of everything else what is not called a secret.
    """
    plain: dict[str, Any] = _without_secrets(msgspec.to_builtins(config))
    plain["privacy"]["rules"] = len(config.privacy.rules)
    plain["profiles"] = len(config.profiles)
    plain["obs"] = {"enabled": config.obs.enabled, "port": config.obs.port}
    plain["hooks"] = {key: len(words) for key, words in plain["hooks"].items()}
    plain["audio"] = _without_text(plain["audio"])
    plain["replay"] = {**plain["replay"], "displays": len(config.replay.displays)}
    for device in ("microphone", "system_audio"):
        if plain["replay"][device] not in {"default", "none"}:
            plain["replay"][device] = WITHHELD
    return plain


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: WITHHELD if isinstance(each, str) and _SECRET.search(key) else _without_secrets(each)
            for key, each in value.items()
        }
    return [_without_secrets(each) for each in value] if isinstance(value, list) else value


def _without_text(value: Any) -> Any:
    """Lists and tables with the values of `type`, numbers and truths alone."""
    if isinstance(value, dict):
        return {str(key): each if key == _KIND else _without_text(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_text(each) for each in value]
    return WITHHELD if isinstance(value, str) else value
