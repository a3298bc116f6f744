"""How answers and errors leave `reelctl`."""

import json
from pathlib import Path

import pytest

from reeld_client.cli.invocation import Answer, Invocation, print_json
from reeld_proto.commands import Pong
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import MarkerInfo


def test_later_choices_win_and_json_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELD_RUNTIME_DIR", "/run/env")
    invocation = Invocation()
    assert invocation.runtime == Path("/run/env")
    invocation.choose(json=True, runtime=Path("/run/a"), store=tmp_path)
    invocation.choose(json=False, runtime=Path("/run/b"), store=None)
    assert (invocation.json, invocation.runtime, invocation.store) == (True, Path("/run/b"), tmp_path)


def test_a_relative_directory_is_the_persons(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    invocation = Invocation()
    invocation.choose(json=False, runtime=Path("run"), store=Path("store"))
    assert (invocation.runtime, invocation.store) == (tmp_path / "run", tmp_path / "store")


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_what_json_has_no_word_for_becomes_null(value: float, capsys: pytest.CaptureFixture[str]) -> None:
    """`Infinity` would be a syntax error to the script that reads it."""
    print_json({"peak_db": value})
    assert json.loads(capsys.readouterr().out) == {"peak_db": None}


def test_text_of_all_languages_passes(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([{"name": "Grüße, 会议 \U0001f3a5"}])
    assert json.loads(capsys.readouterr().out) == [{"name": "Grüße, 会议 \U0001f3a5"}]


def test_an_answer_is_printed_as_it_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    invocation = Invocation(json=True)
    invocation.print(Answer([MarkerInfo(at_s=1.0, text="x")]))
    assert json.loads(capsys.readouterr().out) == [{"at_s": 1.0, "text": "x"}]
    assert invocation.answered
    with pytest.raises(TypeError, match="Pong"):
        Invocation().print(Answer(Pong()))


def test_an_error_is_a_line_of_its_own_also_when_it_has_many(capsys: pytest.CaptureFixture[str]) -> None:
    error = RequestRejected("first\n  second", code=ErrorCode.DENIED, remedy="do\nthis")
    assert Invocation().fail(error) == 8
    assert capsys.readouterr().err == "error: first second\ndo this\n"


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x07", "\x9b31m", "\u202e"])
def test_names_of_others_cannot_steer_the_terminal(hostile: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A window title is written by whoever made the page in it."""
    Invocation().fail(RequestRejected(f"no window {hostile}x"))
    Invocation().warn([f"lost {hostile}x"])
    assert hostile not in capsys.readouterr().err


def test_warnings_stay_out_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    Invocation(json=True).warn(["no microphone"])
    assert capsys.readouterr() == ("", "")
