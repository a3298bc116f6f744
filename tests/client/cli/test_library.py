"""Commands about what was recorded: what they ask of the daemon, and their JSON as DESIGN.md has it."""

from pathlib import Path
from typing import Any

import pytest

from reeld_proto import commands
from reeld_proto.records import SessionState
from reeld_proto.sound_graph import SampleFormat
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import SESSION, FakeReeld, Server


@pytest.fixture(autouse=True)
def _daemon(server: Server) -> None:
    """All of these need one."""


def test_sessions_is_a_list_and_filters_are_passed_on(reelctl: Reelctl, fake: FakeReeld) -> None:
    found = reelctl("sessions", "--status", "completed", "--tag", "work", "--text", "daily stand", "--json").json
    assert isinstance(found, list)
    check_session(found[0])
    (asked,) = fake.of(commands.ListSessions)
    assert asked == commands.ListSessions(status=SessionState.COMPLETED, tag="work", text="daily stand")


def test_a_time_an_alternative_and_a_number_are_passed_on(reelctl: Reelctl, fake: FakeReeld) -> None:
    words = ("--since", "2026-11-01", "--until", "2026-11-22T17:05", "--any", "--limit", "3")
    assert reelctl("sessions", *words, "--json").code == 0
    (asked,) = fake.of(commands.ListSessions)
    assert asked == commands.ListSessions(since="2026-11-01", until="2026-11-22T17:05", any_of=True, limit=3)
    assert reelctl("sessions", "--limit", "0").code == 2


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_sessions_that_cannot_be_read_are_told_on_stderr(reelctl: Reelctl, fake: FakeReeld, more: list[str]) -> None:
    """A list has no place for it in JSON, and a script reads one document."""
    fake.warnings = ["the record of session x is damaged"]
    ran = reelctl("sessions", *more)
    assert ran.code == 0
    assert "warning: the record of session x is damaged" in ran.err
    assert "damaged" not in ran.out


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


def test_the_samples_of_a_wav_file_are_passed_on(reelctl: Reelctl, fake: FakeReeld, tmp_path: Path) -> None:
    assert reelctl("export", SESSION, "-o", str(tmp_path / "x.wav"), "--samples", "f32").code == 0
    (asked,) = fake.of(commands.ExportSession)
    assert asked.samples is SampleFormat.F32
    assert reelctl("export", SESSION, "-o", str(tmp_path / "x.wav"), "--samples", "f64").code == 2


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
    assert {"ok", "checked_chunks", "checked_bytes", "faults", "complete"} <= set(found)
    assert reelctl("verify", SESSION).code == 0
    assert [one.session for one in fake.of(commands.VerifyStore)] == [None, SESSION]
