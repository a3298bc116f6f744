"""`reelctl profiles` and `features`, and `start --profile`. Harm guarded against: what a person did not say is sent as
if he had, so that it wins over his profile."""

import pytest

from reeld_proto import commands
from reeld_proto.records import Corner, Quality
from reeld_proto.settings import FeatureInfo, FeatureList, Profile, ProfileInfo, ProfileList
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import FakeReeld, Server

MEETING = Profile(displays=["all"], region=(0, 0, 64, 48), quality=Quality.LOW, pointer=False, corner=Corner.TOP_LEFT)
LISTED = ProfileList(
    profiles=[
        ProfileInfo(profile="meeting", settings=MEETING, sound_nodes=7),
        ProfileInfo(profile="[bare]", settings=Profile()),
    ]
)
FEATURES = FeatureList(
    features=[
        FeatureInfo(feature="compress-av1", description="old pictures", stage="25%", enabled=True, source="config"),
        FeatureInfo(feature="other", description="", stage="off", enabled=False, source="built-in"),
    ]
)


@pytest.fixture(autouse=True)
def _daemon(server: Server) -> None:
    """All of these need one."""


@pytest.mark.parametrize("words", [("start",), ("start", "--profile", "meeting")])
def test_what_is_not_said_is_left_open(reelctl: Reelctl, fake: FakeReeld, words: tuple[str, ...]) -> None:
    assert reelctl(*words).code == 0
    (asked,) = fake.of(commands.StartSession)
    assert asked == commands.StartSession(profile="meeting" if len(words) > 1 else "")
    assert (asked.microphone, asked.system_audio, asked.columns, asked.corner, asked.inset) == (None,) * 5


def test_what_is_said_is_sent_also_where_it_is_the_default(reelctl: Reelctl, fake: FakeReeld) -> None:
    words = "start --profile meeting --mic default --columns 0 --corner bottom-right --inset medium"
    reelctl(*words.split())
    (asked,) = fake.of(commands.StartSession)
    assert (asked.microphone, asked.columns, asked.corner) == ("default", 0, Corner.BOTTOM_RIGHT)


def test_an_empty_profile_is_refused_before_the_daemon_is_asked(reelctl: Reelctl, fake: FakeReeld) -> None:
    assert reelctl("start", "--profile", " ").code == 2
    assert fake.heard == []


def test_profiles_are_listed_with_what_they_set(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["profiles_list"] = LISTED
    found = reelctl("profiles", "--json").json["profiles"]
    assert [each["profile"] for each in found] == ["meeting", "[bare]"]
    assert (found[0]["settings"]["quality"], found[0]["settings"]["microphone"], found[0]["sound_nodes"]) == (
        "low",
        None,
        7,
    )
    lines = reelctl("profiles").out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["meeting", "[bare]"], "names are whole"
    out = " ".join(" ".join(lines).split())
    assert "displays all" in out
    assert "region 0,0,64,48" in out
    assert "pointer no" in out
    assert "[bare] ·" in out


def test_without_profiles_a_person_learns_where_they_belong(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["profiles_list"] = ProfileList(profiles=[])
    assert "[profiles.NAME]" in reelctl("profiles").out


def test_features_tell_stage_and_source(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["features_list"] = FEATURES
    assert reelctl("features", "--json").json["features"][0] == {
        "feature": "compress-av1",
        "description": "old pictures",
        "stage": "25%",
        "enabled": True,
        "source": "config",
    }
    rows = reelctl("features").out.splitlines()
    assert "compress-av1: old pictures" in rows
    assert [row.split()[:4] for row in rows if "%" in row or "built" in row] == [
        ["compress-av1", "25%", "on", "config"],
        ["other", "off", "off", "built-in"],
    ]
