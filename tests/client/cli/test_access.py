"""`reelctl token`, `describe`, `audit` and `--token`. Harm guarded against: a token that cannot be copied, or is shown
to others."""

from pathlib import Path

import pytest

from reeld_client.connection import read_connection
from reeld_proto import commands as c
from reeld_proto.access import AuditLine, Remote, Scope, TokenInfo
from reeld_proto.description import describe
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.client.cli.reelctl import Reelctl
from tests.client.fake_reeld import FakeReeld, Server

TOKEN = "reeld_" + "x" * 200
LINE = AuditLine(at="2026-11-26T03:00:00", who="token:tray", what="session.stop", result="denied", pid=7, client="tray")


@pytest.fixture(autouse=True)
def _daemon(server: Server, fake: FakeReeld) -> None:
    fake.answers.update(
        tokens_create=c.TokenCreated(name="tray", scopes=[Scope.OBSERVE, Scope.READ], token=TOKEN),
        tokens_list=c.TokenList(tokens=[TokenInfo(name="tray", scopes=[Scope.READ], created_at="2026-11-26")]),
        tokens_revoke=c.TokenRevoked(name="tray"),
        audit=c.Audit(lines=[LINE]),
        describe=describe(),
    )


def test_a_token_is_printed_alone_on_one_line_however_narrow_the_terminal(reelctl: Reelctl, fake: FakeReeld) -> None:
    ran = reelctl("token", "create", "--scope", "observe", "--scope", "read", "--name", "tray")
    assert ran.out == TOKEN + "\n"
    assert fake.heard == [c.CreateToken(name="tray", scopes=[Scope.OBSERVE, Scope.READ])]
    ran = reelctl("token", "create", "--scope", "read", "--name", "tray", "--json")
    assert ran.json == {"name": "tray", "scopes": ["observe", "read"], "token": TOKEN, "remote": None}


@pytest.mark.parametrize("words", [("--name", "x"), ("--scope", "read"), ("--scope", "root", "--name", "x")])
def test_what_is_missing_is_a_usage_error(reelctl: Reelctl, fake: FakeReeld, words: tuple[str, ...]) -> None:
    assert reelctl("token", "create", *words).code == 2
    assert fake.heard == []


def test_a_connection_file_is_made_and_the_secret_stands_nowhere_else(
    reelctl: Reelctl, fake: FakeReeld, tmp_path: Path
) -> None:
    path = tmp_path / "phone.json"
    words = ("token", "create", "--scope", "read", "--name", "tray", "--new-connection", str(path))
    remote = Remote(control="tcp://127.0.0.1:7711", events="tcp://127.0.0.1:7712", server_key="k" * 40)
    fake.answers["tokens_create"] = c.TokenCreated(name="tray", scopes=[Scope.READ], token=TOKEN, remote=remote)
    ran = reelctl(*words)
    assert "127.0.0.1:7711" in ran.out
    made = read_connection(path)
    assert (made.control, made.server_key) == (remote.control, remote.server_key)
    assert made.secret_key not in ran.out
    assert fake.of(c.CreateToken)[0].public_key == made.public_key
    assert reelctl(*words).code == 4, "a file that was there was written over"
    assert len(fake.of(c.CreateToken)) == 1


def test_a_key_whose_file_cannot_be_written_does_not_stay_valid(
    reelctl: Reelctl, fake: FakeReeld, tmp_path: Path
) -> None:
    remote = Remote(control="tcp://127.0.0.1:7711", events="tcp://127.0.0.1:7712", server_key="k" * 40)
    fake.answers["tokens_create"] = c.TokenCreated(name="tray", scopes=[Scope.READ], token=TOKEN, remote=remote)
    words = ("token", "create", "--scope", "read", "--name", "tray", "--new-connection")
    assert reelctl(*words, str(tmp_path / "no" / "phone.json")).code == 6
    assert fake.of(c.RevokeToken) == [c.RevokeToken(name="tray")]


def test_tokens_are_listed_and_revoked(reelctl: Reelctl, fake: FakeReeld) -> None:
    assert "tray" in reelctl("token", "list").out
    (told,) = reelctl("token", "list", "--json").json
    assert told == {"name": "tray", "scopes": ["read"], "created_at": "2026-11-26", "tcp": False}
    assert "revoked" in reelctl("token", "revoke", "tray").out
    assert reelctl("token", "revoke", "tray", "--json").json == {"name": "tray"}
    fake.answers["tokens_list"] = c.TokenList(tokens=[])
    assert "no tokens" in reelctl("token", "list").out


def test_the_audit_fits_on_a_terminal(reelctl: Reelctl, fake: FakeReeld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = reelctl("audit", "--limit", "3").out
    assert all(word in out for word in ("token:tray", "tray 7", "session.stop", "denied", "2026-11-26 03:00:00"))
    assert fake.heard == [c.GetAudit(limit=3)]
    assert reelctl("audit", "--json").json[0]["who"] == "token:tray"
    assert reelctl("audit", "--limit", "0").code == 2
    fake.answers["audit"] = c.Audit(lines=[])
    assert "nothing" in reelctl("audit").out


def test_the_protocol_is_described(reelctl: Reelctl) -> None:
    out = reelctl("describe").out
    assert all(word in out for word in ("session.set-paused", "control", "session.state", "rate-limited"))
    found = reelctl("describe", "--json").json
    assert found["protocol"] == 1
    assert {"commands", "replies", "events", "records", "errors"} < set(found)


@pytest.mark.parametrize("words", [("--token", "t1", "status"), ("status", "--token", "t1")])
def test_the_token_given_goes_into_the_envelope(reelctl: Reelctl, fake: FakeReeld, words: tuple[str, ...]) -> None:
    assert reelctl(*words).code == 0
    assert fake.tokens == {"t1"}


def test_a_refusal_has_its_exit_code_and_names_the_scope(
    reelctl: Reelctl, fake: FakeReeld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELD_TOKEN", "t2")
    fake.answers["session_stop"] = RequestRejected("session.stop needs the scope `control`", code=ErrorCode.DENIED)
    ran = reelctl("stop", "--json")
    assert (ran.code, ran.json["error"]["code"]) == (8, "denied")
    assert "`control`" in ran.json["error"]["message"]
    assert fake.tokens == {"t2"}


def test_set_paused_names_the_state_that_is_wanted(reelctl: Reelctl, fake: FakeReeld) -> None:
    reelctl("start")
    for word, state in (("on", "paused"), ("on", "paused"), ("off", "active")):
        assert reelctl("set-paused", word, "--json").json["state"] == state
    assert [each.paused for each in fake.of(c.SetPaused)] == [True, True, False]
    assert reelctl("set-paused", "maybe").code == 2
