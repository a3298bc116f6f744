"""Named sets of choices for a start: what the command did not say, the profile says. Pure."""

import difflib
from collections.abc import Mapping
from typing import Any

import msgspec

from reeld.config import ProfileConfig
from reeld.sessions.choices import Choice
from reeld_proto.commands import StartSession
from reeld_proto.errors import ErrorCode, RequestRejected

_PICTURE = frozenset({"displays", "cameras"})
_DEFAULTS = StartSession()


def with_profile(request: StartSession, profiles: Mapping[str, ProfileConfig]) -> StartSession:
    """The request with the choices of the profile it names; itself if it names none.

    A field that is as it is without being said takes the profile's value. Sources of pictures are one choice: a command
    that names any gets none of the profile's. Tags are added. Raises RequestRejected (NOT_FOUND) for an unknown name.
    """
    if not request.profile:
        return request
    if request.profile not in profiles:
        raise _unknown(request.profile, list(profiles))
    chosen = msgspec.structs.asdict(profiles[request.profile])
    names_pictures = bool(request.displays) or Choice.of_start(request) != Choice.of_start(_DEFAULTS)
    changes: dict[str, Any] = {
        name: value
        for name, value in chosen.items()
        if value is not None
        and getattr(request, name) == getattr(_DEFAULTS, name)
        and not (name in _PICTURE and names_pictures)
    }
    changes["tags"] = [*request.tags, *(chosen["tags"] or [])]
    return msgspec.structs.replace(request, **changes)


def _unknown(name: str, known: list[str]) -> RequestRejected:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    about = f"; the nearest known one is {nearest[0]}" if nearest else "; the config file has none"
    remedy = "Write a table [profiles.NAME] into the config file, and restart the daemon."
    return RequestRejected(f"there is no profile {name!r}{about}", code=ErrorCode.NOT_FOUND, remedy=remedy)
