"""`reelctl config` from end to end, the file being read and written by the daemon's package in its own process."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from reeld_client import daemon_package
from reeld_client.cli import configuration
from reeld_proto import commands
from reeld_proto.configuration import ConfigSet
from reeld_proto.errors import error_for
from reeld_proto.reloading import ConfigReloaded
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import FakeReeld, Server


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("REELD_CONFIG", str(path))
    return path


def test_a_file_is_made_changed_shown_and_checked(reelctl: Reelctl, path: Path) -> None:
    assert "made" in reelctl("config", "init").out
    assert reelctl("config", "init", "--json").json["error"]["code"] == "wrong-state"
    assert "replaced" in reelctl("config", "init", "--force").out
    ran = reelctl("config", "set", "record.fps", "12")
    assert (ran.code, "record.fps = 12 (was 30)" in ran.out, "restart" in ran.out) == (0, True, False)
    shown = {each["key"]: each for each in reelctl("config", "show", "--json").json["settings"]}
    assert shown["record.fps"] == {"key": "record.fps", "value": 12, "source": "file"}
    assert "1 setting, no faults" in reelctl("config", "check").out
    path.write_text("[record]\nfps = 99\nfsp = 1\n")
    ran = reelctl("config", "check", str(path), "--json")
    assert (ran.code, len(ran.json["error"]["faults"])) == (2, 2)


def test_what_is_shown_to_a_person(reelctl: Reelctl, path: Path) -> None:
    assert "is not there: all settings are defaults" in reelctl("config", "show").out
    text = (
        "[storage]\nquota = '50GB'\n[[audio.nodes]]\nname = 'mic'\ntype = 'microphone'\n[[audio.nodes]]\nname = 't'\n"
    )
    path.write_text(f"{text}type = 'track'\ninputs = ['mic']\n")
    out = reelctl("config", "show").out
    for word in ("50GB", "a graph of 2 nodes", "not set", "environment", "true"):
        assert word in out


def test_a_change_says_what_the_daemon_that_runs_makes_of_it(
    monkeypatch: pytest.MonkeyPatch, reelctl: Reelctl, fake: FakeReeld, server: Server
) -> None:
    def changed(value: int) -> Any:
        done = ConfigSet(path="/x", key="record.fps", was=30, value=value)
        monkeypatch.setattr(configuration, "ask", lambda *_words: done)
        found = reelctl("config", "set", "record.fps", str(value), "--json").json
        return found["live"], found["restart"], reelctl("config", "set", "record.fps", str(value)).out

    fake.answers["config_reload"] = ConfigReloaded(path="/x", live=["record.fps"], restart=[])
    live, restart, out = changed(12)
    assert (live, restart, "has taken it over" in out) == (True, False, True)
    fake.answers["config_reload"] = ConfigReloaded(path="/x", live=[], restart=["record.fps"])
    live, restart, out = changed(12)
    assert (live, restart, "restart it" in out) == (False, True, True)
    fake.answers["config_reload"] = ConfigReloaded(path="/another", live=["record.fps"], restart=[])
    assert changed(12)[:2] == (False, False)
    fake.answers["config_reload"] = error_for("unknown-command", "an old daemon")
    assert changed(12)[:2] == (False, True)
    before = len(fake.of(commands.ReloadConfig))
    assert changed(30)[:2] == (False, False)
    assert len(fake.of(commands.ReloadConfig)) == before


def test_a_reload_tells_what_holds_at_once(reelctl: Reelctl, fake: FakeReeld, server: Server) -> None:
    fake.answers["config_reload"] = ConfigReloaded(path="/x", live=["record.fps"], restart=["storage.quota"])
    assert reelctl("config", "reload", "--json").json == {
        "path": "/x",
        "live": ["record.fps"],
        "restart": ["storage.quota"],
        "warnings": [],
    }
    out = reelctl("config", "reload").out
    assert "record.fps holds from now on" in out
    assert "storage.quota holds when the daemon is started again" in out
    fake.answers["config_reload"] = ConfigReloaded(path="/x", live=[], restart=[], warnings=["the old rules hold"])
    assert "warning: the old rules hold" in reelctl("config", "reload").err
    assert "nothing has changed" in reelctl("config", "reload").out


def test_without_the_extra_the_person_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, reelctl: Reelctl
) -> None:
    monkeypatch.setattr(daemon_package, "find_spec", lambda name: None if name == "reeld" else find_spec(name))
    ran = reelctl("config", "show")
    assert ran.code == 3
    assert "reeld[daemon]" in ran.err
