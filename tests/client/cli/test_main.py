"""The contract of `reelctl`: exit codes, one JSON document, one line and a remedy for people."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from reeld_client.cli import main as main_module
from reeld_client.cli.invocation import Invocation
from reeld_proto.errors import EXIT_CODES, ErrorCode, error_for
from tests.client.cli.reelctl import Reelctl, as_process, environment
from tests.client.fake_reeld import SESSION, FakeReeld, Server, faulty, silence
from tests.support.wait import until

COMMANDS = [
    ("status",),
    ("sources",),
    ("start",),
    ("pause",),
    ("resume",),
    ("stop",),
    ("mark", "x"),
    ("sessions",),
    ("show", SESSION),
    ("verify",),
    ("stats",),
    ("watch",),
]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_without_a_daemon_every_command_says_so_with_code_3(reelctl: Reelctl, words: tuple[str, ...]) -> None:
    ran = reelctl(*words)
    assert (ran.code, ran.out) == (3, "")
    wrong, remedy = ran.err.splitlines()
    assert wrong.startswith("error: no daemon is running on ")
    assert "reeld" in remedy


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_without_a_daemon_json_is_one_document_too(reelctl: Reelctl, words: tuple[str, ...]) -> None:
    ran = reelctl("--json", *words)
    assert ran.code == 3
    assert ran.json["error"]["code"] == "no-daemon"
    assert set(ran.json["error"]) == {"code", "message", "remedy", "faults"}
    assert ran.err == ""


@pytest.mark.alone
def test_no_daemon_is_told_before_a_person_wonders(runtime: Path) -> None:
    """0.3 s is the promise; starting Python and Typer is most of it, so the machine must be quiet to measure it."""
    took = []
    for _ in range(3):
        begun = time.perf_counter()
        assert as_process(runtime, "status").code == 3
        took.append(time.perf_counter() - begun)
    assert min(took) < 1.0


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_of_the_daemon_has_its_exit_code(
    reelctl: Reelctl, fake: FakeReeld, server: Server, code: ErrorCode
) -> None:
    fake.answers["session_pause"] = error_for(code.value, "it went wrong", "mend it", ("one", "two"))
    ran = reelctl("pause", "--json")
    assert ran.code == EXIT_CODES[code]
    error = {"code": code.value, "message": "it went wrong", "remedy": "mend it", "faults": ["one", "two"]}
    assert ran.json == {"error": error}
    ran = reelctl("pause")
    assert ran.code == EXIT_CODES[code]
    assert ran.err.splitlines() == ["error: it went wrong", "  - one", "  - two", "mend it"]
    assert ran.out == ""


@pytest.mark.parametrize(
    "words",
    [
        ("--json", "status"),
        ("status", "--json"),
        ("--json", "status", "--json"),
        ("--json", "--runtime", "{runtime}", "status"),
        ("status", "--runtime", "{runtime}", "--json"),
        ("--runtime", "{runtime}", "status", "--json", "--store", "/x"),
    ],
)
def test_json_may_stand_anywhere(
    reelctl: Reelctl, server: Server, runtime: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    if "--runtime" in words:
        monkeypatch.setenv("REELD_RUNTIME_DIR", "/nowhere")
    ran = reelctl(*(word.format(runtime=runtime) for word in words))
    assert ran.code == 0
    assert ran.json["daemon"]["pid"] == 7


def test_json_behind_two_dashes_is_text(reelctl: Reelctl, fake: FakeReeld, server: Server) -> None:
    reelctl("start")
    ran = reelctl("mark", "--", "--json")
    assert ran.code == 0
    assert "marked" in ran.out
    assert fake.heard[-1].text == "--json"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("sing",), "sing"),
        (("status", "extra"), "extra"),
        (("status", "--loud"), "--loud"),
        (("mark",), "TEXT"),
        (("show",), "ID"),
        (("export", SESSION), "--output"),
        (("record", "-o", "x.mp4"), "--duration"),
        (("start", "--fps", "fast"), "--fps"),
        (("start", "--quality", "superb"), "--quality"),
        (("start", "--layout", "heap"), "--layout"),
        (("start", "--region", "1,2,3"), "--region"),
        (("start", "--region", "0,0,0,5"), "--region"),
        (("start", "--name", ""), "--name"),
        (("sessions", "--status", "lost"), "--status"),
        (("export", SESSION, "-o", "x.mp4", "--from", "-1"), "--from"),
        (("export", SESSION, "-o", "x.mp4", "--from", "nan"), "--from"),
        (("export", SESSION, "-o", "x.mp4", "--from", "5", "--to", "2"), "--to"),
        (("export", SESSION, "-o", "x.mp4", "--to", "0"), "--to"),
        (("record", "-o", "x.mp4", "--duration", "0"), "--duration"),
        (("record", "-o", "x.mp4", "--duration", "-3"), "--duration"),
        (("record", "-o", "x.mp4", "--duration", "inf"), "--duration"),
        (("record", "-o", "x.mp4", "--duration", "soon"), "--duration"),
        (("watch", "--count", "0"), "--count"),
        (("mark", "  "), "empty"),
        (("mark", "x", "--session", "s"), "--at"),
        (("mark", "x", "--at", "5"), "--session"),
        (("mark", "x", "--session", "s", "--at", "soon"), "--at"),
        (("mark", "\udcff"), "UTF-8"),
    ],
    ids=" ".join,
)
def test_a_command_line_that_makes_no_sense_is_one_error_with_code_2(
    reelctl: Reelctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], hint: str
) -> None:
    """Nothing is asked of the daemon: there is none here, and the code is not 3."""
    monkeypatch.chdir(tmp_path)
    ran = reelctl(*words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("error: ") == 1
    assert hint in ran.err
    assert "Traceback" not in ran.err
    ran = reelctl(*words, "--json")
    assert ran.code == 2
    assert ran.json["error"]["code"] == "invalid-request"
    assert hint in ran.json["error"]["message"]
    assert ran.err == ""


def test_all_faults_of_a_start_are_told_at_once(reelctl: Reelctl) -> None:
    ran = reelctl("start", "--name", "", "--mic", "", "--region", "a", "--tag", " ", "--json")
    assert len(ran.json["error"]["faults"]) == 4


def test_no_words_show_what_there_is_and_are_a_usage_error(reelctl: Reelctl) -> None:
    ran = reelctl()
    assert ran.code == 2
    for command in ("status", "start", "record", "watch"):
        assert command in ran.out
    ran = reelctl("--json")
    assert ran.code == 2
    assert ran.json["error"]["message"]


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("start", "--help"), ("record", "-h")])
def test_help_is_help(reelctl: Reelctl, words: tuple[str, ...]) -> None:
    ran = reelctl(*words)
    assert ran.code == 0
    assert "Usage: reelctl" in ran.out
    assert "--json" in ran.out


def test_version(reelctl: Reelctl) -> None:
    assert reelctl("--version").out.startswith("reelctl ")
    assert set(reelctl("--version", "--json").json) == {"version"}


def test_a_fault_of_our_own_is_one_line_with_code_70(reelctl: Reelctl, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(self: Invocation) -> Any:
        raise ZeroDivisionError("oh dear")

    monkeypatch.setattr(Invocation, "client", explode)
    ran = reelctl("status")
    assert ran.code == 70
    assert "ZeroDivisionError: oh dear at test_main.py:" in ran.err
    assert "Traceback" not in ran.err
    ran = reelctl("status", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (70, "internal")


def test_an_interrupt_is_130(reelctl: Reelctl, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: Invocation) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Invocation, "client", interrupt)
    assert (reelctl("status").code, reelctl("status").out) == (130, "")
    ran = reelctl("status", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (130, "interrupted")


def test_ctrl_c_of_a_real_process_leaves_no_traceback(runtime: Path, fake: FakeReeld, server: Server) -> None:
    fake.answers["session_stop"] = silence
    command = [sys.executable, "-m", "reeld_client.cli.main", "stop"]
    with subprocess.Popen(
        command, env=environment(runtime), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        until(lambda: fake.heard, what="the question")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (130, "", "")


def test_a_reader_that_leaves_early_is_no_fault(runtime: Path, server: Server) -> None:
    """`reelctl sessions | head -1`."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "reeld_client.cli.main", "sessions", "--json"]
    ran = subprocess.run(
        command, check=False, env=environment(runtime), stdout=write, stderr=subprocess.PIPE, timeout=30
    )
    os.close(write)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_verify_with_faults_is_7_and_still_an_answer(reelctl: Reelctl, fake: FakeReeld, server: Server) -> None:
    fake.answers["store_verify"] = faulty()
    ran = reelctl("verify", "--json")
    assert ran.code == 7
    assert ran.json["ok"] is False
    assert ran.json["faults"][0]["kind"] == "digest"
    ran = reelctl("verify")
    assert ran.code == 7
    assert "1 fault" in ran.out


def test_json_on_stdout_is_pure_also_in_a_real_process(runtime: Path, server: Server, fake: FakeReeld) -> None:
    """Warnings of libraries, progress bars and colours must not get into it."""
    fake.warnings = ["no microphone"]
    for words in (("sources",), ("start",), ("stop",), ("export", SESSION, "-o", str(runtime / "a.mp4"))):
        ran = as_process(runtime, *words, "--json")
        assert ran.code == 0
        json.loads(ran.out)
        assert "\x1b" not in ran.out
        assert ran.err == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completion_script_is_shown(reelctl: Reelctl, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    monkeypatch.setattr("typer.completion._get_shell_name", lambda: shell)
    ran = reelctl("--show-completion")
    assert ran.code == 0
    assert "_REELCTL_COMPLETE" in ran.out


def test_the_entry_point_is_where_the_package_says() -> None:
    assert callable(main_module.main)
