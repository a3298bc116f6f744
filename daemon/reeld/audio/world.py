"""What can be recorded now, and which of it a track records. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from reeld_proto.records import AudioSource

SYSTEM = "system"
"""Role of the track of what the computer plays; all others are microphones."""


class Devices(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. `warnings` says why the lists are empty, with the remedy."""

    microphones: list[AudioSource] = msgspec.field(default_factory=list)
    system_audio: list[AudioSource] = msgspec.field(default_factory=list)
    warnings: list[str] = msgspec.field(default_factory=list)

    def ids(self) -> set[str]:
        """Ids of everything that can be recorded."""
        return {source.id for source in (*self.microphones, *self.system_audio)}


@dataclass(frozen=True)
class World:
    """The devices at monotonic `seen_ns`.

    serials: of each device by its id; another one under the same id is another device. muted: those that somebody
    muted. playing: computer sounds of outputs that play something which should be heard. misled: devices of which a
    stream of this process is now another device's.
    """

    devices: Devices
    seen_ns: int
    serials: Mapping[str, int] = field(default_factory=dict)
    muted: frozenset[str] = frozenset()
    playing: frozenset[str] = frozenset()
    misled: frozenset[str] = frozenset()

    def default(self, role: str, current: str) -> str:
        """Id of the default device for `role`: the server's; without one `current` while it exists, else the first.

        `current` too where there is none at all: it is waited for.
        """
        sources = self.devices.system_audio if role == SYSTEM else self.devices.microphones
        ids = [source.id for source in sources]
        named = next((source.id for source in sources if source.default), None)
        if named is not None:
            return named
        return current if current in ids or not ids else ids[0]
