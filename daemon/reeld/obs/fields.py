"""Reading the fields of requests, each with the refusal that obs-websocket has for it; and values in its spelling."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from reeld.obs.wire import Message, Refused, Status

Handler = Callable[[Message], Awaitable[Message | None]]
_SPACE = uuid.UUID("6f0c9a3e-0d34-4a53-9a58-3b8f1d6a7c11")


def uuid_of(kind: str, name: str) -> str:
    """The same for the same thing, always."""
    return str(uuid.uuid5(_SPACE, f"{kind}/{name}"))


def timecode(seconds: float) -> str:
    """`01:02:03.456`."""
    ms = int(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


def named(data: Message, kind: str, names: list[str]) -> str:
    """The one of `names` that `sceneName` (for kind `scene`) or `sceneUuid` says. Raises Refused."""
    by_name, by_uuid = data.get(f"{kind}Name"), data.get(f"{kind}Uuid")
    if by_name is None and by_uuid is None:
        raise Refused(Status.MISSING_FIELD, f"`{kind}Name` is missing")
    for name in names:
        if name == by_name or (by_name is None and uuid_of(kind, name) == by_uuid):
            return name
    raise Refused(
        Status.NOT_FOUND, f"there is no {kind} {by_name or by_uuid!r}; there are {', '.join(names) or 'none'}"
    )


def flag(data: Message, name: str) -> bool:
    """A field that is true or false. Raises Refused."""
    value = _needed(data, name)
    if not isinstance(value, bool):
        raise Refused(Status.INVALID_FIELD_TYPE, f"`{name}` is neither true nor false")
    return value


def number(data: Message, name: str, least: float, most: float) -> float:
    """A field that is a number between two. Raises Refused."""
    value = _needed(data, name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(Status.INVALID_FIELD_TYPE, f"`{name}` is not a number")
    if not least <= value <= most:
        raise Refused(Status.OUT_OF_RANGE, f"`{name}` must be from {least:g} to {most:g}")
    return value


def _needed(data: Message, name: str) -> Any:
    if data.get(name) is None:
        raise Refused(Status.MISSING_FIELD, f"`{name}` is missing")
    return data[name]
