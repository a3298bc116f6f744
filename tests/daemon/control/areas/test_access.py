"""Tokens, greeting, description, audit as commands. Harm guarded against: a token that is told twice, or not at all."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reeld.access.door import Door, Peer
from reeld.control.areas.access import commands
from reeld_proto import commands as c
from reeld_proto.access import Scope
from reeld_proto.errors import RequestRejected


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path, release="1.2")
    yield made
    made.close()


def carry_out(door: Door, command: c.Command) -> Any:
    async def work() -> Any:
        caller = door.enter(Peer(b"me"), "", command)
        reply = commands(cast("Any", SimpleNamespace(door=door, gate=None, cut_remote=lambda: None)))[type(command)](
            command, 0
        )
        reply = reply if isinstance(reply, c.Reply) else await reply
        door.left(caller, command, reply)
        return reply

    return asyncio.run(work())


def test_a_token_is_told_once_listed_and_revoked(door: Door) -> None:
    made = carry_out(door, c.CreateToken(name="tray", scopes=[Scope.READ, Scope.READ]))
    assert made.scopes == [Scope.READ]
    assert door.tokens.find(made.token) is not None
    listed = carry_out(door, c.ListTokens())
    assert [(each.name, each.scopes) for each in listed.tokens] == [("tray", [Scope.READ])]
    assert made.token not in repr(listed)
    assert carry_out(door, c.RevokeToken(name="tray")) == c.TokenRevoked(name="tray")
    assert carry_out(door, c.ListTokens()) == c.TokenList(tokens=[])
    audit = carry_out(door, c.GetAudit())
    assert [line.what for line in audit.lines] == ["tokens.create", "tokens.revoke"]
    assert made.token not in repr(audit)


def test_the_audit_is_asked_for_by_number(door: Door) -> None:
    for number in range(4):
        carry_out(door, c.CreateToken(name=str(number), scopes=[Scope.READ]))
    assert len(carry_out(door, c.GetAudit(limit=3)).lines) == 3
    with pytest.raises(RequestRejected, match="at least 1"):
        carry_out(door, c.GetAudit(limit=0))


def test_greeting_and_description(door: Door) -> None:
    assert carry_out(door, c.GetHello()).version == "1.2"
    assert carry_out(door, c.Identify(client="test")).who == "owner"
    assert {"describe", "identify"} <= {one.type for one in carry_out(door, c.Describe()).commands}
