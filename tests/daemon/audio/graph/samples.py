"""Graphs to try things on: one node of each type, and a short way to write a graph."""

import tomllib
from typing import Any

import msgspec

from reeld_proto.sound_graph import AnyNode, SoundGraph

NEEDED: dict[str, dict[str, Any]] = {
    "file": {"path": "/a.wav"},
    "wav": {"path": "/b.wav"},
    "encoded-file": {"path": "/c.flac"},
    "resampler": {"rate": 16_000},
    "equaliser": {"bands": [{"frequency_hz": 1000.0}]},
    "span-feed": {"track": "track"},
}


def one_of(kind: type[Any], **settings: Any) -> AnyNode:
    """A node of this type, with what it cannot be without."""
    tag = str(kind.__struct_config__.tag)
    return msgspec.convert({"name": "it", "type": tag, **NEEDED.get(tag, {}), **settings}, AnyNode)  # type: ignore[no-any-return]


def graph_of(text: str, *, convert: bool = True) -> SoundGraph:
    """A graph of lines `name type [< inputs] [setting=value ...]`; values are TOML."""
    nodes = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        head, _, settings = line.partition(" : ")
        head, _, inputs = head.partition(" < ")
        name, kind = head.split()
        table: dict[str, Any] = {"name": name, "type": kind, "inputs": inputs.split(), **NEEDED.get(kind, {})}
        table.update(tomllib.loads("\n".join(settings.split(" ; "))))
        nodes.append(table)
    return msgspec.convert({"nodes": nodes, "convert": convert}, SoundGraph)
