"""What the commands of the service say to a person."""

from rich.console import Console

from reeld_client.cli.render_live import words
from reeld_client.service.models import ServiceInstalled, ServiceLogs, ServiceRemoved, ServiceStatus


def print_service(console: Console, found: ServiceStatus) -> None:
    """`reelctl service status`."""
    if not found.installed:
        console.print(words("not installed; `reelctl service install` starts reeld now and at every login", "yellow"))
        return
    serving = f"running, process {found.pid}" if found.active else found.state
    login = "starts at login" if found.enabled else "does not start at login"
    console.print(words(f"{'●' if found.active else '○'} {serving}", "green" if found.active else "yellow"))
    console.print(words(f"{found.manager}: {login}", "" if found.enabled else "yellow"))
    console.print(words(found.path), soft_wrap=True)


def print_installed(console: Console, done: ServiceInstalled) -> None:
    """`reelctl service install`."""
    if not done.changed:
        about = "installed already, nothing changed"
    else:
        about = "installed; the daemon was restarted" if done.restarted else "installed"
    state = f"running, process {done.pid}" if done.active else "not running"
    console.print(words(f"✓ {about}; {state}", "green" if done.active else "yellow"))
    console.print(words(done.path), soft_wrap=True)


def print_removed(console: Console, done: ServiceRemoved) -> None:
    """`reelctl service uninstall`."""
    if not done.removed:
        console.print(words("nothing was installed"))
        return
    console.print(words("✓ stopped and removed; recordings stay where they are", "green"))
    for path in done.removed:
        console.print(words(path), soft_wrap=True)


def print_logs(console: Console, found: ServiceLogs) -> None:
    """`reelctl service logs`."""
    if not found.lines:
        console.print(words(f"nothing in {found.source} yet"))
    for line in found.lines:
        console.print(words(line), soft_wrap=True)
