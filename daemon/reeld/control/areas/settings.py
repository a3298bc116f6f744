"""What the config says: profiles and features."""

from reeld import features, profiles
from reeld.control.parts import Handler, Parts
from reeld_proto import commands as c


def commands(parts: Parts) -> dict[type[c.Command], Handler]:
    """What each command of this area does."""

    def list_profiles(_command: c.ListProfiles, _arrived_ns: int) -> c.Reply:
        return c.ProfileList(profiles=profiles.infos(parts.config.profiles))

    async def list_features(_command: c.ListFeatures, _arrived_ns: int) -> c.Reply:
        return c.FeatureList(features=features.infos(parts.config.features, await parts.library.identity()))

    return {c.ListProfiles: list_profiles, c.ListFeatures: list_features}
