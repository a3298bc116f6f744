"""The door: who asks, whether they may, and what is written down about it. Belongs to the event loop's thread.

DESIGN: the kernel says which process is at the other end of a Unix socket, and ZeroMQ hands that on with each message
(`Peer-Address`, as `host:uid:gid:pid`). The runtime folder keeps other users out; where it does not, they are refused
here. A process of the owner could read every recording without asking, so it is believed to be the owner unless it
says that it is less, with a token. Scopes thus guard against the faults of an application that was given a token, and
keep a remote control honest that speaks through such an application.
"""

import os
from collections import OrderedDict
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path

from reeld.access.audit import AuditLog, now_text
from reeld.access.tokens import Tokens
from reeld_proto.access import AuditLine, Hello, Identified, Identify, Scope
from reeld_proto.commands import Command, ErrorReply, Reply
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.scopes import ALL_SCOPES, check, granted, rule_of
from reeld_proto.version import PROTOCOL_VERSION

OWNER = "owner"
PROTOCOLS = [PROTOCOL_VERSION]
CAPABILITIES = ["audit", "curve-tcp", "describe", "idempotent-ids", "jobs", "rate-limit", "set-paused", "tokens"]
CONNECTIONS_MAX = 4096
"""Connections whose `identify` is remembered; one that is forgotten identifies again."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection. key: its routing id. uid, pid: None where the system does not tell.

    curve: the public key with which it came through the gate, empty for who did not come that way.
    """

    key: bytes
    uid: int | None = None
    pid: int | None = None
    curve: str = ""

    @property
    def account(self) -> bytes:
        """To whom its commands are counted: all connections of one key are one client."""
        return self.curve.encode() or self.key


def peer_of(key: bytes, address: str, curve: str = "") -> Peer:
    """The peer that ZeroMQ describes as `host:uid:gid:pid`; anything else tells nothing."""
    if curve:
        return Peer(key, curve=curve)
    parts = address.split(":")
    if len(parts) != 4 or not (parts[1].isdecimal() and parts[3].isdecimal()):
        return Peer(key)
    return Peer(key, int(parts[1]), int(parts[3]))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what they may do. who: as in `AuditLine`. token: what they showed."""

    peer: Peer
    who: str
    scopes: frozenset[Scope]
    client: str = ""
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Known:
    token: str = field(repr=False)
    client: str
    pid: int | None
    curve: str


NOBODY = Caller(Peer(b""), "unknown", frozenset())
CALLER: ContextVar[Caller] = ContextVar("caller", default=NOBODY)
"""Whose command is being carried out; set before its handler is called."""


class Door:
    """Lets commands in. folder: where tokens and audit are; uids: whose processes are the owner's."""

    def __init__(self, folder: Path, *, release: str = "", uids: frozenset[int] | None = None) -> None:
        self.tokens = Tokens(folder)
        self.audit = AuditLog(folder)
        self._release = release
        self._uids = frozenset({os.getuid(), 0}) if uids is None else uids
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def enter(self, peer: Peer, token: str, command: Command) -> Caller:
        """Who asks. Raises RequestRejected(DENIED) when they may not, and writes that down."""
        caller = Caller(peer, _stranger(peer), frozenset())
        try:
            caller = self._caller(peer, token, command)
            check(command, caller.scopes)
        except RequestRejected as error:
            self._write(caller, command, error.code.value)
            raise
        CALLER.set(caller)
        return caller

    def _caller(self, peer: Peer, token: str, command: Command) -> Caller:
        known = self._known.get(peer.key)
        if known is not None and (known.pid, known.curve) != (peer.pid, peer.curve):
            # Another process took over the routing id; it inherits nothing.
            del self._known[peer.key]
            known = None
        if isinstance(command, Identify):
            token = command.token or token
        if known is not None:
            token = token or known.token
        client = known.client if known is not None else ""
        if token:
            return self._bearer(peer, token, client)
        if peer.curve:
            return self._key_holder(peer, client)
        if peer.uid is not None and peer.uid not in self._uids:
            raise RequestRejected("this daemon belongs to another user", code=ErrorCode.DENIED)
        return Caller(peer, OWNER, ALL_SCOPES, client)

    def _key_holder(self, peer: Peer, client: str) -> Caller:
        found = self.tokens.find_key(peer.curve)
        if found is None:
            raise RequestRejected(
                "no token goes with this key any more",
                code=ErrorCode.DENIED,
                remedy="Make one with `reelctl token create --new-connection FILE`.",
            )
        return Caller(peer, f"token:{found.name}", granted(found.scopes), client)

    def knock(self, address: str) -> None:
        """A stranger was refused at the gate: write that down."""
        self.audit.tell(AuditLine(at=now_text(), who=f"tcp:{address}", what="connect", result=ErrorCode.DENIED.value))

    def _bearer(self, peer: Peer, token: str, client: str) -> Caller:
        found = self.tokens.find(token)
        if found is None:
            raise RequestRejected(
                "the token is not valid",
                code=ErrorCode.DENIED,
                remedy="It may have been revoked; make one with `reelctl token create`.",
            )
        return Caller(peer, f"token:{found.name}", granted(found.scopes), client, token)

    def hello(self) -> Hello:
        """The answer to `GetHello`."""
        return Hello(version=self._release, protocols=PROTOCOLS, capabilities=CAPABILITIES)

    def identify(self, command: Identify) -> Identified:
        """Remember who asks on the connection on which this command came. Raises RequestRejected."""
        common = set(command.protocols) & set(PROTOCOLS)
        if not common:
            raise RequestRejected(
                f"no protocol version of {command.protocols} is spoken here, only {PROTOCOLS}",
                code=ErrorCode.UNSUPPORTED_VERSION,
            )
        caller = replace(CALLER.get(), client=command.client)
        self._known[caller.peer.key] = _Known(caller.token, command.client, caller.peer.pid, caller.peer.curve)
        self._known.move_to_end(caller.peer.key)
        if len(self._known) > CONNECTIONS_MAX:
            self._known.popitem(last=False)
        scopes = [scope for scope in Scope if scope in caller.scopes]
        return Identified(protocol=max(common), who=caller.who, scopes=scopes, capabilities=CAPABILITIES)

    def left(self, caller: Caller, command: Command, reply: Reply) -> None:
        """A command was answered: write it down if it changes anything."""
        if rule_of(type(command)).changes:
            result = reply.code if isinstance(reply, ErrorReply) else "done"
            self._write(caller, command, result, _session_of(reply) or _session_of(command))

    def _write(self, caller: Caller, command: Command, result: str, session: str = "") -> None:
        self.audit.tell(
            AuditLine(
                at=now_text(),
                who=caller.who,
                pid=caller.peer.pid,
                uid=caller.peer.uid,
                client=caller.client,
                what=str(command.__struct_config__.tag),
                session=session,
                result=result,
            )
        )

    def close(self) -> None:
        """Write what is left of the audit. May be called twice."""
        self.audit.close()


def _stranger(peer: Peer) -> str:
    if peer.curve:
        return "tcp:revoked"
    return "unknown" if peer.uid is None else f"user:{peer.uid}"


def _session_of(message: Command | Reply) -> str:
    session = getattr(message, "session", None)
    return session if isinstance(session, str) else str(getattr(session, "session", "") or "")
