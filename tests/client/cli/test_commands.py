"""What each command asks of the daemon, and the shape of its JSON, as DESIGN.md has it."""

from pathlib import Path
from typing import Any

import pytest

from reeld_proto import commands
from reeld_proto.records import Layout, Quality, SessionState
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import SESSION, FakeReeld, Server


@pytest.fixture(autouse=True)
def _daemon(server: Server) -> None:
    """All of these need one."""


def test_status(reelctl: Reelctl) -> None:
    found = reelctl("status", "--json").json
    assert set(found) == {"daemon", "workers", "session"}
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
    words += " --layout side-by-side --mic virtual_mic --system-audio none --fps 24 --quality lossless --tag a --tag b"
    found = reelctl(*words.split(), "--json").json
    assert (found["session"], found["state"], found["first_frame_ms"]) == (SESSION, "active", 84.2)
    (asked,) = fake.of(commands.StartSession)
    assert asked == commands.StartSession(
        name="N",
        displays=["LEFT", "RIGHT"],
        windows=["0x1"],
        cameras=["c"],
        region=(-10, 20, 640, 480),
        layout=Layout.SIDE_BY_SIDE,
        microphone="virtual_mic",
        system_audio="none",
        fps=24,
        quality=Quality.LOSSLESS,
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


def test_sessions_is_a_list_and_filters_are_passed_on(reelctl: Reelctl, fake: FakeReeld) -> None:
    found = reelctl("sessions", "--status", "completed", "--tag", "work", "--text", "daily stand", "--json").json
    assert isinstance(found, list)
    check_session(found[0])
    (asked,) = fake.of(commands.ListSessions)
    assert asked == commands.ListSessions(status=SessionState.COMPLETED, tag="work", text="daily stand")


def check_session(found: dict[str, Any]) -> None:
    wanted = {"session", "name", "state", "started_at", "duration_s", "bytes", "tags", "tracks", "gaps", "markers"}
    assert wanted <= set(found)
    assert "type" not in found


def test_show_is_one_session(reelctl: Reelctl) -> None:
    check_session(reelctl("show", SESSION, "--json").json)
    ran = reelctl("show", "nonsense", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (5, "not-found")


def test_export(reelctl: Reelctl, fake: FakeReeld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("export", SESSION, "-o", "x.mp4", "--from", "1", "--to", "2.5", "--track", "mix", "--track", "mic")
    found = reelctl(*words, "--json").json
    assert found == {"path": str(tmp_path / "x.mp4"), "duration_s": 7.4, "bytes": 3}
    (asked,) = fake.of(commands.ExportSession)
    assert (asked.from_s, asked.to_s, asked.tracks) == (1.0, 2.5, ["mix", "mic"])
    assert str(tmp_path / "x.mp4") in reelctl("export", SESSION, "-o", "x.mp4").out


@pytest.mark.parametrize(("path", "code"), [("/nowhere/x.mp4", 5), (".", 2), ("/proc/x.mp4", 6)])
def test_a_file_that_cannot_be_written_is_known_before_the_work(
    reelctl: Reelctl, fake: FakeReeld, path: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else an hour is recorded first."""
    monkeypatch.setattr("reeld_client.cli.values.os.access", lambda where, _mode: not str(where).startswith("/proc"))
    for words in (("export", SESSION, "-o", path), ("record", "--duration", "5", "-o", path)):
        assert reelctl(*words).code == code
    assert not fake.heard


def test_verify(reelctl: Reelctl, fake: FakeReeld) -> None:
    found = reelctl("verify", "--json").json
    assert set(found) == {"ok", "checked_chunks", "checked_bytes", "faults"}
    assert reelctl("verify", SESSION).code == 0
    assert [one.session for one in fake.of(commands.VerifyStore)] == [None, SESSION]


def test_stats(reelctl: Reelctl) -> None:
    found = reelctl("stats", "--json").json
    assert {"name", "cpu", "rss_bytes", "queues"} <= set(found["workers"][0])
    assert {"id", "frames", "unchanged", "dropped", "bytes", "lag_ms"} <= set(found["tracks"][0])
    shown = reelctl("stats").out
    for expected in ("video-1", "-14 dB", "capture-1", "12 %"):
        assert expected in shown
