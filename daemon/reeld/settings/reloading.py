"""What of a config file that was read again can hold at once. Pure."""

from dataclasses import dataclass
from typing import Any

import msgspec

from reeld.config import Config

LIVE = ("record", "snapshots", "profiles")
"""Tables that are looked at when a session starts, and never again. All others are built into what runs."""


@dataclass(frozen=True)
class Reloaded:
    """config: what holds now. live, restart: what differs from before, by the names of settings."""

    config: Config
    live: list[str]
    restart: list[str]


def reloaded(running: Config, read: Config) -> Reloaded:
    """`running` with what can be taken over of `read`."""
    changed = _differences(running, read)
    config = msgspec.structs.replace(running, **{name: getattr(read, name) for name in LIVE})
    return Reloaded(
        config,
        live=[name for name in changed if _table(name) in LIVE],
        restart=[name for name in changed if _table(name) not in LIVE],
    )


def _table(name: str) -> str:
    return name.partition(".")[0]


def _differences(before: Config, after: Config) -> list[str]:
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    return [name for table in old for name in _changed(table, old[table], new[table])]


def _changed(name: str, old: Any, new: Any) -> list[str]:
    """Names below `name`; only `name` itself where there is nothing or another list on one of both sides."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [name] if old != new else []
    keys = dict.fromkeys([*old, *new])
    return [f"{name}.{key}" for key in keys if old.get(key) != new.get(key)]
