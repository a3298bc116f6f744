"""Reads message types for the generated reference: their texts, fields, types and defaults."""

import ast
import functools
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from enum import StrEnum
from itertools import pairwise
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec


def structs_of(module: ModuleType) -> Iterator[type[msgspec.Struct]]:
    """Structs that a module defines, in the order of the source."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == module.__name__:
            yield value


def enums_of(module: ModuleType) -> Iterator[type[StrEnum]]:
    """String enumerations that a module defines, in the order of the source."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, StrEnum) and value.__module__ == module.__name__:
            yield value


def tag_of(kind: type[msgspec.Struct]) -> str | None:
    """The `type` of a message on the wire; None for parts of messages and for bases."""
    tag = kind.__struct_config__.tag
    return str(tag) if kind.__struct_config__.tag_field and tag and tag != kind.__name__ else None


def doc_of(thing: Any) -> str:
    """The docstring without its indentation; empty without one."""
    return inspect.cleandoc(getattr(thing, "__doc__", None) or "")


_CLAUSE = re.compile(r"(?:^|(?<=[.;] ))(`?\w+`?(?:(?:, | and )`?\w+`?)*): ")


def prose_and_fields(kind: type[msgspec.Struct]) -> tuple[str, dict[str, str]]:
    """A struct's docstring, parted into prose (Markdown) and what it says of each field.

    A clause such as `path: absolute.` or `width, height: pixels.` belongs to the fields it names, up to the next one
    or the end of the paragraph; strings below fields in the source count, too.
    """
    names = {field.name for field in msgspec.structs.fields(kind)}
    fields: dict[str, str] = {}
    prose: list[str] = []
    for paragraph in doc_of(kind).split("\n\n"):
        text = " ".join(paragraph.split())
        clauses = [match for match in _CLAUSE.finditer(text) if _named(match) <= names]
        starts = [*(match.start() for match in clauses), len(text)]
        for match, end in zip(clauses, starts[1:], strict=True):
            fields.update(dict.fromkeys(_named(match), text[match.end() : end].strip(" ;")))
        prose.append(text[: starts[0]].strip())
    return "\n\n".join(text for text in prose if text), {**fields, **attribute_docs(kind)}


def _named(match: re.Match[str]) -> set[str]:
    return set(re.findall(r"\w+", match[1].replace(" and ", ", ")))


def attribute_docs(owner: type[Any] | ModuleType) -> dict[str, str]:
    """The strings that stand below assignments in the source of a class or module, by the name assigned."""
    body = _body_of(owner)
    found: dict[str, str] = {}
    for statement, text in pairwise(body):
        if not (isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)):
            continue
        name = _assigned(statement)
        if name and isinstance(text.value.value, str):
            found[name] = " ".join(inspect.cleandoc(text.value.value).split())
    return found


def _body_of(owner: type[Any] | ModuleType) -> list[ast.stmt]:
    if isinstance(owner, ModuleType):
        return ast.parse(inspect.getsource(owner)).body
    known = _classes_of(owner.__module__).get(owner.__qualname__)
    if known is not None:
        return known.body
    return ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0].body  # type: ignore[attr-defined, no-any-return]


@functools.cache
def _classes_of(module: str) -> dict[str, ast.ClassDef]:
    """Classes at the top of a module: read once, for `inspect` would parse it anew for each of them."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def _assigned(statement: ast.stmt) -> str:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return ""


def type_name(kind: Any) -> str:
    """A field's type in words: `text`, `whole number`, `list of text`, `Layout or nil`."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _annotated(kind)
    if origin in {Union, UnionType}:
        return " or ".join(type_name(part) for part in get_args(kind))
    if origin in {list, tuple}:
        parts = ", ".join(type_name(part) for part in get_args(kind))
        return f"list of {parts}" if origin is list else f"[{parts}]"
    if isinstance(kind, TypeVar):
        return "message"
    return _PLAIN.get(kind, getattr(kind, "__name__", str(kind)))


_PLAIN: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    bytes: "bytes",
    NoneType: "nil",
}


def _annotated(kind: Any) -> str:
    plain, *notes = get_args(kind)
    limits = [note.max_length for note in notes if isinstance(note, msgspec.Meta) and note.max_length is not None]
    return type_name(plain) + "".join(f", at most {limit} characters" for limit in limits)


def default_of(field: msgspec.structs.FieldInfo) -> str:
    """A field's default as JSON in code quotes; `required` without one."""
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return f"`{msgspec.json.encode(value).decode()}`"
