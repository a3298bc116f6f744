"""Tokens, the greeting, the protocol as data, and the audit."""

import asyncio

from reeld.control.parts import Handler, Parts
from reeld_proto import commands as c
from reeld_proto.access import Remote
from reeld_proto.commands import Command
from reeld_proto.errors import ErrorCode, RequestRejected


def commands(parts: Parts) -> dict[type[Command], Handler]:
    """What each command of this area does."""
    door = parts.door

    def hello(_command: c.GetHello, _arrived_ns: int) -> c.Reply:
        return door.hello()

    def identify(command: c.Identify, _arrived_ns: int) -> c.Reply:
        return door.identify(command)

    async def describe(_command: c.Describe, _arrived_ns: int) -> c.Reply:
        return await asyncio.to_thread(_description)

    def create(command: c.CreateToken, _arrived_ns: int) -> c.Reply:
        remote = _remote(parts) if command.public_key else None
        token = door.tokens.create(command.name, command.scopes, command.public_key)
        return c.TokenCreated(name=command.name, scopes=sorted(set(command.scopes)), token=token, remote=remote)

    def listed(_command: c.ListTokens, _arrived_ns: int) -> c.Reply:
        return c.TokenList(tokens=door.tokens.listed())

    def revoke(command: c.RevokeToken, _arrived_ns: int) -> c.Reply:
        door.tokens.revoke(command.name)
        parts.cut_remote()
        return c.TokenRevoked(name=command.name)

    async def audit(command: c.GetAudit, _arrived_ns: int) -> c.Reply:
        if command.limit < 1:
            raise RequestRejected("limit must be at least 1")
        return c.Audit(lines=await door.audit.newest(command.limit))

    return {
        c.GetHello: hello,
        c.Identify: identify,
        c.Describe: describe,
        c.CreateToken: create,
        c.ListTokens: listed,
        c.RevokeToken: revoke,
        c.GetAudit: audit,
    }


def _remote(parts: Parts) -> Remote:
    if parts.gate is None:
        raise RequestRejected(
            "this daemon cannot be reached over TCP",
            code=ErrorCode.WRONG_STATE,
            remedy='Set `tcp = "127.0.0.1:7711"` under [control] in the config and start the daemon again.',
        )
    return parts.gate.remote()


def _description() -> c.Description:
    from reeld_proto.description import describe  # noqa: PLC0415 - it reads all sources, for this command alone

    return describe()
