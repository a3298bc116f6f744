"""What happens at the edges: no display, no sound server, no room, two daemons, signals, junk on the socket."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import zmq

from reeld_client import Client
from reeld_proto import codec
from reeld_proto.commands import AnyReply, ErrorReply, GetStatus, Ping, Pong
from reeld_proto.endpoints import Endpoints
from tests.e2e.conftest import Stage
from tests.support.desk import VirtualDesk
from tests.support.installation import Installation, is_alive
from tests.support.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
QUIET = ("--mic", "none", "--system-audio", "none")


@pytest.fixture(scope="module")
def quiet(x_desk: VirtualDesk) -> Iterator[Installation]:
    """A daemon on a desk without a sound server."""
    with Installation(x_desk.env) as installation:
        installation.start_daemon()
        yield installation


def test_no_sound_server_is_a_warning_and_the_picture_is_recorded(quiet: Installation) -> None:
    started = quiet.ok("start")
    assert started["state"] == "active"
    assert any("sound" in warning.lower() for warning in started["warnings"])
    stopped = quiet.ok("stop")
    assert {track["kind"] for track in stopped["tracks"]} == {"video"}


def test_a_microphone_asked_for_by_name_must_exist(quiet: Installation) -> None:
    result = quiet.ctl("start", "--mic", "no_such_mic")
    assert result.code in (5, 6)
    assert "no_such_mic" in result.json["error"]["message"] + " ".join(result.json["error"]["faults"])
    assert quiet.ok("status")["session"] is None


def test_all_faults_of_a_start_are_told_at_once(quiet: Installation) -> None:
    result = quiet.ctl("start", "--name", "x" * 300, "--fps", "500", "--display", "NOWHERE", *QUIET)
    assert result.code in (2, 5)
    told = json.dumps(result.json["error"])
    assert "255" in told
    assert "fps" in told.lower() or "frame" in told.lower()
    assert "NOWHERE" in told


@pytest.mark.parametrize("display", ["", ":987"])
def test_without_a_display_it_says_so_and_names_the_remedy(x_desk: VirtualDesk, display: str) -> None:
    env = {key: value for key, value in x_desk.env.items() if key != "DISPLAY"}
    if display:
        env["DISPLAY"] = display
    with Installation(env) as installation:
        installation.start_daemon()
        result = installation.ctl("start", *QUIET)
        assert result.code == 6
        assert "DISPLAY" in result.json["error"]["remedy"] or "DISPLAY" in result.json["error"]["message"]
        assert installation.ok("status")["session"] is None


@pytest.mark.long
def test_without_a_display_sound_is_still_recorded(stage: Stage) -> None:
    env = {key: value for key, value in stage.desk.env.items() if key != "DISPLAY"}
    with Installation(env) as installation:
        installation.start_daemon()
        started = installation.ok("start", "--mic", "virtual_mic", "--system-audio", "none")
        assert started["first_frame_ms"] is None
        until(lambda: installation.ask(Client.stats).tracks, 10, what="a sound track")
        stopped = installation.ok("stop")
        assert [track["kind"] for track in stopped["tracks"]] == ["audio"]


def test_commands_in_the_wrong_state_are_refused_with_exit_code_4(quiet: Installation) -> None:
    for words in (["pause"], ["resume"], ["stop"], ["mark", "x"]):
        assert quiet.ctl(*words).code == 4, words
    quiet.ok("start", *QUIET)
    assert quiet.ctl("start", *QUIET).code == 4
    assert quiet.ctl("resume").code == 4
    quiet.ok("pause")
    assert quiet.ctl("pause").code == 4
    quiet.ok("stop")
    assert quiet.ctl("stop").code == 4


def test_unknown_sessions_exit_with_5(quiet: Installation, tmp_path: Path) -> None:
    assert quiet.ctl("show", "no-such").code == 5
    assert quiet.ctl("export", "no-such", "-o", str(tmp_path / "x.mp4")).code == 5
    assert quiet.ctl("verify", "no-such").code == 5
    assert not (tmp_path / "x.mp4").exists()


def test_no_daemon_exits_with_3_at_once(x_desk: VirtualDesk) -> None:
    with Installation(x_desk.env) as installation:
        began = time.monotonic()
        result = installation.ctl("status")
        assert result.code == 3
        assert result.json["error"]["code"] == "no-daemon"
        assert time.monotonic() - began < 3


def test_too_little_free_disk_is_refused_before_anything_starts(x_desk: VirtualDesk, tmp_path: Path) -> None:
    config = tmp_path / "reeld.toml"
    config.write_text(f"[store]\nreserve_bytes = {1 << 60}\n")
    with Installation(x_desk.env) as installation:
        installation.start_daemon("--config", str(config))
        result = installation.ctl("start", *QUIET)
        assert result.code == 6
        assert "free" in json.dumps(result.json)
        assert installation.ok("sessions") == []


def test_a_second_daemon_says_who_holds_the_place(quiet: Installation, tmp_path: Path) -> None:
    assert quiet.daemon is not None
    for flags in ([], ["--runtime", str(tmp_path / "run")], ["--store", str(tmp_path / "store")]):
        command, env = quiet.command("reeld", *flags)
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 4
        assert str(quiet.daemon.pid) in done.stderr
    quiet.ok("status")


@pytest.mark.long
def test_stale_sockets_of_a_dead_daemon_do_not_hinder_the_next(x_desk: VirtualDesk) -> None:
    with Installation(x_desk.env) as installation:
        installation.start_daemon()
        installation.kill_daemon()
        assert installation.ctl("status").code == 3
        installation.start_daemon()
        installation.ok("status")
        assert oct(installation.runtime.stat().st_mode & 0o777) == "0o700"
        assert oct(installation.store.stat().st_mode & 0o777) == "0o700"


@pytest.mark.parametrize("how", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_signals_end_the_session_cleanly_first(x_desk: VirtualDesk, how: signal.Signals) -> None:
    with Installation(x_desk.env) as installation:
        installation.start_daemon()
        session = installation.ok("start", *QUIET)["session"]
        pids = installation.worker_pids().values()
        assert installation.stop_daemon(how) == 0
        assert not any(is_alive(pid) for pid in pids)
        installation.start_daemon()
        assert installation.ok("show", session)["state"] == "completed"
        assert installation.ok("verify")["ok"]


def test_junk_on_the_control_socket_changes_nothing(quiet: Installation) -> None:
    quiet.ok("start", *QUIET)
    before = quiet.ok("status")
    junk = [b"", b"\xc1", b"\x93" * 5000, os.urandom(300), b"\x00" * (2 << 20), b"\x81\xa1v\x01"]
    unknown = codec.pack(GetStatus()).replace(b"status", b"statvs")
    with zmq.Context[zmq.Socket[bytes]]() as context, context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.connect(Endpoints(quiet.runtime).control)
        for message in [*junk, unknown]:
            dealer.send(message)
            assert dealer.poll(5000), f"no answer to {message[:20]!r}"
            reply = codec.unpack(dealer.recv(), AnyReply).body
            assert isinstance(reply, ErrorReply)
            assert reply.code in ("invalid-request", "too-large", "unknown-command", "unsupported-version")
        dealer.send_multipart([b"a", b"b", b"c"])
        assert dealer.poll(5000)
        dealer.recv()
        dealer.send(codec.pack(Ping(), id="p"))
        assert dealer.poll(5000)
        assert isinstance(codec.unpack(dealer.recv(), AnyReply).body, Pong)
    # Not even ZeroMQ: a raw client that speaks nonsense.
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(quiet.runtime / "control.sock"))
        raw.sendall(os.urandom(4096))
    after = quiet.ok("status")
    assert after["session"]["id"] == before["session"]["id"]
    assert after["workers"] == before["workers"] or len(after["workers"]) >= len(before["workers"])
    assert quiet.ok("stop")["gaps"] == []


def test_markers_are_kept_with_their_instant(quiet: Installation) -> None:
    session = quiet.ok("start", *QUIET)["session"]
    marked = quiet.ok("mark", "look <here> ü")
    quiet.ok("stop")
    (marker,) = quiet.ok("show", session)["markers"]
    assert marker["text"] == "look <here> ü"
    assert 0 <= marker["at_s"] <= marked["elapsed_s"] + 0.1
    assert [s["session"] for s in quiet.ok("sessions", "--text", "look")] == [session]


def test_record_needs_no_daemon_and_leaves_none(x_desk: VirtualDesk, tmp_path: Path) -> None:
    with Installation(x_desk.env) as installation:
        path = tmp_path / "short.mp4"
        result = installation.ok("record", "-o", str(path), "--duration", "2", *QUIET)
        assert result["duration_s"] == pytest.approx(2, abs=0.5)
        assert result["bytes"] == path.stat().st_size
        assert installation.ctl("status").code == 3
        left = [
            p
            for p in psutil.process_iter(["environ"])
            if (p.info["environ"] or {}).get("REELD_STORE") == str(installation.store)
        ]
        assert left == []


def test_a_region_is_recorded_alone(quiet: Installation, tmp_path: Path) -> None:
    session = quiet.ok("start", "--region", "100,50,801,601", *QUIET)["session"]
    quiet.ok("stop")
    path = tmp_path / "region.mp4"
    quiet.ok("export", session, "-o", str(path))
    import av  # noqa: PLC0415

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.width, stream.codec_context.height) in ((802, 602), (801, 601))


def test_sources_name_the_monitors(quiet: Installation) -> None:
    displays = quiet.ok("sources")["displays"]
    assert [(d["id"], d["x"], d["width"], d["height"]) for d in displays] == [
        ("LEFT", 0, 1920, 1080),
        ("RIGHT", 1920, 1920, 1080),
    ]


def test_help_needs_nothing_and_is_quick() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reeld_client.cli.main", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    for word in (
        "status",
        "sources",
        "start",
        "pause",
        "resume",
        "stop",
        "mark",
        "sessions",
        "show",
        "export",
        "verify",
        "stats",
        "watch",
        "record",
    ):
        assert word in done.stdout
