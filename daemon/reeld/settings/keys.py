"""Every setting there is, with what its struct's docstring says of it. Pure.

A docstring begins with what its table is for. `fps: frames a second.` or `min_s, max_s: seconds.`, anywhere after that,
tells about settings, up to the next of them.
"""

import inspect
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from reeld.config import Config


@dataclass(frozen=True)
class Key:
    """A setting. table, name: where it stands in the file. kind: its type; about: one or more sentences."""

    table: str
    name: str
    kind: Any
    default: Any
    about: str

    @property
    def path(self) -> str:
        """As a person names it: `record.fps`."""
        return f"{self.table}.{self.name}"

    @property
    def choices(self) -> list[str]:
        """The words that it may be; empty if it is something else."""
        return [str(each.value) for part in _parts(self.kind) if _is_enum(part) for each in part]

    @property
    def is_text(self) -> bool:
        """Whether a bare word is a value of it."""
        return bool(self.choices) or str in _parts(self.kind)


def tables() -> dict[str, type[Struct]]:
    """The tables of the file by their names, in order; without those whose names are no fixed ones."""
    found = {field.encode_name: field.type for field in msgspec.structs.fields(Config)}
    return {name: kind for name, kind in found.items() if isinstance(kind, type) and issubclass(kind, Struct)}


def heading(kind: type[Struct]) -> str:
    """What a table is for."""
    about = _told(kind)[""].partition(": ")[2]
    return about[:1].upper() + about[1:]


def keys() -> list[Key]:
    """All settings, in the order of the structs."""
    return [key for name, kind in tables().items() for key in _keys(name, kind)]


def _keys(table: str, kind: type[Struct]) -> Iterator[Key]:
    told = _told(kind)
    for field in msgspec.structs.fields(kind):
        default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
        yield Key(table, field.encode_name, field.type, default, told.get(field.encode_name, ""))


def _told(kind: type[Struct]) -> dict[str, str]:
    """What the docstring says of each setting; of the table under the empty name."""
    text = " ".join(inspect.getdoc(kind).split()) if kind.__doc__ else ""  # type: ignore[union-attr]
    names = "|".join(re.escape(field.encode_name) for field in msgspec.structs.fields(kind))
    starts = list(re.finditer(rf"(?:^|(?<=[.;] ))((?:{names})(?:, (?:{names}))*): ", text))
    first = starts[0].start() if starts else len(text)
    told = {"": text[:first].strip()}
    for start, after in zip(starts, [*starts[1:], None], strict=True):
        about = text[start.end() : after.start() if after else len(text)].strip().rstrip(";")
        for name in start[1].split(", "):
            told[name] = about[:1].upper() + about[1:].removesuffix(".") + "."
    return told


def _parts(kind: Any) -> list[Any]:
    if get_origin(kind) is Annotated:
        return _parts(get_args(kind)[0])
    if get_origin(kind) in {Union, types.UnionType}:
        return [part for each in get_args(kind) for part in _parts(each)]
    return [kind]


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)
