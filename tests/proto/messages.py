"""Hypothesis strategies for every message, built from its fields."""

from collections.abc import Callable
from enum import Enum
from functools import partial
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from reeld_proto import (
    access,
    commands,
    copies,
    describing,
    edits,
    events,
    incidents,
    ingest,
    jobs,
    records,
    replay_orders,
    session_orders,
    sound,
    sound_graph,
    sound_orders,
    stats,
    storage,
    store_orders,
    track_orders,
    upkeep,
    workers,
)
from reeld_proto.privacy import PrivacyRule

_MODULES = (
    *(commands, access, describing, edits, storage, copies, upkeep, jobs, incidents, events, records, stats, sound),
    *(sound_graph, sound_orders, workers, track_orders, session_orders, store_orders, replay_orders, ingest),
)

UNIONS: dict[str, Any] = {
    "commands": commands.AnyCommand,
    "replies": commands.AnyReply,
    "events": events.AnyEvent,
    "orders": workers.AnyOrder,
    "reports": workers.AnyReport,
    "telemetry": workers.AnyTelemetry,
    "ingest": workers.AnyIngest,
    "commits": workers.AnyCommitNote,
}
"""What is exchanged on each socket."""

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=12),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    bytes: st.binary(max_size=12),
    NoneType: st.none(),
    Any: st.one_of(st.none(), st.booleans(), st.integers(0, 99), st.text(max_size=5), st.just([1, "a"])),
    PrivacyRule: st.builds(PrivacyRule, name=st.just("secret"), app=st.text(min_size=1, max_size=12)),
}

COMBINED: dict[Any, Callable[..., st.SearchStrategy[Any]]] = {
    Union: st.one_of,
    UnionType: st.one_of,
    list: partial(st.lists, max_size=2),
    dict: partial(st.dictionaries, max_size=2),
    tuple: st.tuples,
}


def all_structs() -> list[type[msgspec.Struct]]:
    """Every struct that has a place on the wire, bases left out."""
    return [
        value
        for module in _MODULES
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, msgspec.Struct) and value.__module__ == module.__name__
    ]


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type."""
    origin = get_origin(kind)
    if origin is Annotated:
        inner, meta = get_args(kind)
        return constrained(inner, meta)
    if origin is not None:
        return COMBINED[origin](*(values_of(part) for part in get_args(kind)))
    if kind in PLAIN:
        return PLAIN[kind]
    return st.sampled_from(list(kind)) if issubclass(kind, Enum) else structs(kind)


def constrained(kind: Any, meta: msgspec.Meta) -> st.SearchStrategy[Any]:
    """Values of a type that a message's reader lets pass."""
    if meta.pattern is not None:
        return st.from_regex(meta.pattern, fullmatch=True)
    if kind is float and (meta.ge, meta.gt, meta.le) != (None, None, None):
        return st.floats(meta.ge if meta.gt is None else meta.gt, meta.le, exclude_min=meta.gt is not None)
    if kind is int and (meta.ge, meta.le) != (None, None):
        return st.integers(None if meta.ge is None else int(meta.ge), None if meta.le is None else int(meta.le))
    if get_origin(kind) is list and meta.min_length:
        return st.lists(values_of(get_args(kind)[0]), min_size=meta.min_length, max_size=meta.min_length + 1)
    return values_of(kind)


def structs(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Values of a struct; fields with a default are sometimes left out."""
    fields = msgspec.structs.fields(kind)
    required = {field.name: values_of(field.type) for field in fields if field.required}
    optional = {field.name: values_of(field.type) for field in fields if not field.required}
    return st.fixed_dictionaries(required, optional=optional).map(lambda values: kind(**values))


def messages(union: Any) -> st.SearchStrategy[Any]:
    """Values of any member of a union."""
    return st.one_of([structs(kind) for kind in union.__args__])
