"""Profiles. Harm guarded against: a meeting is recorded with the microphone that the profile was to leave out, or
without what the person named on the command line."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld import profiles
from reeld.config import load_config, parse_config
from reeld_proto.commands import StartSession
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import Corner, Quality
from reeld_proto.settings import Profile

NOW = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
MEETING = Profile(
    name="Meeting %Y-%m-%d %H:%M",
    windows=["0x1"],
    microphone="headset",
    system_audio="none",
    fps=10,
    quality=Quality.LOW,
    corner=Corner.TOP_LEFT,
    columns=2,
    pointer=False,
    snapshots=False,
    tags=["work"],
)
TONE = '[[nodes]]\nname = "beep"\ntype = "tone"\n[[nodes]]\nname = "out"\ntype = "track"\ninputs = ["beep"]\n'


def resolved(profile: Profile = MEETING, **request: Any) -> StartSession:
    return profiles.resolve(StartSession(profile="meeting", **request), {"meeting": profile}, NOW)


def test_what_the_request_leaves_open_is_the_profile_s() -> None:
    found = resolved()
    assert found.name == "Meeting 2026-11-26 09:30"
    assert (found.windows, found.microphone, found.system_audio) == (["0x1"], "headset", "none")
    assert (found.fps, found.quality, found.pointer, found.snapshots) == (10, Quality.LOW, False, False)
    assert (found.corner, found.columns, found.tags) == (Corner.TOP_LEFT, 2, ["work"])


def test_what_the_request_says_wins_also_where_it_is_a_default_or_false() -> None:
    found = resolved(microphone="default", columns=0, pointer=True, tags=["other"], name="%d", fps=60)
    assert (found.microphone, found.columns, found.pointer) == ("default", 0, True)
    assert (found.tags, found.name, found.fps) == (["other"], "%d", 60)
    assert found.system_audio == "none"


@pytest.mark.parametrize("named", [{"displays": ["LEFT"]}, {"region": (0, 0, 64, 64)}, {"test_patterns": ["64x64"]}])
def test_a_picture_that_is_named_replaces_all_pictures_of_the_profile(named: dict[str, Any]) -> None:
    """Harm: a window that was not to be seen is in the picture beside the display that was asked for."""
    assert resolved(**named).windows == []


def test_a_request_without_a_profile_is_left_as_it_is() -> None:
    request = StartSession(name="%Y", microphone=None)
    assert profiles.resolve(request, {"meeting": MEETING}, NOW) is request


@pytest.mark.parametrize(("known", "words"), [({"meeting": MEETING}, "'meeting'"), ({}, "none is configured")])
def test_an_unknown_profile_is_refused_with_the_nearest_one(known: dict[str, Profile], words: str) -> None:
    with pytest.raises(RequestRejected, match=words) as caught:
        profiles.resolve(StartSession(profile="meting"), known, NOW)
    assert caught.value.code == ErrorCode.NOT_FOUND
    assert "reelctl profiles" in caught.value.remedy


def test_a_profile_of_nothing_changes_nothing() -> None:
    assert resolved(Profile(), name="x") == StartSession(profile="meeting", name="x")


def test_profiles_are_read_from_the_config() -> None:
    config = parse_config(
        '[profiles.meeting]\ndisplays = ["all"]\nregion = [0, 0, 64, 64]\nquality = "high"\ncodec = "hevc"\n'
        f"[profiles.meeting.audio]\nconvert = false\n{TONE.replace('nodes', 'profiles.meeting.audio.nodes')}"
        '[profiles."late shift"]\ntags = ["night"]\n'
    )
    assert list(config.profiles) == ["meeting", "late shift"]
    meeting = config.profiles["meeting"]
    assert (meeting.displays, meeting.region, meeting.quality) == (["all"], (0, 0, 64, 64), Quality.HIGH)
    assert meeting.audio is not None
    assert [node.name for node in meeting.audio.nodes] == ["beep", "out"]
    (told, other) = profiles.infos(config.profiles)
    assert (told.profile, told.sound_nodes, told.settings.audio, other.sound_nodes) == ("meeting", 2, None, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[profiles.m]\nmicrofone = 'x'", r"profiles\.m\.microfone.*profiles\.m\.microphone"),
        ("[profiles.m]\nfps = 0", "fps"),
        ("[profiles.m]\nquality = 'best'", "best"),
        ("[profiles.m]\ncolumns = 9", "columns"),
        ("[profiles.m]\nregion = [1, 2]", "region"),
        ("[profiles]\nm = 3", r"profiles\.m: Expected"),
        ("profiles = 3", "profiles: Expected"),
        ("[profiles.'']\nfps = 3", "1 to 64"),
        ("[profiles.m]\nname = '  '", r"profiles\.m: the name is empty"),
        (f"[profiles.m]\nname = '{'%Y' * 80}'", r"profiles\.m: the name has 320"),
        ("[profiles.m]\ntags = ['']", r"profiles\.m: a tag has 0"),
        ("[profiles.m]\naudio = 3", r"profiles\.m\.audio must be a table"),
        ("[[profiles.m.audio.nodes]]\nname = 'a'\ntype = 'tone'\nvolume = 3", "volume"),
        ("[profiles.m]\naudio_graph = 'a.toml'\n[profiles.m.audio]\n", "both"),
        ("\n".join(f"[profiles.p{number}]" for number in range(65)), "more than 64"),
    ],
)
def test_a_wrong_profile_is_refused_when_the_config_is_read(text: str, words: str) -> None:
    """Harm: it is found out when the meeting begins."""
    with pytest.raises(RequestRejected, match=words):
        parse_config(text)


def test_a_graph_is_read_from_beside_the_config(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[profiles.tone]\naudio_graph = "tone.toml"\n')
    with pytest.raises(RequestRejected, match=r"profiles\.tone\.audio_graph: cannot read"):
        load_config(file)
    (tmp_path / "tone.toml").write_text(TONE)
    graph = load_config(file).profiles["tone"].audio
    assert graph is not None
    assert len(graph.nodes) == 2
    (tmp_path / "tone.toml").write_text(TONE.replace("tone", "tune"))
    with pytest.raises(RequestRejected, match="tune") as caught:
        load_config(file)
    assert str(file) in str(caught.value)


@given(st.builds(StartSession, name=st.just("given"), fps=st.none() | st.integers(1, 60), profile=st.just("meeting")))
def test_to_resolve_twice_changes_nothing_more(request: StartSession) -> None:
    once = profiles.resolve(request, {"meeting": MEETING}, NOW)
    assert profiles.resolve(once, {"meeting": MEETING}, NOW) == once
