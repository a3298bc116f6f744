"""Commands about the daemon's settings: init, show, check, set, reload. The daemon's package reads and writes them."""

from pathlib import Path
from typing import Annotated, TypeVar

import typer
from msgspec.structs import replace

from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.daemon_package import ask
from reeld_proto.configuration import CheckedConfig, ConfigSet, MadeConfig, ShownConfig
from reeld_proto.errors import ErrorCode, ReeldError

T = TypeVar("T")
_LIMIT_S = 20.0
"""Reading a file takes milliseconds, starting Python on a busy machine seconds."""

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The config file (REELD_CONFIG).", show_default=False),
]


def init(
    _invocation: Invocation,
    *,
    config: ConfigOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> Answer:
    """Write a config file with every setting, its meaning and its default."""
    return Answer(_ask("init", config, MadeConfig, *(["--force"] if force else [])))


def show(_invocation: Invocation, *, config: ConfigOption = None) -> Answer:
    """Show the settings that hold, and where each comes from."""
    return Answer(_ask("show", config, ShownConfig))


def check(
    _invocation: Invocation,
    *,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Without one the file that holds.", show_default=False)
    ] = None,
) -> Answer:
    """Check a config file: every fault at once, exit code 2 if there is one."""
    return Answer(_ask("check", file, CheckedConfig))


def set_(
    invocation: Invocation,
    *,
    key: Annotated[str, typer.Argument(metavar="KEY", help="As in `config show`.", show_default=False)],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="30, true, high, '[\"a\"]'", show_default=False)],
    config: ConfigOption = None,
) -> Answer:
    """Change a setting in the config file; comments and order stay. A daemon that runs takes over what it can."""
    done = _ask("set", config, ConfigSet, f"--key={key}", f"--value={value}")
    return Answer(_told(invocation, done))


def reload(invocation: Invocation) -> Answer:
    """Have the daemon read its config file again, and tell what holds at once and what needs a restart."""
    with invocation.client() as client:
        done = client.reload_config()
    invocation.warn(done.warnings)
    return Answer(done)


def _ask(what: str, path: Path | None, kind: type[T], *words: str) -> T:
    where = [] if path is None else ["--config", str(path.expanduser().absolute())]
    return ask("reeld.settings", [what, *where, *words], kind, _LIMIT_S)


def _told(invocation: Invocation, done: ConfigSet) -> ConfigSet:
    """The answer with what a running daemon makes of the change. One that cannot read it again needs a restart."""
    if done.was == done.value:
        return done
    try:
        with invocation.client() as client:
            reply = client.reload_config()
    except ReeldError as error:
        return replace(done, restart=error.code is not ErrorCode.NO_DAEMON)
    if Path(reply.path).resolve() != Path(done.path).resolve():
        return done
    return replace(done, live=done.key in reply.live, restart=done.key in reply.restart)


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    group = typer.Typer(help="The daemon's settings: make, show, check and change the config file.")
    for function in (init, show, check, reload):
        command(group)(function)
    command(group, name="set")(set_)
    app.add_typer(group, name="config")
