"""Named profiles of `start`: what is wrong with them, and a request with its profile filled in. Pure but `with_graphs`.

What a request says wins over its profile, and the profile over `[record]` and its like. The sources of pictures are one
option: who names a display does not get the profile's windows beside it.
"""

import difflib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import structs

from reeld.audio.recordable import recording_faults
from reeld.store.wording import word_faults
from reeld_proto.commands import StartSession
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.settings import Profile, ProfileInfo
from reeld_proto.sound_graph import SoundGraph
from reeld_proto.sound_reading import graph_in, read_graph

NAME_CHARACTERS_MAX = 64
PROFILES_MAX = 64

_PICTURES = ("displays", "windows", "cameras", "files", "test_patterns", "region", "regions")
_ALONE = (
    "layout",
    "columns",
    "corner",
    "inset",
    "output",
    "pointer",
    "microphone",
    "system_audio",
    "fps",
    "quality",
    "codec",
    "snapshots",
    "audio",
    "tags",
)
_REMEDY = "`reelctl profiles` lists them; they are tables `[profiles.NAME]` of the config."


def resolve(request: StartSession, profiles: Mapping[str, Profile], now: datetime) -> StartSession:
    """The request with what it leaves open taken from its profile. now: local time, for the name of the session.

    Raises RequestRejected NOT_FOUND if there is no such profile.
    """
    if not request.profile:
        return request
    profile = profiles.get(request.profile)
    if profile is None:
        near = difflib.get_close_matches(request.profile, profiles, n=1, cutoff=0.0)
        known = f"; the nearest known one is {near[0]!r}" if near else "; none is configured"
        raise RequestRejected(
            f"there is no profile {request.profile!r}{known}", code=ErrorCode.NOT_FOUND, remedy=_REMEDY
        )
    filled: dict[str, Any] = {key: getattr(profile, key) for key in _ALONE if _is_open(getattr(request, key))}
    if all(_is_open(getattr(request, key)) for key in _PICTURES):
        filled |= {key: getattr(profile, key) for key in _PICTURES}
    if not request.name.strip():
        filled["name"] = now.strftime(profile.name)
    return structs.replace(request, **filled)


def _is_open(value: Any) -> bool:
    return value is None or value == []


def infos(profiles: Mapping[str, Profile]) -> list[ProfileInfo]:
    """The profiles as clients are told of them: graphs can be long, so only their length."""
    return [
        ProfileInfo(
            profile=name,
            settings=structs.replace(profile, audio=None),
            sound_nodes=0 if profile.audio is None else len(profile.audio.nodes),
        )
        for name, profile in profiles.items()
    ]


def faults(tables: Any) -> Iterator[str]:
    """What is wrong with the tables `[profiles.*]` beside unknown keys and types."""
    if not isinstance(tables, dict):
        return
    if len(tables) > PROFILES_MAX:
        yield f"{len(tables)} profiles are more than {PROFILES_MAX}"
    for name, table in tables.items():
        if not 0 < len(name) <= NAME_CHARACTERS_MAX:
            yield f"the name of the profile {name[:20]!r} must have 1 to {NAME_CHARACTERS_MAX} characters"
        if not isinstance(table, dict):
            continue
        yield from (f"profiles.{name}: {fault}" for fault in _word_faults(table))
        if "audio" in table:
            yield from graph_faults(table["audio"], f"profiles.{name}.audio")
            if "audio_graph" in table:
                yield f"profiles.{name} has both audio and audio_graph; one of them is the graph of sounds"


def _word_faults(table: dict[str, Any]) -> list[str]:
    pattern, tags = table.get("name"), table.get("tags")
    name = None
    if isinstance(pattern, str) and pattern:
        try:
            name = datetime.now().astimezone().strftime(pattern)
        except ValueError as error:
            return [f"the name {pattern!r} cannot be used: {error}"]
    return word_faults(name=name, tags=[tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else ())


def graph_faults(table: Any, key: str) -> Iterator[str]:
    """What is wrong with a graph of sounds that stands in the config as the table `key`."""
    if not isinstance(table, dict):
        yield f"{key} must be a table"
        return
    graph, found = read_graph(table, f"{key}.")
    yield from found or recording_faults(graph)


def with_graphs(profiles: Mapping[str, Profile], folder: Path) -> dict[str, Profile]:
    """The profiles with the graphs that they name as files below `folder`. Raises RequestRejected with every fault."""
    found: list[str] = []
    read: dict[str, Profile] = {}
    for name, profile in profiles.items():
        graph = profile.audio
        if profile.audio_graph is not None:
            graph = _graph_of(name, folder / Path(profile.audio_graph).expanduser(), found)
        read[name] = structs.replace(profile, audio=graph)
    if found:
        raise RequestRejected("; ".join(found), faults=tuple(found))
    return read


def _graph_of(name: str, file: Path, found: list[str]) -> SoundGraph | None:
    where = f"profiles.{name}.audio_graph"
    try:
        graph = graph_in(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        found.append(f"{where}: cannot read {file}: {error}")
        return None
    except RequestRejected as error:
        found.extend(f"{where}: {fault}" for fault in error.faults or (str(error),))
        return None
    found.extend(f"{where}: {fault}" for fault in recording_faults(graph))
    return graph
