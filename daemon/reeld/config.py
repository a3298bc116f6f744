"""Settings of the daemon: a TOML file read into typed structs, and where the store, sockets and file are."""

import difflib
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import Quality


class StoreConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[store]`. reserve_bytes: free disk below which no session starts."""

    reserve_bytes: Annotated[int, Meta(ge=0)] = 100_000_000


class RecordConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[record]`: what a session uses when its command does not say. fps: frames per second, 1-60."""

    fps: Annotated[int, Meta(ge=1, le=60)] = 30
    quality: Quality = Quality.MEDIUM


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. Every key has a default, so an empty file is valid."""

    store: StoreConfig = StoreConfig()
    record: RecordConfig = RecordConfig()


def default_config_path() -> Path:
    """`REELD_CONFIG`, else `$XDG_CONFIG_HOME/reeld/config.toml`, else the same below `~/.config`."""
    chosen = os.environ.get("REELD_CONFIG")
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "reeld" / "config.toml"


def load_config(path: Path | None) -> Config:
    """The settings in `path`; without one those of the default place, where a missing file means all defaults.

    Raises RequestRejected: NOT_FOUND if a file that was named is missing, PERMISSION if it cannot be read,
    INVALID_REQUEST with every fault found otherwise.
    """
    named = path is not None or bool(os.environ.get("REELD_CONFIG"))
    path = path or default_config_path()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if not named:
            return Config()
        raise RequestRejected(f"there is no config file {path}", code=ErrorCode.NOT_FOUND) from error
    except OSError as error:
        raise RequestRejected(f"cannot read {path}: {error.strerror}", code=ErrorCode.PERMISSION) from error
    except UnicodeDecodeError as error:
        raise RequestRejected(f"{path} is not UTF-8 text") from error
    return parse_config(text, origin=str(path))


def parse_config(text: str, *, origin: str = "config") -> Config:
    """The settings in TOML `text`. Raises RequestRejected naming every unknown key and the nearest known one."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RequestRejected(f"{origin} is not valid TOML: {error}") from error
    unknown = tuple(_unknown_keys(table, Config, ""))
    if unknown:
        raise RequestRejected(f"{origin}: {'; '.join(unknown)}", faults=unknown)
    try:
        return msgspec.convert(table, Config)
    except msgspec.ValidationError as error:
        raise RequestRejected(f"{origin}: {error}") from error


def _unknown_keys(table: dict[str, Any], kind: type[Struct], prefix: str) -> Iterator[str]:
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in table.items():
        if key not in fields:
            nearest = difflib.get_close_matches(key, fields, n=1, cutoff=0.0)
            yield f"unknown key {prefix}{key}; the nearest known one is {prefix}{nearest[0]}"
        elif isinstance(value, dict) and issubclass(fields[key], Struct):
            yield from _unknown_keys(value, fields[key], f"{prefix}{key}.")
