"""Questions to the daemon's package in a process of its own, which may be missing, hang, break or complain."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest

from reeld_client import daemon_package
from reeld_client.daemon_package import ask, missing_modules
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected, TransportError


class Said(msgspec.Struct):
    words: list[str]


def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> str:
    """A module with this body, and its name."""
    (tmp_path / "stand_in_package.py").write_text(f"import sys, json, time\n{body}\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    return "stand_in_package"


def test_words_go_in_and_a_document_comes_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = stand_in(
        monkeypatch, tmp_path, "print(json.dumps({'words': sys.argv[1:]})); print('noise', file=sys.stderr)"
    )
    assert ask(module, ["a b", "--c"], Said, 20.0).words == ["a b", "--c"]


def test_what_it_complains_of_is_raised_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    error = {"code": "not-found", "message": "no such key", "remedy": "look", "faults": ["x", "y"]}
    module = stand_in(monkeypatch, tmp_path, f"print(json.dumps({{'error': {error!r}}})); sys.exit(5)")
    with pytest.raises(RequestRejected, match="no such key") as caught:
        ask(module, [], Said, 20.0)
    assert (caught.value.code, caught.value.remedy, caught.value.faults) == (ErrorCode.NOT_FOUND, "look", ("x", "y"))


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("raise ValueError('broken inside')", "broken inside"),
        ("print('junk')", "status 0"),
        ("print('{}'); sys.exit(3)", "status 3"),
        ("print('{\"words\": 3}')", "status 0"),
    ],
)
def test_one_that_breaks_is_a_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str, word: str
) -> None:
    with pytest.raises(InternalError, match=word):
        ask(stand_in(monkeypatch, tmp_path, body), [], Said, 20.0)


def test_one_that_hangs_is_given_up_and_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_leaks: None) -> None:
    with pytest.raises(TransportError, match=r"0\.3 s") as caught:
        ask(stand_in(monkeypatch, tmp_path, "time.sleep(60)"), [], Said, 0.3)
    assert caught.value.code is ErrorCode.TIMEOUT


def test_without_the_extra_the_person_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_package, "find_spec", lambda name: None if name == "av" else find_spec(name))
    assert missing_modules() == ["av"]
    with pytest.raises(TransportError, match="not installed") as caught:
        ask("reeld.settings", ["show"], Said, 20.0)
    assert "reeld[daemon]" in caught.value.remedy
    assert caught.value.faults == ("missing module: av",)
