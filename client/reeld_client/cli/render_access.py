"""What `reelctl token`, `describe` and `audit` say to a person."""

from rich.console import Console

from reeld_client.cli.access import AuditLines, ConnectionMade, TokenNames
from reeld_client.cli.render_live import table, words
from reeld_proto.commands import Description, TokenCreated, TokenRevoked


def print_created(console: Console, made: TokenCreated) -> None:
    """The token alone on a line of its own, so that it can be copied and piped; it is never wrapped."""
    console.print(words(made.token), soft_wrap=True)


def print_connection(console: Console, made: ConnectionMade) -> None:
    """`reelctl token create --new-connection`."""
    console.print(words(made.name, "green"), words(f"may connect to {made.control} with {made.connection}"))


def print_revoked(console: Console, found: TokenRevoked) -> None:
    """`reelctl token revoke`."""
    console.print(words(f"token {found.name} is revoked", "green"))


def print_tokens(console: Console, found: TokenNames) -> None:
    """`reelctl token list`."""
    if not found:
        console.print("[dim]no tokens[/]")
        return
    rows = table("name", "scopes", "created")
    for one in found:
        rows.add_row(words(one.name), words(" ".join(one.scopes)), words(one.created_at))
    console.print(rows)


def print_audit(console: Console, found: AuditLines) -> None:
    """`reelctl audit`; the session is in `--json`, for a line of 80 characters has no room for it."""
    if not found:
        console.print("[dim]nothing was changed yet[/]")
        return
    rows = table("at (UTC)", "who", "process", "command", "result")
    for one in found:
        process = " ".join(filter(None, (one.client, "" if one.pid is None else str(one.pid))))
        result = words(one.result, "" if one.result == "done" else "red")
        rows.add_row(words(one.at[:19].replace("T", " ")), words(one.who), words(process), words(one.what), result)
    console.print(rows)


def print_description(console: Console, found: Description) -> None:
    """The commands, events and errors, a line each; the fields are in `--json`."""
    rows = table("command", "scope", "fields")
    for one in found.commands:
        rows.add_row(words(one.type), words(one.scope or ""), words(" ".join(field.name for field in one.fields)))
    console.print(rows)
    console.print()
    rows = table("event", "topic", "fields")
    for one in found.events:
        rows.add_row(words(one.type), words(one.topic), words(" ".join(field.name for field in one.fields)))
    console.print(rows)
    console.print()
    rows = table("error", "exit code", "meaning", right=["exit code"])
    for fault in found.errors:
        rows.add_row(words(fault.code), words(str(fault.exit_code)), words(fault.meaning))
    console.print(rows)
