"""What `reelctl config` tells about the file of the daemon's settings. No messages: it is read where it lies."""

from enum import StrEnum
from typing import Any

from reeld_proto.records import Record


class SettingSource(StrEnum):
    """Where a setting's value comes from."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"


class Setting(Record, frozen=True, kw_only=True):
    """One setting. key: `table.name`."""

    key: str
    value: Any
    source: SettingSource


class MadeConfig(Record, frozen=True, kw_only=True):
    """Answer to `config init`."""

    path: str
    replaced: bool


class ShownConfig(Record, frozen=True, kw_only=True):
    """Answer to `config show`. exists: whether the file is there; without it every setting has its default."""

    path: str
    exists: bool
    settings: list[Setting]


class CheckedConfig(Record, frozen=True, kw_only=True):
    """Answer to `config check` of a file without faults. given: how many settings it has."""

    path: str
    given: int


class ConfigSet(Record, frozen=True, kw_only=True):
    """Answer to `config set`. was: the value that held before, the default's if none was given.

    live: whether the daemon that runs took it over. restart: whether one runs that must be started again for that.
    """

    path: str
    key: str
    was: Any
    value: Any
    live: bool = False
    restart: bool = False
