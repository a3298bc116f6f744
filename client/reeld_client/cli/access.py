"""Commands about who may do what, and what was done: token, describe, audit."""

from pathlib import Path
from typing import Annotated

import typer

from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.client import Client
from reeld_client.connection import connection_of, new_keys, write_connection
from reeld_proto.access import AuditLine, Scope, TokenInfo
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected
from reeld_proto.records import Record

TokenArgument = Annotated[str, typer.Argument(metavar="NAME", help="The token's name.", show_default=False)]


class ConnectionMade(Record, frozen=True, kw_only=True):
    """What `reelctl token create --new-connection` answers; the secret stands in the file alone."""

    name: str
    scopes: list[Scope]
    connection: str
    control: str


class TokenNames(list[TokenInfo]):
    """A list that is printed as tokens, not as sessions."""


class AuditLines(list[AuditLine]):
    """A list that is printed as the audit, not as sessions."""


def create(
    invocation: Invocation,
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What it is for.", show_default=False)],
    scope: Annotated[list[Scope], typer.Option("--scope", help="What it allows; repeatable.", show_default=False)],
    new_connection: Annotated[
        Path | None,
        typer.Option(
            "--new-connection",
            metavar="FILE",
            help="Write what a client needs to come over TCP: addresses and keys.",
            show_default=False,
        ),
    ] = None,
) -> Answer:
    """Make a token for an application and print it, this once."""
    with invocation.client() as client:
        if new_connection is None:
            return Answer(client.create_token(name, scope))
        return Answer(_connected(client, name, scope, new_connection))


def _connected(client: Client, name: str, scope: list[Scope], path: Path) -> ConnectionMade:
    if path.exists():
        raise RequestRejected(
            f"there is a file {path} already", code=ErrorCode.WRONG_STATE, remedy="Name another, or remove it."
        )
    keys = new_keys()
    made = client.create_token(name, scope, public_key=keys[0])
    if made.remote is None:
        raise InternalError("the daemon did not say where it is reached")
    try:
        write_connection(path, connection_of(made.remote, keys))
    except RequestRejected:
        # A key that nobody holds must not stay valid.
        client.revoke_token(name)
        raise
    return ConnectionMade(name=name, scopes=made.scopes, connection=str(path), control=made.remote.control)


def listed(invocation: Invocation) -> Answer:
    """List the tokens that are valid."""
    with invocation.client() as client:
        return Answer(TokenNames(client.tokens()))


def revoke(invocation: Invocation, *, name: TokenArgument) -> Answer:
    """End a token, for connections that use it too."""
    with invocation.client() as client:
        return Answer(client.revoke_token(name))


def describe(invocation: Invocation) -> Answer:
    """Show the protocol: all commands, fields, events and errors; with --json as data."""
    with invocation.client() as client:
        return Answer(client.describe())


def audit(
    invocation: Invocation,
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="The newest N lines.")] = 50,
) -> Answer:
    """Show who changed what and when, and what was refused."""
    with invocation.client() as client:
        return Answer(AuditLines(client.audit(limit)))


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    tokens = typer.Typer(help="Tokens with which applications may do less than you.")
    command(tokens)(create)
    command(tokens, name="list")(listed)
    command(tokens)(revoke)
    app.add_typer(tokens, name="token")
    command(app)(describe)
    command(app)(audit)
