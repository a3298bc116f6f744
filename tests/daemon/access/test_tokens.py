"""Tokens. Harm guarded against: a token that works after it was revoked, or that can be read from the disk."""

import hashlib
from pathlib import Path

import pytest

from reeld.access.tokens import FILE_NAME, TOKENS_MAX, Tokens
from reeld_proto.access import Scope
from reeld_proto.errors import ErrorCode, RequestRejected


def test_a_token_is_found_by_itself_alone_and_over_a_restart(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    token = tokens.create("tray", [Scope.READ, Scope.CONTROL, Scope.READ])
    other = tokens.create("phone", [Scope.OBSERVE])
    for each in (tokens, Tokens(tmp_path)):
        found = each.find(token)
        assert found is not None
        assert (found.name, found.scopes) == ("tray", [Scope.CONTROL, Scope.READ])
        assert [one.name for one in each.listed()] == ["phone", "tray"]
        assert each.find(token[:-1]) is each.find("") is each.find("tray") is None
    assert token != other
    assert len(token) >= 43


def test_a_key_goes_with_one_token_and_ends_with_it(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    tokens.create("phone", [Scope.OBSERVE], "k" * 40)
    tokens.create("script", [Scope.OBSERVE])
    for each in (tokens, Tokens(tmp_path)):
        found = each.find_key("k" * 40)
        assert found is not None
        assert (found.name, [one.tcp for one in each.listed()]) == ("phone", [True, False])
    with pytest.raises(RequestRejected, match="this key already"):
        tokens.create("other", [Scope.ADMIN], "k" * 40)
    tokens.revoke("phone")
    assert tokens.find_key("k" * 40) is tokens.find_key("") is None


def test_the_disk_holds_hashes_that_nobody_else_may_read(tmp_path: Path) -> None:
    token = Tokens(tmp_path).create("tray", [Scope.ADMIN])
    path = tmp_path / FILE_NAME
    text = path.read_text()
    assert token not in text
    assert token.removeprefix("reeld_") not in text
    assert hashlib.sha256(token.encode()).hexdigest() in text
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [FILE_NAME]


def test_a_revoked_token_is_gone_at_once_and_for_good(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    token, kept = tokens.create("tray", [Scope.OBSERVE]), tokens.create("phone", [Scope.OBSERVE])
    tokens.revoke("tray")
    for each in (tokens, Tokens(tmp_path)):
        assert each.find(token) is None
        assert each.find(kept) is not None
    with pytest.raises(RequestRejected) as refused:
        tokens.revoke("tray")
    assert refused.value.code is ErrorCode.NOT_FOUND


@pytest.mark.parametrize(
    ("name", "scopes"),
    [("", [Scope.READ]), ("x" * 65, [Scope.READ]), (" x", [Scope.READ]), ("a\nb", [Scope.READ]), ("x", [])],
)
def test_what_is_no_name_or_no_scope_is_refused(tmp_path: Path, name: str, scopes: list[Scope]) -> None:
    with pytest.raises(RequestRejected) as refused:
        Tokens(tmp_path).create(name, scopes)
    assert refused.value.faults
    assert not (tmp_path / FILE_NAME).exists()


def test_a_name_is_given_once_and_the_number_is_bounded(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    first = tokens.create("0", [Scope.READ])
    with pytest.raises(RequestRejected) as refused:
        tokens.create("0", [Scope.ADMIN])
    assert refused.value.code is ErrorCode.WRONG_STATE
    for number in range(1, TOKENS_MAX):
        tokens.create(str(number), [Scope.READ])
    with pytest.raises(RequestRejected, match="tokens already"):
        tokens.create("more", [Scope.READ])
    assert tokens.find(first) is not None


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", b'[{"name": "x"}]'])
def test_a_damaged_file_lets_nobody_in_and_is_not_written_over(tmp_path: Path, damage: bytes) -> None:
    """The daemon must record nevertheless, so this raises only when somebody asks for tokens."""
    token = Tokens(tmp_path).create("tray", [Scope.ADMIN])
    (tmp_path / FILE_NAME).write_bytes(damage)
    tokens = Tokens(tmp_path)
    assert tokens.find(token) is None
    for ask in (tokens.listed, lambda: tokens.create("x", [Scope.READ]), lambda: tokens.revoke("tray")):
        with pytest.raises(RequestRejected, match="damaged"):
            ask()
    assert (tmp_path / FILE_NAME).read_bytes() == damage


def test_what_could_not_be_written_is_not_valid(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    tokens = Tokens(folder)
    folder.rmdir()
    with pytest.raises(RequestRejected) as refused:
        tokens.create("tray", [Scope.READ])
    assert refused.value.code is ErrorCode.DISK_FAILED
    assert tokens.listed() == []
