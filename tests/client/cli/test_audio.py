"""Commands about sound: what they ask of the daemon, and their JSON. Harm guarded against: somebody mutes and nothing
is muted, or a graph is found wrong only when the recording should begin."""

import io
import json
from pathlib import Path

import pytest

from reeld_client.cli import audio
from reeld_proto import commands
from reeld_proto.events import LevelsMeasured, SessionStateChanged
from reeld_proto.records import SessionState
from reeld_proto.sound_graph import MicrophoneNode, SoundChange, SoundGraph, TrackNode
from tests.client.cli.reelctl import Reelctl, on_terminal
from tests.client.fake_reeld import LEVELS, SESSION, FakeReeld, Server
from tests.support.wait import until

GRAPH = """
[[nodes]]
type = "microphone"
name = "m"
[[nodes]]
type = "track"
name = "mic"
inputs = ["m"]
"""
READ = SoundGraph(nodes=[MicrophoneNode(name="m"), TrackNode(name="mic", inputs=["m"])])


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "graph.toml"
    path.write_text(GRAPH)
    return str(path)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("gain mic -6", [("mic-volume", "gain_db", -6.0)]),
        ("gain system 3.5", [("system-volume", "gain_db", 3.5)]),
        ("gain music-fader -0.5", [("music-fader", "gain_db", -0.5)]),
        ("mute mic", [("mic-volume", "muted", True)]),
        ("unmute system", [("system-volume", "muted", False)]),
        ("balance 30", [("mix-bus", "balance", 30.0)]),
        ("set mix-bus gain_db=-3 limit=false", [("mix-bus", "gain_db", -3.0), ("mix-bus", "limit", False)]),
        (
            "set mix-bus mode=average weights=0.5,1",
            [("mix-bus", "mode", "average"), ("mix-bus", "weights", [0.5, 1.0])],
        ),
    ],
)
def test_what_is_said_reaches_the_daemon(
    reelctl: Reelctl, server: Server, fake: FakeReeld, words: str, changes: list[tuple[str, str, object]]
) -> None:
    reelctl("start")
    found = reelctl("audio", *words.split(), "--json").json
    wanted = [SoundChange(node=node, setting=setting, value=value) for node, setting, value in changes]  # type: ignore[arg-type]
    assert fake.of(commands.AdjustSound) == [commands.AdjustSound(changes=wanted)]
    assert (found["session"], found["state"], found["at_s"]) == (SESSION, "active", 1.5)
    assert [(one["node"], one["setting"], one["value"]) for one in found["changes"]] == changes


def test_a_person_is_told_from_when_on_it_holds(reelctl: Reelctl, server: Server, file: str) -> None:
    reelctl("start")
    assert "from 1.5 s on: mic-volume gain_db -6" in reelctl("audio", "gain", "mic", "-6").out
    assert "another graph of sounds" in reelctl("audio", "edit", file).out


def test_settings_that_are_none_are_refused_before_the_daemon_is_asked(reelctl: Reelctl) -> None:
    ran = reelctl("audio", "set", "mix-bus", "gain_db", "=3", "limit=", "--json")
    assert ran.code == 2
    assert len(ran.json["error"]["faults"]) == 3


def test_without_a_session_nothing_can_be_changed(reelctl: Reelctl, server: Server) -> None:
    ran = reelctl("audio", "mute", "mic", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (4, "wrong-state")


# -- graphs in files --------------------------------------------------------------------------------------------------


def test_a_graph_in_a_file_reaches_the_daemon(reelctl: Reelctl, server: Server, fake: FakeReeld, file: str) -> None:
    reelctl("start", "--audio-graph", file)
    reelctl("audio", "edit", file)
    assert fake.of(commands.StartSession)[0].audio == READ
    assert fake.of(commands.EditSound) == [commands.EditSound(graph=READ)]


def test_a_graph_on_stdin_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(GRAPH))
    assert audio.read_graph(Path("-")) == READ


def test_checking_needs_no_daemon(reelctl: Reelctl, file: str) -> None:
    found = reelctl("audio", "check", file, "--json").json
    assert found == {"path": file, "nodes": 2, "tracks": ["mic"], "whole": True}
    assert "2 nodes, tracks mic" in reelctl("audio", "check", file).out


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (GRAPH.replace("microphone", "microfone").replace("inputs", "input"), 2),
        (GRAPH.replace('["m"]', '["x"]'), 2),
    ],
)
def test_checking_tells_all_faults_at_once(reelctl: Reelctl, tmp_path: Path, text: str, faults: int) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    ran = reelctl("audio", "check", str(path), "--json")
    assert (ran.code, len(ran.json["error"]["faults"])) == (2, faults), ran.out


def test_where_the_daemon_is_not_installed_what_can_be_checked_is(
    reelctl: Reelctl, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio, "find_spec", lambda _name: None)
    assert reelctl("audio", "check", file, "--json").json["whole"] is False
    assert "where the daemon is installed" in reelctl("audio", "check", file).out


def test_a_file_that_is_not_there_or_wrong_starts_nothing(
    reelctl: Reelctl, server: Server, fake: FakeReeld, tmp_path: Path
) -> None:
    assert reelctl("audio", "check", str(tmp_path / "none.toml")).code == 5
    assert reelctl("start", "--audio-graph", str(tmp_path)).code == 6
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[[nodes]]\ntype = 'tone'")
    ran = reelctl("start", "--audio-graph", str(wrong), "--name", " ", "--json")
    assert (ran.code, len(ran.json["error"]["faults"])) == (2, 2)
    assert not fake.of(commands.StartSession)


# -- looking on -------------------------------------------------------------------------------------------------------


def test_the_graph_as_json(reelctl: Reelctl, server: Server) -> None:
    found = reelctl("audio", "graph", "--json").json
    assert (found["session"], found["levels"]) == (None, [])
    assert found["nodes"][2] == {
        "name": "mic-volume",
        "type": "volume",
        "inputs": ["mic-in"],
        "settings": {"gain_db": -6.0, "muted": True, "pan": 0.0, "ramp_ms": 20.0},
    }
    reelctl("start")
    found = reelctl("audio", "graph", "--json").json
    assert found["session"] == SESSION
    assert found["levels"] == [{"node": "mic-meter", "peak_db": [-6.0, -9.0], "rms_db": [-30.0, -33.0]}]
    mixer = found["nodes"][4]
    assert (mixer["name"], mixer["blocks"], mixer["fullness"], mixer["settings"]["mode"]) == ("mix-bus", 7, 0.75, "sum")


def test_levels_are_followed_a_document_each_until_the_session_ends(
    runtime: Path, server: Server, fake: FakeReeld
) -> None:
    fake.state = SessionState.ACTIVE
    with on_terminal(runtime, "audio", "graph", "--watch", "--json") as terminal:
        until(lambda: b"levels" in server.topics, 10, what="somebody who listens")
        for at_s in (0.1, 0.2):
            server.publish(LevelsMeasured(session=SESSION, at_s=at_s, levels=[LEVELS]))
        server.publish(SessionStateChanged(session=SESSION, name="", state=SessionState.COMPLETED, elapsed_s=1.0))
        assert terminal.finish() == 0
    told = [part for part in terminal.screen.split("\r\n}") if part.strip()]
    assert [json.loads(part + "}")["at_s"] for part in told] == [0.1, 0.2]


def test_levels_are_drawn_as_they_come(runtime: Path, server: Server, fake: FakeReeld) -> None:
    fake.state = SessionState.ACTIVE
    with on_terminal(runtime, "audio", "graph", "--watch", "--count", "1") as terminal:
        until(lambda: b"levels" in server.topics, 10, what="somebody who listens")
        loud = [type(LEVELS)(node="mic-meter", peak_db=[-1.5], rms_db=[-3.0])]
        server.publish(LevelsMeasured(session=SESSION, at_s=0.1, levels=loud))
        assert terminal.finish() == 0
    assert "-1.5 dB" in terminal.screen


def test_a_timeline(reelctl: Reelctl, server: Server) -> None:
    found = reelctl("timeline", SESSION, "--json").json
    assert set(found) == {"session", "duration_s", "gaps", "markers", "voice", "silence", "automation"}
    assert found["voice"] == [{"track": "mic", "start_s": 0.5, "end_s": 2.0}]
    assert found["automation"] == [{"at_s": 1.0, "node": "mic-volume", "setting": "muted", "value": True}]
    assert reelctl("timeline", "nobody").code == 5
