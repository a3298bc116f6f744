"""Which manager. Harm guarded against: systemd asked for on a Mac."""

import sys

import pytest

from reeld_client.service.choosing import this_manager


@pytest.mark.parametrize(("platform", "name"), [("linux", "systemd"), ("darwin", "launchd")])
def test_each_platform_has_its_own(platform: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert this_manager().name == name
