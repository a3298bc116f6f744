"""Profiles and features as commands. Harm guarded against: a list that says something else than what holds."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from reeld.config import parse_config
from reeld.control.areas.settings import commands
from reeld_proto.settings import FeatureList, ListFeatures, ListProfiles, Profile, ProfileInfo, ProfileList


class Shelf:
    async def identity(self) -> bytes:
        return b"me"


def test_lists_follow_a_config_that_was_read_again() -> None:
    parts = SimpleNamespace(config=parse_config(""), library=Shelf())
    table = commands(cast("Any", parts))
    assert table[ListProfiles](ListProfiles(), 1) == ProfileList(profiles=[])
    (told,) = asyncio.run(cast("Any", table[ListFeatures](ListFeatures(), 1))).features
    assert (told.stage, told.enabled, told.source) == ("on", True, "built-in")
    parts.config = parse_config("[profiles.m]\nfps = 5\n[features]\ncompress-av1 = 'off'\n")
    assert table[ListProfiles](ListProfiles(), 1) == ProfileList(
        profiles=[ProfileInfo(profile="m", settings=Profile(fps=5))]
    )
    listed = asyncio.run(cast("Any", table[ListFeatures](ListFeatures(), 1)))
    assert isinstance(listed, FeatureList)
    assert (listed.features[0].stage, listed.features[0].enabled, listed.features[0].source) == ("off", False, "config")
