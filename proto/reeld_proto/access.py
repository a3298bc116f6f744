"""Who may do what: scopes, tokens, the greeting, and what was done by whom."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, field

from reeld_proto.base import Command, Name, Reply
from reeld_proto.records import Record


class Scope(StrEnum):
    """What a caller may do. `observe` is part of every other; `admin` is all of them."""

    OBSERVE = "observe"
    """State, counters and events."""
    CONTROL = "control"
    """Start and steer the recording."""
    READ = "read"
    """Find, read and export what is recorded."""
    ADMIN = "admin"
    """Everything, tokens and the removal of recordings included."""


class TokenInfo(Record, frozen=True, kw_only=True):
    """A token as it is listed; the token itself is kept nowhere. created_at: ISO 8601. tcp: a key goes with it."""

    name: str
    scopes: list[Scope]
    created_at: str
    tcp: bool = False


class AuditLine(Record, frozen=True, kw_only=True):
    """One change of state, or one attempt that was refused.

    at: ISO 8601 in UTC. who: `owner`, `token:NAME`, `user:UID` or `tcp:ADDRESS` for who is refused. what: the command's
    type, or `connect`. result: `done` or the code of the error. pid, uid: the process at the other end of the socket,
    nil where the system does not tell. client: what the caller calls itself. session: the one it was about.
    """

    at: str
    who: str
    what: str
    result: str
    pid: int | None = None
    uid: int | None = None
    client: str = ""
    session: str = ""


class GetHello(Command, tag="hello", frozen=True, kw_only=True):
    """Ask what is spoken here, before anything else is known. Answered by `Hello`."""


class Identify(Command, tag="identify", frozen=True, kw_only=True):
    """Say who asks on this connection. Answered by `Identified`, or refused when no version is common to both.

    protocols: versions that the client speaks. token: from now on every command of this connection has its scopes and
    no more, as if it stood in each envelope. client: a name for the audit.
    """

    protocols: list[int] = field(default_factory=lambda: [1])
    token: Name = ""
    client: Name = ""


CurveKey = Annotated[str, Meta(pattern=r"^([0-9A-Za-z.\-:+=^!/*?&<>()\[\]{}@%$#]{40})?$")]
"""A key of CurveZMQ in Z85, 40 characters; empty for none."""


class Remote(Record, frozen=True, kw_only=True):
    """How the daemon is reached over TCP. control, events: addresses for ZeroMQ. server_key: its public key, in Z85."""

    control: str
    events: str
    server_key: str


class CreateToken(Command, tag="tokens.create", frozen=True, kw_only=True):
    """Make a token. Answered by `TokenCreated`, the only message that ever holds it.

    public_key: of a client that is to connect over TCP; its connections have the token's scopes without showing it.
    """

    name: Name
    scopes: list[Scope]
    public_key: CurveKey = ""


class ListTokens(Command, tag="tokens.list", frozen=True, kw_only=True):
    """List the tokens that are valid. Answered by `TokenList`."""


class RevokeToken(Command, tag="tokens.revoke", frozen=True, kw_only=True):
    """End a token; connections that use it are refused from now on. Answered by `TokenRevoked`."""

    name: Name


class GetAudit(Command, tag="audit", frozen=True, kw_only=True):
    """Ask for the newest lines of the audit, at most `limit`. Answered by `Audit`."""

    limit: int = 50


class Hello(Reply, tag="hello.reply", frozen=True, kw_only=True):
    """Answer to `GetHello`. protocols: versions spoken, the best last. capabilities: what older daemons lack."""

    version: str
    protocols: list[int]
    capabilities: list[str]


class Identified(Reply, tag="identified", frozen=True, kw_only=True):
    """Answer to `Identify`. protocol: the version to use. who: see `AuditLine`. scopes: what the caller may do."""

    protocol: int
    who: str
    scopes: list[Scope]
    capabilities: list[str]


class TokenCreated(Reply, tag="tokens.created", frozen=True, kw_only=True):
    """Answer to `CreateToken`. token: told once. remote: where a client with a public key connects."""

    name: str
    scopes: list[Scope]
    token: str
    remote: Remote | None = None


class TokenList(Reply, tag="tokens.list.reply", frozen=True, kw_only=True):
    """Answer to `ListTokens`."""

    tokens: list[TokenInfo]


class TokenRevoked(Reply, tag="tokens.revoked", frozen=True, kw_only=True):
    """Answer to `RevokeToken`."""

    name: str


class Audit(Reply, tag="audit.reply", frozen=True, kw_only=True):
    """Answer to `GetAudit`: the newest lines, the oldest of them first."""

    lines: list[AuditLine]
