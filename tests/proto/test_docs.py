"""The reference is what the code says."""

import re
from pathlib import Path

import msgspec
import pytest

from reeld_proto import docs
from reeld_proto.codec import Envelope, tags_of, unpack
from reeld_proto.commands import AnyCommand, AnyReply, Ping, StartSession
from reeld_proto.docs import DOCUMENT, main, render
from reeld_proto.errors import EXIT_CODES, ErrorCode
from reeld_proto.version import PROTOCOL_VERSION
from tests.proto.messages import UNIONS, all_structs


def test_the_reference_is_up_to_date() -> None:
    """Run `python -m reeld_proto.docs` when this fails."""
    assert DOCUMENT.read_text(encoding="utf-8") == render()


@pytest.fixture(scope="module")
def text() -> str:
    return render()


@pytest.mark.parametrize("name", UNIONS)
def test_no_message_is_left_out(text: str, name: str) -> None:
    for tag in tags_of(UNIONS[name]):
        assert f"### `{tag}`: " in text


def test_no_field_is_left_out(text: str) -> None:
    for kind in all_structs():
        for field in msgspec.structs.fields(kind):
            assert f"| `{field.encode_name}` |" in text


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_code_stands_there_with_its_exit_code(text: str, code: ErrorCode) -> None:
    row = next(line for line in text.splitlines() if line.startswith(f"| `{code.value}` |"))
    assert f"| {EXIT_CODES[code]} |" in row


def test_versions_sockets_and_limits_stand_there(text: str) -> None:
    assert f"Protocol version {PROTOCOL_VERSION}" in text
    for expected in ("control.sock", "events.sock", "262144", "msgpack"):
        assert expected in text


def test_the_examples_are_messages_that_the_daemon_takes(text: str) -> None:
    """Who writes a client in another language begins with these."""
    asked, answered = re.findall(r"^\{.*\}$", text, re.MULTILINE)
    command = msgspec.json.decode(asked, type=Envelope[AnyCommand]).body
    assert isinstance(command, StartSession)
    assert command.test_patterns == ["640x480"]
    assert msgspec.json.decode(answered, type=Envelope[AnyReply]).id == msgspec.json.decode(asked)["id"]
    (ping,) = re.findall(r"^(?:[0-9a-f]{2} ?)+$", text, re.MULTILINE)
    assert isinstance(unpack(bytes.fromhex(ping), AnyCommand).body, Ping)


def test_tables_have_as_many_cells_as_their_head(text: str) -> None:
    """Else a `|` in a docstring would push a default into the wrong column."""
    width = 0
    for line in text.splitlines():
        if not line.startswith("|"):
            width = 0
            continue
        cells = line.replace("\\|", "").count("|")
        width = width or cells
        assert cells == width, line


def test_check_fails_on_a_difference_and_writing_mends_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "PROTOCOL.md"
    monkeypatch.setattr(docs, "DOCUMENT", document)
    assert main(["--check"]) == 1
    assert "out of date" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0
    document.write_text("old", encoding="utf-8")
    assert main(["--check"]) == 1
