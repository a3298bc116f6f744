"""Questions about who may do what, and what happened, as methods of both clients."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar

from reeld_client.core import Call, expect
from reeld_proto import commands as c
from reeld_proto.access import AuditLine, Scope, TokenInfo
from reeld_proto.incidents import Incident

R = TypeVar("R")

QUICK_S = 5.0
DESCRIBE_S = 15.0
"""The first description is read from the sources."""


def _hello() -> Call[c.Hello]:
    return Call(c.GetHello(), expect(c.Hello), QUICK_S)


def _identify(name: str) -> Call[c.Identified]:
    return Call(c.Identify(client=name), expect(c.Identified), QUICK_S)


def _describe() -> Call[c.Description]:
    return Call(c.Describe(), expect(c.Description), DESCRIBE_S)


def _create_token(name: str, scopes: Sequence[Scope], public_key: str) -> Call[c.TokenCreated]:
    command = c.CreateToken(name=name, scopes=list(scopes), public_key=public_key)
    return Call(command, expect(c.TokenCreated), QUICK_S)


def _tokens() -> Call[list[TokenInfo]]:
    return Call(c.ListTokens(), lambda reply: expect(c.TokenList)(reply).tokens, QUICK_S)


def _revoke_token(name: str) -> Call[c.TokenRevoked]:
    return Call(c.RevokeToken(name=name), expect(c.TokenRevoked), QUICK_S)


def _audit(limit: int) -> Call[list[AuditLine]]:
    return Call(c.GetAudit(limit=limit), lambda reply: expect(c.Audit)(reply).lines, QUICK_S)


def _incidents() -> Call[list[Incident]]:
    return Call(c.ListIncidents(), lambda reply: expect(c.IncidentList)(reply).incidents, QUICK_S)


def _incident(id: str) -> Call[Incident]:
    return Call(c.ShowIncident(id=id), lambda reply: expect(c.IncidentDetail)(reply).incident, QUICK_S)


def _clear_incidents() -> Call[list[Incident]]:
    return Call(c.ClearIncidents(), lambda reply: expect(c.IncidentList)(reply).incidents, QUICK_S)


def _open_review(session: str, at_s: float) -> Call[c.ReviewOpened]:
    return Call(c.OpenReview(session=session, at_s=at_s), expect(c.ReviewOpened), QUICK_S)


class AccessMethods(ABC):
    """Mixed into the client, which brings `call`. Errors are those of the client."""

    @abstractmethod
    def call(self, call: Call[R]) -> R:
        """Ask one question and wait for its answer."""

    def hello(self) -> c.Hello:
        """What the daemon speaks, whatever its age."""
        return self.call(_hello())

    def identify(self, name: str = "") -> c.Identified:
        """Tell the daemon a name for the audit; what this client may do."""
        return self.call(_identify(name))

    def describe(self) -> c.Description:
        """The whole protocol as data."""
        return self.call(_describe())

    def create_token(self, name: str, scopes: Sequence[Scope], *, public_key: str = "") -> c.TokenCreated:
        """Make a token, which is told this once. public_key: of a client that comes over TCP, in Z85."""
        return self.call(_create_token(name, scopes, public_key))

    def tokens(self) -> list[TokenInfo]:
        """The tokens that are valid."""
        return self.call(_tokens())

    def revoke_token(self, name: str) -> c.TokenRevoked:
        """End a token."""
        return self.call(_revoke_token(name))

    def audit(self, limit: int = 50) -> list[AuditLine]:
        """The newest changes of state and refused attempts, the oldest of them first."""
        return self.call(_audit(limit))

    def incidents(self) -> list[Incident]:
        """What went wrong with reeld's own processes, without traces, the newest last."""
        return self.call(_incidents())

    def incident(self, id: str) -> Incident:
        """One report, with where the process was when it ended. Raises RequestRejected(NOT_FOUND)."""
        return self.call(_incident(id))

    def clear_incidents(self) -> list[Incident]:
        """Remove all reports; what was removed."""
        return self.call(_clear_incidents())

    def open_review(self, session: str = "", *, at_s: float = 0.0) -> c.ReviewOpened:
        """An address that lets one browser of this machine in, once. Raises RequestRejected(NOT_FOUND)."""
        return self.call(_open_review(session, at_s))


class AsyncAccessMethods(ABC):
    """Mixed into the asyncio client, which brings `call`. Errors are those of the client."""

    @abstractmethod
    async def call(self, call: Call[R]) -> R:
        """Ask one question and wait for its answer."""

    async def hello(self) -> c.Hello:
        """See `Client.hello`."""
        return await self.call(_hello())

    async def identify(self, name: str = "") -> c.Identified:
        """See `Client.identify`."""
        return await self.call(_identify(name))

    async def describe(self) -> c.Description:
        """See `Client.describe`."""
        return await self.call(_describe())

    async def create_token(self, name: str, scopes: Sequence[Scope], *, public_key: str = "") -> c.TokenCreated:
        """See `Client.create_token`."""
        return await self.call(_create_token(name, scopes, public_key))

    async def tokens(self) -> list[TokenInfo]:
        """See `Client.tokens`."""
        return await self.call(_tokens())

    async def revoke_token(self, name: str) -> c.TokenRevoked:
        """See `Client.revoke_token`."""
        return await self.call(_revoke_token(name))

    async def audit(self, limit: int = 50) -> list[AuditLine]:
        """See `Client.audit`."""
        return await self.call(_audit(limit))

    async def incidents(self) -> list[Incident]:
        """See `Client.incidents`."""
        return await self.call(_incidents())

    async def incident(self, id: str) -> Incident:
        """See `Client.incident`."""
        return await self.call(_incident(id))

    async def clear_incidents(self) -> list[Incident]:
        """See `Client.clear_incidents`."""
        return await self.call(_clear_incidents())

    async def open_review(self, session: str = "", *, at_s: float = 0.0) -> c.ReviewOpened:
        """See `Client.open_review`."""
        return await self.call(_open_review(session, at_s))
