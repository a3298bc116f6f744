"""Settings of the daemon: a TOML file read into typed structs, and where the store, sockets and file are."""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from reeld import features, profiles
from reeld.access.addresses import parse_address
from reeld.enrich.settings import EnrichConfig
from reeld.hooks.settings import HooksConfig
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.privacy import PrivacyRule
from reeld_proto.records import EncoderChoice, Quality, VideoCodec
from reeld_proto.settings import Profile
from reeld_proto.sound_graph import SoundGraph
from reeld_proto.sound_reading import unknown_key

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kMGT]i?)?B?\s*", re.IGNORECASE)
_WHERE = re.compile(r" - at `[^`]*`$")
"""How msgspec ends a message; the place it names is within the value it was given."""
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_size(text: str) -> int:
    """Bytes of `50GB`, `500 MB`, `1.5 TiB` or `1000`. Raises ValueError for anything else, and for nothing at all."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a size such as 50GB or 500MB")
    unit = (found[2] or "").lower()
    size: int = round(Fraction(found[1]) * (1024 if unit.endswith("i") else 1000) ** _POWERS[unit[:1]])
    if size <= 0:
        raise ValueError(f"{text!r} leaves no room at all")
    return size


class StoreConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[store]`: the file that holds everything. reserve_bytes: free disk below which no session starts."""

    reserve_bytes: Annotated[int, Meta(ge=0)] = 100_000_000


class RecordConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[record]`: what a session uses when its command does not say.

    fps: frames per second, 1-60. quality: how faithful pictures are; `lossless` keeps every pixel. pointer: whether the
    mouse pointer is drawn. codec: how pictures are encoded. encoder: `software`, or `auto` to use the graphics hardware
    where a trial shows that it can encode.
    """

    fps: Annotated[int, Meta(ge=1, le=60)] = 30
    quality: Quality = Quality.MEDIUM
    pointer: bool = True
    codec: VideoCodec = VideoCodec.H264
    encoder: EncoderChoice = EncoderChoice.SOFTWARE


class SnapshotsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[snapshots]`: stills of each picture, taken when it changed enough.

    enabled: whether they are taken when a session does not say.
    min_s, max_s: seconds between two of them; the first while the picture changes now and then, the other while it
    never rests.
    """

    enabled: bool = True
    min_s: Annotated[float, Meta(ge=0.5, le=3600)] = 2.0
    max_s: Annotated[float, Meta(ge=0.5, le=3600)] = 30.0

    def __post_init__(self) -> None:
        """Raises ValueError, which is told as a fault of the file."""
        if self.max_s < self.min_s:
            raise ValueError(f"max_s ({self.max_s:g}) must not be less than min_s ({self.min_s:g})")


class StorageConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[storage]`: what the store may take, and for how long. Nothing is dropped unless one of the limits is set.

    quota: what the store may hold, in bytes or as text (`50GB`, `500 MB`, `20 GiB`).
    keyframes_after_days: age at which a session loses all but its key frames; drop_after_days: age at which it goes.
    garbage_after_s: how long the bytes of what went may stay in the file, as long as the quota allows it.
    """

    quota: Annotated[int, Meta(gt=0)] | str | None = None
    keyframes_after_days: Annotated[float, Meta(gt=0)] | None = None
    drop_after_days: Annotated[float, Meta(gt=0)] | None = None
    garbage_after_s: Annotated[float, Meta(ge=0)] = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError, which is told as a fault of the file."""
        if isinstance(self.quota, str):
            parse_size(self.quota)
        if None not in (self.keyframes_after_days, self.drop_after_days):
            thin, drop = float(self.keyframes_after_days or 0), float(self.drop_after_days or 0)
            if drop <= thin:
                raise ValueError(f"drop_after_days ({drop:g}) must be more than keyframes_after_days ({thin:g})")

    @property
    def quota_bytes(self) -> int | None:
        """The quota in bytes, None without one."""
        return parse_size(self.quota) if isinstance(self.quota, str) else self.quota

    @property
    def is_limited(self) -> bool:
        """Whether anything may ever be dropped."""
        return (self.quota, self.keyframes_after_days, self.drop_after_days) != (None, None, None)


class ReplayConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[replay]`: the rolling buffer. Without `minutes` there is none, and nothing is recorded unless asked for.

    minutes: how much of the past is kept, at most a day. displays, microphone, system_audio: what is recorded, as for
    `start` (ids, `all`, `default`, `none`); fps, quality: those of `[record]` unless given.
    """

    minutes: Annotated[float, Meta(gt=0, le=1440)] | None = None
    displays: list[str] = []
    microphone: str = "default"
    system_audio: str = "default"
    fps: Annotated[int, Meta(ge=1, le=60)] | None = None
    quality: Quality | None = None


class UpkeepConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[upkeep]`: background work on the store.

    scrub_minutes_per_day: how long chunks are checked a day, 0 for never. compact: whether the file is made smaller
    when much of it is free. compress_after_days: age at which pictures are encoded again as AV1; never if absent.
    """

    scrub_minutes_per_day: Annotated[float, Meta(ge=0, le=1440)] = 5.0
    compact: bool = True
    compress_after_days: Annotated[float, Meta(gt=0)] | None = None


class PrivacyConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[privacy]`: what is never recorded.

    rules: tables `[[privacy.rules]]`, each with a `name` and one or more of `app`, `title`, `screen`, `hours`.
    pause_on_lock: whether nothing is recorded while the desktop is locked.
    """

    rules: Annotated[list[PrivacyRule], Meta(max_length=256)] = []
    pause_on_lock: bool = True

    def __post_init__(self) -> None:
        """Raises ValueError."""
        names = [rule.name for rule in self.rules]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two rules are called {twice!r}; gaps could not say which of them it was")


class ControlConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[control]`: how the daemon is reached, beside its Unix sockets, which are for you alone.

    tcp: loopback address and port for clients with a key of their own (`reelctl token create --new-connection FILE`);
    events have the port above. Absent: there is no port.
    """

    tcp: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError, which is told as a fault of the file."""
        if self.tcp is not None:
            parse_address(self.tcp)


class ObsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[obs]`: a bridge for remotes that were made for OBS and speak obs-websocket 5, on loopback alone.

    enabled: whether there is one. port: where it listens. password: of the remotes; one is needed, for any program of
    this machine may try to connect. displays, test_patterns, microphone, system_audio: what a remote records, as for
    `start`. export_dir: folder into which what a remote stopped or saved is exported; absent: it stays in the store.
    """

    enabled: bool = False
    port: Annotated[int, Meta(ge=1024, le=65535)] = 4455
    password: str = ""
    displays: list[str] = []
    test_patterns: list[str] = []
    microphone: str = "default"
    system_audio: str = "default"
    export_dir: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError, which is told as a fault of the file."""
        if self.enabled and not self.password:
            raise ValueError("enabled needs a password")


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. Every key has a default, so an empty file is valid.

    audio: the graph of sounds, as tables `[[audio.nodes]]`; absent: the usual one. profiles: by name, see `Profile`.
    features: stages by name, see `reeld.features`.
    """

    store: StoreConfig = StoreConfig()
    record: RecordConfig = RecordConfig()
    snapshots: SnapshotsConfig = SnapshotsConfig()
    upkeep: UpkeepConfig = UpkeepConfig()
    storage: StorageConfig = StorageConfig()
    replay: ReplayConfig = ReplayConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    control: ControlConfig = ControlConfig()
    obs: ObsConfig = ObsConfig()
    hooks: HooksConfig = HooksConfig()
    enrich: EnrichConfig = EnrichConfig()
    profiles: dict[str, Profile] = {}
    features: dict[str, str] = {}
    audio: SoundGraph | None = None


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
    config = parse_config(text, origin=str(path))
    try:
        return msgspec.structs.replace(config, profiles=profiles.with_graphs(config.profiles, path.parent))
    except RequestRejected as error:
        raise RequestRejected(f"{path}: {error}", faults=error.faults) from error


def parse_config(text: str, *, origin: str = "config") -> Config:
    """The settings in TOML `text`. Raises RequestRejected naming every unknown key and the nearest known one."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RequestRejected(f"{origin} is not valid TOML: {error}") from error
    faults = tuple(config_faults(table))
    if faults:
        raise RequestRejected(f"{origin}: {'; '.join(faults)}", faults=faults)
    return msgspec.convert(table, Config)


def config_faults(table: dict[str, Any]) -> Iterator[str]:
    """Everything that is wrong with a parsed file: unknown keys, wrong values, and settings that contradict others."""
    yield from _unknown_keys(table, Config, "")
    yield from _faults(table)
    yield from _wrong_values(_without_graphs(table), Config, "")


def _without_graphs(table: dict[str, Any]) -> dict[str, Any]:
    """The table without graphs of sounds, of which all faults are known."""
    plain = {key: value for key, value in table.items() if key != "audio"}
    named = plain.get("profiles")
    if isinstance(named, dict):
        plain["profiles"] = {
            name: {key: value for key, value in each.items() if key != "audio"} if isinstance(each, dict) else each
            for name, each in named.items()
        }
    return plain


def _wrong_values(table: dict[str, Any], kind: type[Struct], prefix: str) -> Iterator[str]:
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    is_sound = True
    for key in filter(fields.__contains__, table):
        for fault in _wrong_value(table[key], fields[key], f"{prefix}{key}"):
            is_sound = False
            yield fault
    if is_sound:
        yield from _refused(_known(table, kind), kind, prefix.removesuffix("."))


def _wrong_value(value: Any, kind: Any, name: str) -> Iterator[str]:
    row = _row_kind(kind)
    if _is_table(value, kind):
        yield from _wrong_values(value, kind, f"{name}.")
    elif row is not None and isinstance(value, dict) and get_origin(kind) is dict:
        for each, table in value.items():
            yield from _wrong_value(table, row, f"{name}.{each}")
    elif row is not None and isinstance(value, list) and all(isinstance(each, dict) for each in value):
        faults = [fault for each in value for fault in _wrong_values(each, row, f"{name}.")]
        yield from faults or _refused([_known(each, row) for each in value], kind, name)
    else:
        yield from _refused(value, kind, name)


def _is_table(value: Any, kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct) and isinstance(value, dict)


def _known(table: dict[str, Any], kind: type[Struct]) -> dict[str, Any]:
    """A table without what is unknown in it, and without tables in it, which are looked at by themselves."""
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    known = {key: value for key, value in table.items() if key in fields and not isinstance(value, dict)}
    for key, value in known.items():
        row = _row_kind(fields[key])
        if row is not None and isinstance(value, list):
            known[key] = [_known(each, row) if isinstance(each, dict) else each for each in value]
    return known


def _refused(value: Any, kind: Any, name: str) -> Iterator[str]:
    """The first fault that msgspec finds, in our words for where it is."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        yield f"{name}: {_WHERE.sub('', str(error))}" if name else _WHERE.sub("", str(error))


def _faults(table: dict[str, Any]) -> Iterator[str]:
    """What is wrong beside unknown keys and types."""
    if "audio" in table:
        yield from profiles.graph_faults(table["audio"], "audio")
    if "profiles" in table:
        yield from profiles.faults(table["profiles"])
    if "features" in table:
        yield from features.faults(table["features"])


def _unknown_keys(table: dict[str, Any], kind: type[Struct], prefix: str) -> Iterator[str]:
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in table.items():
        if key not in fields:
            nearest = difflib.get_close_matches(key, fields, n=1, cutoff=0.0)
            yield unknown_key(f"{prefix}{key}", f"{prefix}{nearest[0]}")
        elif isinstance(value, dict) and isinstance(fields[key], type) and issubclass(fields[key], Struct):
            yield from _unknown_keys(value, fields[key], f"{prefix}{key}.")
        elif isinstance(value, dict) and get_origin(fields[key]) is dict and (row := _row_kind(fields[key])):
            for name, each in value.items():
                if isinstance(each, dict):
                    yield from _unknown_keys(each, row, f"{prefix}{key}.{name}.")
        elif isinstance(value, list) and (row := _row_kind(fields[key])) is not None:
            for each in value:
                if isinstance(each, dict):
                    yield from _unknown_keys(each, row, f"{prefix}{key}.")


def _row_kind(kind: Any) -> type[Struct] | None:
    """The struct of which a field is a list or a table of tables; None if it is something else."""
    found = [part for outer in get_args(kind) for part in (outer, *get_args(outer))]
    return next((part for part in found if isinstance(part, type) and issubclass(part, Struct)), None)
