"""What the config says: profiles, features, and reading it anew."""

from reeld import profiles
from reeld.control.parts import Handler, Parts
from reeld_proto import commands as c


def commands(parts: Parts) -> dict[type[c.Command], Handler]:
    """What each command of this area does."""

    def list_profiles(_command: c.ListProfiles, _arrived_ns: int) -> c.Reply:
        return c.ProfileList(profiles=profiles.infos(parts.config.profiles))

    return {c.ListProfiles: list_profiles}
