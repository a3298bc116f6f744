"""A graph of sounds out of a TOML table, every fault of it at once. Pure."""

import difflib
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from reeld_proto.codec import convert
from reeld_proto.errors import RequestRejected
from reeld_proto.sound_graph import NODES_MAX, AnyNode, SoundGraph

NODE_TYPES: dict[str, type[msgspec.Struct]] = {str(kind.__struct_config__.tag): kind for kind in AnyNode.__args__}
"""What may stand as the `type` of a node, and what it makes."""


def graph_in(text: str, origin: str) -> SoundGraph:
    """The graph in TOML `text`: its table `[audio]`, or the whole of it. Raises RequestRejected with all faults."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RequestRejected(f"{origin} is not valid TOML: {error}") from error
    prefix = "audio." if isinstance(table.get("audio"), dict) else ""
    graph, faults = read_graph(table["audio"] if prefix else table, prefix)
    if faults:
        raise RequestRejected(f"{origin}: {'; '.join(faults)}", faults=tuple(faults))
    return graph


def read_graph(table: dict[str, Any], prefix: str = "audio.") -> tuple[SoundGraph, list[str]]:
    """The graph, and what is wrong with the table; the graph lacks what is. prefix: of keys, in words of faults."""
    faults = [unknown_key(f"{prefix}{key}", f"{prefix}{_nearest(key, _FIELDS)}") for key in table if key not in _FIELDS]
    rows = table.get("nodes", [])
    if not isinstance(rows, list):
        return SoundGraph(), [*faults, f"{prefix}nodes must be tables, as in [[{prefix}nodes]]"]
    if len(rows) > NODES_MAX:
        faults.append(f"{len(rows)} nodes are more than {NODES_MAX}")
    nodes = []
    for number, row in enumerate(rows, start=1):
        where = _place(row, number, prefix)
        found = list(_row_faults(row, where))
        if not found:
            try:
                nodes.append(convert(row, AnyNode))
            except msgspec.ValidationError as error:
                found = [f"{where}: {in_words(error)}"]
        faults += found
    converts = table.get("convert", True)
    if not isinstance(converts, bool):
        faults.append(f"{prefix}convert must be true or false")
    return SoundGraph(nodes=nodes[:NODES_MAX], convert=converts is True), faults


def unknown_key(key: str, nearest: str) -> str:
    """The words for a key that does not exist."""
    return f"unknown key {key}; the nearest known one is {nearest}"


def in_words(error: msgspec.ValidationError) -> str:
    """What msgspec found wrong with a struct, with the field before it."""
    what, _, path = str(error).partition(" - at `$")
    field = path.rstrip("`").lstrip(".")
    return f"{field}: {_lower(what)}" if field else _lower(what)


_FIELDS = [field.encode_name for field in msgspec.structs.fields(SoundGraph)]


def _place(row: Any, number: int, prefix: str) -> str:
    name = row.get("name") if isinstance(row, dict) else None
    return f"node {name}" if isinstance(name, str) and name else f"node {number} of {prefix}nodes"


def _row_faults(row: Any, where: str) -> Iterator[str]:
    if not isinstance(row, dict):
        yield f"{where} is no table"
        return
    kind = row.get("type")
    if kind is None:
        yield f"{where} has no type; known ones are {', '.join(NODE_TYPES)}"
    elif not isinstance(kind, str) or kind not in NODE_TYPES:
        yield f"{where}: there is no type {kind!r}; the nearest known one is {_nearest(str(kind), NODE_TYPES)}"
    else:
        fields = {field.encode_name: field.type for field in msgspec.structs.fields(NODE_TYPES[kind])}
        for key in row:
            if key != "type" and key not in fields:
                yield f"{where}: {unknown_key(key, _nearest(key, fields))}"


def _nearest(key: str, known: Iterable[str]) -> str:
    return difflib.get_close_matches(key, list(known), n=1, cutoff=0.0)[0]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
