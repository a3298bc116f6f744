"""Profiles. Harm guarded against: one that overrules what a person said, or that records what nobody asked for."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.config import ProfileConfig, parse_config
from reeld.sessions.profiles import with_profile
from reeld_proto.commands import StartSession
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import Layout, Quality, VideoCodec

MEETING = ProfileConfig(
    displays=["LEFT"],
    cameras=["/dev/video0"],
    layout=Layout.PIP,
    microphone="headset",
    system_audio="none",
    fps=15,
    quality=Quality.HIGH,
    codec=VideoCodec.AV1,
    pointer=False,
    snapshots=False,
    tags=["meeting"],
)
PROFILES = {"meeting": MEETING, "silent": ProfileConfig(microphone="none", system_audio="none")}


def chosen(**fields: Any) -> StartSession:
    return with_profile(StartSession(profile="meeting", **fields), PROFILES)


def test_what_is_not_said_is_the_profiles() -> None:
    found = chosen()
    for field in msgspec.structs.fields(ProfileConfig):
        assert getattr(found, field.name) == getattr(MEETING, field.name), field.name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layout", Layout.GRID),
        ("microphone", "virtual_mic"),
        ("system_audio", "speakers.monitor"),
        ("fps", 60),
        ("quality", Quality.LOW),
        ("codec", VideoCodec.HEVC),
        ("pointer", True),
        ("snapshots", True),
        ("name", "Monday"),
    ],
)
def test_what_is_said_beats_the_profile(name: str, value: Any) -> None:
    assert getattr(chosen(**{name: value}), name) == value


@pytest.mark.parametrize(
    "said",
    [
        {"displays": ["RIGHT"]},
        {"displays": ["all"]},
        {"displays": ["none"]},
        {"windows": ["0x1"]},
        {"cameras": ["/dev/video1"]},
        {"files": ["/a.mp4"]},
        {"region": (0, 0, 64, 64)},
        {"regions": [(0, 0, 64, 64)]},
        {"test_patterns": ["640x480"]},
    ],
)
def test_a_command_that_names_any_picture_gets_none_of_the_profiles(said: dict[str, Any]) -> None:
    """A person who asks for one window must not find the camera in it."""
    found, asked = chosen(**said), StartSession(**said)
    assert (found.displays, found.cameras) == (asked.displays, asked.cameras)


def test_tags_are_added() -> None:
    assert chosen(tags=["mine"]).tags == ["mine", "meeting"]
    assert with_profile(StartSession(profile="silent", tags=["mine"]), PROFILES).tags == ["mine"]


@given(st.dictionaries(st.text(), st.just(MEETING)), st.integers(1, 60))
def test_without_a_profile_nothing_changes(profiles: dict[str, ProfileConfig], fps: int) -> None:
    request = StartSession(fps=fps)
    assert with_profile(request, profiles) is request


@pytest.mark.parametrize(("profiles", "word"), [(PROFILES, "meeting"), ({}, "has none")])
def test_an_unknown_profile_is_refused_and_the_nearest_named(profiles: dict[str, ProfileConfig], word: str) -> None:
    with pytest.raises(RequestRejected, match=word) as caught:
        with_profile(StartSession(profile="meetin"), profiles)
    assert caught.value.code is ErrorCode.NOT_FOUND
    assert "profiles" in caught.value.remedy


def test_profiles_are_read_and_their_faults_told_with_their_names() -> None:
    config = parse_config("[profiles.meeting]\nfps = 15\nmicrophone = 'none'\n[profiles.'two words']\n")
    assert config.profiles == {"meeting": ProfileConfig(fps=15, microphone="none"), "two words": ProfileConfig()}
    with pytest.raises(RequestRejected) as caught:
        parse_config("[profiles.a]\nfsp = 15\nfps = 99\n[profiles]\nb = 3\n[profiles.c]\nquality = 'x'\n")
    faults = "\n".join(caught.value.faults)
    for word in ("profiles.a.fsp", "profiles.a.fps", "profiles.b", "profiles.c.quality"):
        assert word in faults
    assert len(caught.value.faults) == 4
