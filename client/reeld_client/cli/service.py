"""Commands that have the daemon start at login, and look after that. None of them needs a daemon."""

from typing import Annotated

import typer

from reeld_client.cli.command import command
from reeld_client.cli.invocation import Answer, Invocation
from reeld_client.core import Call
from reeld_proto.commands import Status
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected

_PATIENCE_S = 1.0
"""A daemon that does not answer by then is no reason to keep its repair waiting."""


def install(invocation: Invocation) -> Answer:
    """Start the daemon now and at every login. Again after an upgrade; a daemon that records is not restarted by it."""
    from reeld_client.cli.own_daemon import check_installed  # noqa: PLC0415 - whoever asks for status need not wait
    from reeld_client.release import installed_release  # noqa: PLC0415
    from reeld_client.service import installing  # noqa: PLC0415
    from reeld_client.service.choosing import this_manager  # noqa: PLC0415
    from reeld_client.service.daemon_command import daemon_command  # noqa: PLC0415

    check_installed()
    manager = this_manager()
    chosen = daemon_command(invocation.runtime, invocation.store)
    content = manager.rendered(chosen.words, installed_release(), own_runtime=chosen.own_runtime)
    running = _asked(invocation)
    if running is not None and running.daemon.pid != manager.status().pid:
        raise RequestRejected(
            f"a daemon that is not the service's is running (process {running.daemon.pid})",
            code=ErrorCode.ALREADY_RUNNING,
            remedy=f"End it first: kill {running.daemon.pid}",
        )
    done = installing.install(manager, content, _session(running))
    invocation.warn(done.warnings)
    return Answer(done)


def uninstall(invocation: Invocation) -> Answer:
    """Stop the daemon cleanly and remove all that `install` made. Recordings and settings stay."""
    from reeld_client.service import installing  # noqa: PLC0415
    from reeld_client.service.choosing import this_manager  # noqa: PLC0415

    done = installing.uninstall(this_manager(), _session(_asked(invocation)))
    invocation.warn(done.warnings)
    return Answer(done)


def status(_invocation: Invocation) -> Answer:
    """Show whether the daemon is installed, starts at login and runs."""
    from reeld_client.service.choosing import this_manager  # noqa: PLC0415

    return Answer(this_manager().status())


def logs(
    invocation: Invocation,
    *,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=1_000_000, metavar="N", help="How many.")] = 50,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", metavar="", help="Go on with what comes, until Ctrl-C.")
    ] = False,
) -> Answer:
    """Print what the daemon and its workers said last, a JSON document a line, and the manager about them."""
    from reeld_client.service.choosing import this_manager  # noqa: PLC0415

    manager = this_manager()
    if follow and invocation.json:
        raise RequestRejected("--follow has no end, so it cannot be one JSON document", remedy="Leave one of them out.")
    if follow:
        manager.follow_logs(lines)
    return Answer(manager.logs(lines))


def _asked(invocation: Invocation) -> Status | None:
    """What the daemon on the chosen runtime directory says of itself, if it answers at once."""
    from reeld_client import calls  # noqa: PLC0415

    question = calls.status()
    try:
        with invocation.client() as client:
            return client.call(Call(question.command, question.read, _PATIENCE_S))
    except ReeldError:
        return None


def _session(running: Status | None) -> str | None:
    return running.session.id if running is not None and running.session is not None else None


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    group = typer.Typer(help="Start the daemon at login: systemd on Linux, launchd on macOS.")
    for function in (install, uninstall, status, logs):
        command(group)(function)
    app.add_typer(group, name="service")
