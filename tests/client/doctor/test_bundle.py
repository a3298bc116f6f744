"""The file for somebody who helps. Harm guarded against: a title, a device or a rule that nobody meant to send."""

import json
import traceback
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld_client.doctor import bundle
from reeld_client.doctor.bundle import discreet_log, write_bundle
from reeld_client.doctor.diagnosis import Diagnosis
from reeld_proto.doctor import fault, fine

FOUND = Diagnosis(ok=False, findings=[fine("display", "X11"), fault("config", "two rules are called 'Bank'", "mend")])
NOWHERE = Path("/nowhere")
HIDDEN = st.text(alphabet="ÄÖÜẞ ", min_size=4, max_size=12)
"""Texts that nothing else in a bundle contains."""


@given(st.dictionaries(st.text(max_size=12) | st.sampled_from(["event", "reason", "exception", "code"]), HIDDEN))
def test_no_text_of_a_log_line_gets_through(event: dict[str, str]) -> None:
    told = discreet_log([json.dumps(event)])[0]
    assert not any(ascii(text)[1:-1] in told for text in event.values())


@given(st.text(max_size=40))
def test_any_line_is_taken(line: str) -> None:
    for each in discreet_log([line]):
        json.loads(each)


def test_what_helps_gets_through() -> None:
    line = {
        "event": "audio.device_lost", "level": "warning", "timestamp": "2026-11-26T02:00:00Z", "worker": "audio-1",
        "code": "device-lost", "device": "Annas Headset", "reason": "Anna left", "waited_s": 1.5, "tries": 3,
        "who": None, "names": ["a", "b"],
    }  # fmt: skip
    told = json.loads(discreet_log([json.dumps(line)])[0])
    assert told == {
        **line, "device": "<13 characters>", "reason": "<9 characters>", "names": "<2 items>"
    }  # fmt: skip


def test_a_text_under_a_harmless_name_must_still_be_a_word() -> None:
    told = json.loads(discreet_log([json.dumps({"event": "Letter to Anna", "state": "x" * 65})])[0])
    assert told == {"event": "<14 characters>", "state": "<65 characters>"}


def test_of_a_traceback_the_places_stay_and_the_message_goes() -> None:
    def fail() -> None:
        raise ValueError("Letter to Anna")

    try:
        fail()
    except ValueError:
        trace = traceback.format_exc()
    told = json.loads(discreet_log([json.dumps({"exception": trace})])[0])["exception"]
    assert told[0].startswith("test_bundle.py:")
    assert told[0].endswith(" test_of_a_traceback_the_places_stay_and_the_message_goes")
    assert told[-1] == "ValueError"
    assert "Anna" not in json.dumps(told)


def test_lines_of_others_are_counted() -> None:
    assert discreet_log(["Started Session recorder.", "[1, 2]", '{"event": "up"}']) == [
        '{"event": "up"}',
        '{"other_lines": 2}',
    ]
    assert discreet_log([]) == []


def read(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_the_file_has_everything_and_is_its_owners_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bundle, "journal", lambda: ['{"event": "daemon.ready"}'])
    monkeypatch.setenv("HOME", "/home/anna")
    path = tmp_path / "b.zip"
    path.write_text("old")
    write_bundle(path, FOUND, {"replay": {"minutes": 5}, "place": "/home/anna/x"}, NOWHERE)
    held = read(path)
    assert set(held) == {"about.json", "doctor.json", "config.json", "incidents.json", "log.jsonl"}
    assert json.loads(held["config.json"]) == {"replay": {"minutes": 5}, "place": "~/x"}
    assert json.loads(held["log.jsonl"])["event"] == "daemon.ready"
    assert json.loads(held["about.json"])["python"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_faults_of_settings_are_told_without_their_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A message about a privacy rule names it."""
    monkeypatch.setattr(bundle, "journal", list)
    write_bundle(tmp_path / "b.zip", FOUND, None, NOWHERE)
    held = read(tmp_path / "b.zip")
    assert "Bank" not in held["doctor.json"]
    assert "X11" in held["doctor.json"]
    assert "config.json" not in held


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(_lines: list[str]) -> list[str]:
        raise OSError(28, "No space left on device")

    path = tmp_path / "b.zip"
    path.write_text("old")
    monkeypatch.setattr(bundle, "discreet_log", full)
    monkeypatch.setattr(bundle, "journal", list)
    with pytest.raises(OSError, match="No space"):
        write_bundle(path, FOUND, None, NOWHERE)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_of_a_log_file_the_end_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bundle, "LOG_LINES_MAX", 2)
    path = tmp_path / "reeld.log"
    assert bundle.last_lines(path) == []
    path.write_bytes(b"one\ntwo\n\xff three\n")
    assert bundle.last_lines(path) == ["two", "\ufffd three"]


def test_without_a_journal_there_are_no_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bundle.journal() == []
