"""Commands about what goes on now: what they ask of the daemon, and their JSON as DESIGN.md has it."""

import pytest

from reeld_proto import commands
from reeld_proto.records import Layout, Quality, VideoCodec
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import SESSION, FakeReeld, Server


@pytest.fixture(autouse=True)
def _daemon(server: Server) -> None:
    """All of these need one."""


def test_status(reelctl: Reelctl) -> None:
    found = reelctl("status", "--json").json
    assert set(found) == {"daemon", "workers", "session", "buffer", "private"}
    assert {"pid", "version", "uptime_s"} <= set(found["daemon"])
    assert {"name", "pid", "state"} <= set(found["workers"][0])
    assert found["session"] is None
    reelctl("start")
    session = reelctl("status", "--json").json["session"]
    assert {"id", "name", "state", "elapsed_s"} <= set(session)


def test_sources(reelctl: Reelctl) -> None:
    ran = reelctl("sources", "--json")
    found = ran.json
    assert {"displays", "windows", "cameras", "microphones", "system_audio"} <= set(found)
    assert {"id", "name", "x", "y", "width", "height", "primary"} <= set(found["displays"][0])
    assert {"id", "name", "default"} <= set(found["microphones"][0])
    ran = reelctl("sources")
    assert "warning: no cameras" in ran.err
    assert "Virtual [mic]" in ran.out


def test_start_passes_every_option_on(reelctl: Reelctl, fake: FakeReeld) -> None:
    words = "start --name N --display LEFT --display RIGHT --window 0x1 --camera c --region -10,20,640,480"
    words += " --layout side-by-side --mic virtual_mic --system-audio none --fps 24 --quality lossless --codec hevc"
    words += " --tag a --tag b"
    found = reelctl(*words.split(), "--json").json
    assert (found["session"], found["state"], found["first_frame_ms"]) == (SESSION, "active", 84.2)
    (asked,) = fake.of(commands.StartSession)
    assert asked == commands.StartSession(
        name="N",
        displays=["LEFT", "RIGHT"],
        windows=["0x1"],
        cameras=["c"],
        regions=[(-10, 20, 640, 480)],
        layout=Layout.SIDE_BY_SIDE,
        microphone="virtual_mic",
        system_audio="none",
        fps=24,
        quality=Quality.LOSSLESS,
        codec=VideoCodec.HEVC,
        tags=["a", "b"],
    )


def test_start_without_words_asks_for_the_daemons_defaults(reelctl: Reelctl, fake: FakeReeld) -> None:
    """The configuration file sets frame rate and quality; a default of ours would override it."""
    assert reelctl("start").code == 0
    assert fake.of(commands.StartSession) == [commands.StartSession()]


def test_warnings_of_a_start_reach_a_person_and_a_script(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.warnings = ["no microphone was found"]
    ran = reelctl("start")
    assert "warning: no microphone was found" in ran.err
    assert "recording" in ran.out
    reelctl("stop")
    ran = reelctl("start", "--json")
    assert ran.json["warnings"] == ["no microphone was found"]
    assert ran.err == ""


def test_pause_resume_mark(reelctl: Reelctl, fake: FakeReeld) -> None:
    reelctl("start")
    for words, state in ((("pause",), "paused"), (("resume",), "active"), (("mark", "well done"), "active")):
        found = reelctl(*words, "--json").json
        assert (found["session"], found["state"]) == (SESSION, state)
    assert fake.of(commands.AddMarker) == [commands.AddMarker(text="well done")]
    assert "marked at 1.5 s" in reelctl("mark", "x").out
    assert "paused" in reelctl("pause").out


def test_stop(reelctl: Reelctl) -> None:
    reelctl("start")
    found = reelctl("stop", "--json").json
    assert {"session", "state", "duration_s", "tracks", "gaps"} <= set(found)
    assert {"id", "kind", "codec", "chunks", "bytes", "frames", "dropped"} <= set(found["tracks"][0])
    assert {"track", "start_s", "end_s", "reason"} <= set(found["gaps"][0])
    reelctl("start")
    assert "completed" in reelctl("stop").out


def test_wrong_state_is_4(reelctl: Reelctl) -> None:
    assert reelctl("stop").code == 4
    assert reelctl("resume", "--json").json["error"]["code"] == "wrong-state"
