"""What of a config file that was read again can hold at once. Pure."""

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from reeld.config import Config

NEEDS_RESTART = ("replay", "control", "obs", "privacy.pause_on_lock")
"""Tables and settings that are built into what runs: the rolling buffer, sockets, the bridge for remotes, and who
listens for a locked desktop."""

RULES = "privacy.rules"
_RULES_WARNING = "the recording that runs keeps the privacy rules it began with; stop it and start another for these"


@dataclass(frozen=True)
class Reloaded:
    """config: what holds now. live, restart: what differs from before, by the names of settings."""

    config: Config
    live: list[str]
    restart: list[str]

    def warnings(self, *, recording: bool) -> list[str]:
        """What somebody might believe and should not. recording: whether there is a session."""
        return [_RULES_WARNING] if recording and RULES in self.live else []


def reloaded(running: Config, read: Config) -> Reloaded:
    """`read` with what `running` must keep until a restart."""
    changed = _differences(running, read)
    privacy = replace(read.privacy, pause_on_lock=running.privacy.pause_on_lock)
    return Reloaded(
        replace(read, replay=running.replay, control=running.control, obs=running.obs, privacy=privacy),
        live=[name for name in changed if not _needs_restart(name)],
        restart=[name for name in changed if _needs_restart(name)],
    )


def _needs_restart(name: str) -> bool:
    return name in NEEDS_RESTART or name.partition(".")[0] in NEEDS_RESTART


def _differences(before: Config, after: Config) -> list[str]:
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    return [name for table in old for name in _changed(table, old[table], new[table])]


def _changed(name: str, old: Any, new: Any) -> list[str]:
    """Names below `name`; only `name` itself where there is nothing or another list on one of both sides."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [name] if old != new else []
    keys = dict.fromkeys([*old, *new])
    return [f"{name}.{key}" for key in keys if old.get(key) != new.get(key)]
