"""Questions about what the config says, as calls and as methods of both clients."""

from abc import ABC, abstractmethod
from typing import TypeVar

from reeld_client.core import Call, expect
from reeld_proto.settings import FeatureList, ListFeatures, ListProfiles, ProfileList

R = TypeVar("R")

QUICK_S = 5.0


def profiles() -> Call[ProfileList]:
    """The profiles that a start may name."""
    return Call(ListProfiles(), expect(ProfileList), QUICK_S)


def features() -> Call[FeatureList]:
    """The feature flags."""
    return Call(ListFeatures(), expect(FeatureList), QUICK_S)


class SettingsMethods(ABC):
    """Mixed into the client, which brings `call`. Errors are those of the client."""

    @abstractmethod
    def call(self, call: Call[R]) -> R:
        """Ask one question and wait for its answer."""

    def profiles(self) -> ProfileList:
        """The profiles of the daemon's config, which `start(profile=...)` may name."""
        return self.call(profiles())

    def features(self) -> FeatureList:
        """The feature flags, their stages and where these come from."""
        return self.call(features())


class AsyncSettingsMethods(ABC):
    """The same for the asyncio client."""

    @abstractmethod
    async def call(self, call: Call[R]) -> R:
        """Ask one question and wait for its answer."""

    async def profiles(self) -> ProfileList:
        """See `SettingsMethods.profiles`."""
        return await self.call(profiles())

    async def features(self) -> FeatureList:
        """See `SettingsMethods.features`."""
        return await self.call(features())
