"""What `reelctl config` does, each with a path and words, for an answer in the words of `reeld_proto.configuration`."""

import os
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from reeld.config import load_config, parse_config
from reeld.settings import files
from reeld.settings.editing import find_key, read_value, with_setting
from reeld.settings.keys import keys
from reeld.settings.template import template
from reeld_proto.configuration import CheckedConfig, ConfigSet, MadeConfig, Setting, SettingSource, ShownConfig
from reeld_proto.endpoints import default_runtime_dir, default_store_dir
from reeld_proto.errors import ErrorCode, RequestRejected


def init(path: Path, *, force: bool) -> MadeConfig:
    """Write the commented file. Raises RequestRejected (WRONG_STATE) if there is one and `force` is not given."""
    exists = path.exists() or path.is_symlink()
    if exists and not force:
        raise RequestRejected(
            f"{path} exists already", code=ErrorCode.WRONG_STATE, remedy="Replace it, and lose it, with --force."
        )
    files.write(path, template())
    return MadeConfig(path=str(path), replaced=exists)


def show(path: Path) -> ShownConfig:
    """All settings that hold. Raises RequestRejected with every fault of the file."""
    text = files.read(path)
    config = parse_config(text or "", origin=str(path))
    given = tomllib.loads(text or "")
    effective = msgspec.to_builtins(config)
    settings = [
        _place("folders.store", default_store_dir(), "REELD_STORE", "XDG_DATA_HOME"),
        _place("folders.runtime", default_runtime_dir(), "REELD_RUNTIME_DIR", "XDG_RUNTIME_DIR"),
    ]
    for key in keys():
        source = SettingSource.FILE if key.name in given.get(key.table, {}) else SettingSource.DEFAULT
        settings.append(Setting(key=key.path, value=effective[key.table][key.name], source=source))
    for name in ("profiles", "features", "audio"):
        source = SettingSource.FILE if name in given else SettingSource.DEFAULT
        settings.append(Setting(key=name, value=effective[name], source=source))
    return ShownConfig(path=str(path), exists=text is not None, settings=settings)


def _place(name: str, path: Path, *variables: str) -> Setting:
    is_chosen = any(os.environ.get(variable) for variable in variables)
    source = SettingSource.ENVIRONMENT if is_chosen else SettingSource.DEFAULT
    return Setting(key=name, value=str(path), source=source)


def check(path: Path) -> CheckedConfig:
    """Raises RequestRejected with every fault of the file, NOT_FOUND if it is not there."""
    load_config(path)
    return CheckedConfig(path=str(path), given=_leaves(tomllib.loads(path.read_text(encoding="utf-8"))))


def _leaves(table: dict[str, Any]) -> int:
    return sum(_leaves(value) if isinstance(value, dict) else 1 for value in table.values())


def set_(path: Path, name: str, typed: str) -> ConfigSet:
    """Change one setting; comments and order stay. Raises RequestRejected, and then the file is as it was.

    A file that has faults already is not changed: nobody could say what the change means in it.
    """
    key = find_key(name)
    value = read_value(key, typed)
    text = files.read(path) or ""
    before = msgspec.to_builtins(parse_config(text, origin=str(path)))
    changed = with_setting(text, key, value)
    after = msgspec.to_builtins(parse_config(changed, origin=f"{path} with {name} = {typed}"))
    files.write(path, changed)
    was, now = (plain[key.table][key.name] for plain in (before, after))
    return ConfigSet(path=str(path), key=key.path, was=was, value=now)
