"""Commands about who may do what, and what was done: token, describe, audit."""

from typing import Annotated

import typer

from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_proto.access import AuditLine, Scope, TokenInfo

TokenArgument = Annotated[str, typer.Argument(metavar="NAME", help="The token's name.", show_default=False)]


class TokenNames(list[TokenInfo]):
    """A list that is printed as tokens, not as sessions."""


class AuditLines(list[AuditLine]):
    """A list that is printed as the audit, not as sessions."""


def create(
    invocation: Invocation,
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What it is for.", show_default=False)],
    scope: Annotated[list[Scope], typer.Option("--scope", help="What it allows; repeatable.", show_default=False)],
) -> Answer:
    """Make a token for an application and print it, this once."""
    with invocation.client() as client:
        return Answer(client.create_token(name, scope))


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
